//! The event stream in which `InvokeWithResponseStream` answers: `PayloadChunk` frames while the
//! function writes, and one `InvokeComplete` at the end.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::endpoints::invoke_api::request::LogType;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Outcome, Response};
use crate::system::http::Aborted;

/// The content type of the stream.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The largest payload of one frame, in bytes. A frame can hold 16 MB, but its reader would see
/// nothing before its end.
const FRAME_BYTES: usize = 256 * 1024;

/// What a frame has besides its payload: lengths, checksums and the three headers, in bytes.
const FRAME_OVERHEAD_BYTES: usize = 128;

/// Turns a response into frames as it comes, no faster than they are read.
#[must_use]
pub(crate) fn frames(
    response: Response,
    request_id: Uuid,
    log_type: LogType,
) -> mpsc::Receiver<Result<Bytes, Aborted>> {
    let (frames, reader) = mpsc::channel(1);
    tokio::spawn(async move {
        let completed = match response {
            Response::Complete(completed) => Some(completed),
            Response::Streaming { mut chunks, completed, .. } => {
                while let Some(chunk) = chunks.recv().await {
                    if send_payload(&frames, &chunk).await.is_err() {
                        // The caller has left. Dropping the chunks lets the function go on.
                        return;
                    }
                }
                completed.await.ok()
            }
        };
        let Some(mut completed) = completed else {
            let _ = frames.send(Err(Aborted)).await;
            return;
        };
        if let Outcome::Success(answer) = &completed.outcome
            && send_payload(&frames, &answer.payload).await.is_err()
        {
            return;
        }
        let log_tail =
            if log_type == LogType::Tail { Some(completed.log_tail().await) } else { None };
        let _ = frames.send(Ok(complete(&completed.outcome, request_id, log_tail))).await;
    });
    reader
}

/// Sends a payload in frames; fails when nobody reads them any more.
async fn send_payload(
    frames: &mpsc::Sender<Result<Bytes, Aborted>>,
    payload: &Bytes,
) -> Result<(), ()> {
    for start in (0..payload.len()).step_by(FRAME_BYTES) {
        let end = payload.len().min(start + FRAME_BYTES);
        let frame = frame("PayloadChunk", "application/octet-stream", payload.slice(start..end));
        frames.send(Ok(frame)).await.map_err(|_| ())?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InvokeComplete<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_result: Option<String>,
}

fn complete(outcome: &Outcome, request_id: Uuid, log_tail: Option<Bytes>) -> Bytes {
    let failure = match outcome {
        Outcome::Success(_) => None,
        Outcome::Failure(failure) => Some(failure),
    };
    let details =
        |failure: &Failure| String::from_utf8_lossy(&failure.payload(request_id)).into_owned();
    let event = InvokeComplete {
        error_code: failure.map(error_code),
        error_details: failure.map(details),
        log_result: log_tail.map(|tail| BASE64_STANDARD.encode(tail)),
    };
    let json = serde_json::to_vec(&event).unwrap_or_default();
    frame("InvokeComplete", "application/json", json.into())
}

/// An error that the runtime posted without a type that Lambda knows is `Unhandled`, as in the
/// header of a synchronous invocation.
fn error_code(failure: &Failure) -> &str {
    match failure.error_type() {
        "Runtime.Unknown" | "Function.Unknown" => "Unhandled",
        known => known,
    }
}

fn frame(event_type: &'static str, content_type: &'static str, payload: Bytes) -> Bytes {
    let header = |name: &'static str, value: &'static str| {
        Header::new(name, HeaderValue::String(value.into()))
    };
    let message = Message::new(payload)
        .add_header(header(":message-type", "event"))
        .add_header(header(":event-type", event_type))
        .add_header(header(":content-type", content_type));
    // With room for all of it, the payload is copied once and checksummed on the way.
    let mut bytes = Vec::with_capacity(message.payload().len() + FRAME_OVERHEAD_BYTES);
    // It fails for headers or payloads that are too long, and these have an upper bound.
    let written = write_message_to(&message, &mut bytes);
    debug_assert!(written.is_ok(), "a frame is shorter than 16 MB");
    bytes.into()
}
