//! One invocation of a local server whose answer is passed on as it comes: the event stream of
//! Lambda's route, or the body of an endpoint with a path of its own.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::Message;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Deserialize;

use crate::client::answer::{self, InvokeAnswer};
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::client::local::{ANSWER_TIMEOUT, RequestHead, no_answer, send};
use crate::system::http::call::within;

/// How a stream ended: `InvokeWithResponseStreamCompleteEvent`.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStreamCompleteEvent.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Complete {
    /// The type of the function's error, if it failed.
    pub(crate) error_code: Option<String>,
    /// What the error is.
    pub(crate) error_details: Option<String>,
    /// The end of the log in base64, where it was asked for.
    pub(crate) log_result: Option<String>,
}

impl Complete {
    /// The end of the stream as an answer. Its payload is empty, since it has been passed on already,
    /// or the error of a function that failed.
    #[must_use]
    pub(crate) fn answer(self, status: u16, executed_version: Option<String>) -> InvokeAnswer {
        InvokeAnswer {
            status,
            function_error: self.error_code,
            executed_version,
            request_id: None,
            log_result: self.log_result,
            payload: self.error_details.map(Bytes::from).unwrap_or_default(),
        }
    }
}

/// Invokes a function of the server at `endpoint` and passes its answer on piece by piece.
///
/// # Errors
///
/// When the server can't be reached, refuses, can't stream, or ends the stream early.
pub(crate) async fn invoke(
    endpoint: &Endpoint,
    input: InvokeInput,
    headers: &HeaderMap,
    mut pass_on: impl FnMut(&[u8]),
) -> Result<InvokeAnswer, InvokeError> {
    let invocation_type = input.invocation_type;
    let target = endpoint.streaming_target(&input.function_name);
    let request = RequestHead::new(endpoint, &target, headers).request(input);
    let response = send(endpoint, request).await?;
    let (head, body) = response.into_parts();
    if head.status != StatusCode::OK && head.status != StatusCode::ACCEPTED {
        let body = within(ANSWER_TIMEOUT, body.collect()).await;
        let body = body.map_err(|error| no_answer(endpoint, error))?;
        return answer::read(&head, body.to_bytes(), invocation_type);
    }
    let is_event_stream = head
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/vnd.amazon.eventstream"));
    let version = head.headers.get("x-amz-executed-version");
    let version = version.and_then(|version| version.to_str().ok()).map(str::to_owned);
    let complete = if is_event_stream {
        events(endpoint, body, &mut pass_on).await?
    } else {
        bytes(endpoint, body, &mut pass_on).await?
    };
    Ok(complete.answer(head.status.as_u16(), version))
}

async fn bytes(
    endpoint: &Endpoint,
    mut body: Incoming,
    pass_on: &mut impl FnMut(&[u8]),
) -> Result<Complete, InvokeError> {
    while let Some(data) = next_piece(endpoint, &mut body).await? {
        pass_on(&data);
    }
    Ok(Complete::default())
}

/// The next bytes of a streamed answer; `None` at its end.
async fn next_piece(
    endpoint: &Endpoint,
    body: &mut Incoming,
) -> Result<Option<Bytes>, InvokeError> {
    let frame = within(ANSWER_TIMEOUT, async { body.frame().await.transpose() }).await;
    let frame = frame.map_err(|error| no_answer(endpoint, error))?;
    // A frame without data has trailers, which come last.
    Ok(frame.and_then(|frame| frame.into_data().ok()))
}

async fn events(
    endpoint: &Endpoint,
    mut body: Incoming,
    pass_on: &mut impl FnMut(&[u8]),
) -> Result<Complete, InvokeError> {
    let mut decoder = MessageFrameDecoder::new();
    let mut buffer = BytesMut::new();
    while let Some(data) = next_piece(endpoint, &mut body).await? {
        buffer.extend_from_slice(&data);
        loop {
            match decoder.decode_frame(&mut buffer) {
                Ok(DecodedFrame::Complete(message)) if event_type(&message) == "InvokeComplete" => {
                    return serde_json::from_slice(message.payload())
                        .map_err(|_| not_a_stream(message.payload()));
                }
                Ok(DecodedFrame::Complete(message)) => pass_on(message.payload()),
                Ok(DecodedFrame::Incomplete) => break,
                Err(_) => return Err(not_a_stream(&buffer)),
            }
        }
    }
    Err(InvokeError::StreamEnded { endpoint: endpoint.to_string() })
}

fn event_type(message: &Message) -> &str {
    let header = message.headers().iter().find(|header| header.name().as_str() == ":event-type");
    header.and_then(|header| header.value().as_string().ok()).map_or("", |value| value.as_str())
}

fn not_a_stream(bytes: &[u8]) -> InvokeError {
    InvokeError::not_an_answer(StatusCode::OK, Bytes::copy_from_slice(bytes))
}
