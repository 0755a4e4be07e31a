//! The plain route of the local server in Swift's Lambda runtime, by default `POST /invoke`: what
//! the caller sends reaches the runtime, and the answer comes back with that server's statuses.

use bytes::Bytes;
use http::header::{
    CONNECTION, DATE, EXPECT, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::data_plane::DataPlane;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::payload::payload;
use crate::endpoints::lambda_api::reply::{
    refuse_service_failure, set_environment, set_request_id,
};
use crate::endpoints::lambda_api::tenant::tenant_id;
use crate::endpoints::lambda_api::trace::new_trace_id;
use crate::lambda::invocation::{
    Completed, Invocation, InvocationRequest, Outcome, Response, ResponseMode,
};
use crate::lambda::invocation_type::InvocationType;
use crate::system::http::{Aborted, Reply, json as json_reply, stream};
use crate::system::random::random_uuid;

/// The headers with the tenant id: the name that the Runtime API has for it, and that of the Invoke API.
const TENANT_ID: [&str; 2] = ["Lambda-Runtime-Aws-Tenant-Id", "X-Amz-Tenant-Id"];

/// Headers about one connection, besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 7] =
    [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Answers a request on the plain route.
pub(crate) async fn invoke(data_plane: DataPlane, request: Request<Incoming>) -> Reply {
    let request_id = random_uuid();
    let mut reply = match try_invoke(&data_plane, request, request_id).await {
        Ok(reply) => reply,
        Err(error) => error.reply(),
    };
    set_request_id(&mut reply, request_id);
    reply
}

async fn try_invoke(
    data_plane: &DataPlane,
    request: Request<Incoming>,
    request_id: Uuid,
) -> Result<Reply, ApiError> {
    let (head, body) = request.into_parts();
    let tenant_id = tenant_id(&head.headers, &TENANT_ID);
    // The body is read even if the request is refused already, so that the caller sees why.
    let payload = payload(body, InvocationType::RequestResponse).await;
    let request = InvocationRequest {
        tenant_id: tenant_id?,
        payload: payload?,
        trace_id: trace_id(&head.headers).unwrap_or_else(new_trace_id),
        headers: forwarded(&head.headers),
        response_mode: ResponseMode::Streaming,
        cold: false,
    };
    let mode = data_plane.function().tenant_isolation_mode;
    let invocation = Invocation::new(mode, request, request_id)?;
    let response = data_plane.start_invocation(invocation).await?;
    if let Response::Complete(completed) = &response {
        refuse_service_failure(&completed.outcome)?;
    }
    let ran = response.ran();
    let mut reply = response_reply(response, request_id);
    set_environment(&mut reply, ran);
    Ok(reply)
}

fn trace_id(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get("Lambda-Runtime-Trace-Id").or_else(|| headers.get("X-Amzn-Trace-Id")).cloned()
}

/// The headers that reach the runtime, each with its first value only, which is the one that most
/// programs use of several.
fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let connection = headers.get_all(CONNECTION);
    let named: Vec<String> = connection
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut forwarded = HeaderMap::new();
    for name in headers.keys().filter(|name| is_forwarded(name)) {
        if let Some(value) = headers.get(name)
            && !named.iter().any(|hop| hop == name.as_str())
        {
            forwarded.insert(name.clone(), value.clone());
        }
    }
    forwarded
}

fn is_forwarded(name: &HeaderName) -> bool {
    let text = name.as_str();
    let about_this_message = [HOST, EXPECT, DATE].contains(name)
        || text.starts_with("content-")
        || text.starts_with("accept-");
    let about_this_connection =
        HOP_BY_HOP.contains(name) || text == "keep-alive" || text == "proxy-connection";
    !about_this_message && !about_this_connection
}

/// 202 for an answer, 200 for a streamed one, 500 for a function error.
fn response_reply(response: Response, request_id: Uuid) -> Reply {
    let completed = match response {
        Response::Complete(completed) => completed,
        Response::Streaming { chunks, completed, .. } => {
            return stream("application/octet-stream", pass_on(chunks, completed));
        }
    };
    match completed.outcome {
        Outcome::Success(answer) => json_reply(StatusCode::ACCEPTED, answer.payload),
        Outcome::Failure(failure) => {
            json_reply(StatusCode::INTERNAL_SERVER_ERROR, failure.payload(request_id))
        }
    }
}

/// Passes a stream on as it comes. A stream that fails is cut off: its status was sent already, and the
/// client must not take the part that it has for the whole answer.
fn pass_on(
    mut chunks: mpsc::Receiver<Bytes>,
    completed: oneshot::Receiver<Completed>,
) -> mpsc::Receiver<Result<Bytes, Aborted>> {
    let (sender, reader) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(chunk) = chunks.recv().await {
            if sender.send(Ok(chunk)).await.is_err() {
                return;
            }
        }
        let succeeded = completed.await.is_ok_and(|end| matches!(end.outcome, Outcome::Success(_)));
        if !succeeded {
            let _ = sender.send(Err(Aborted)).await;
        }
    });
    reader
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::forwarded;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn what_is_about_the_connection_or_the_message_is_not_forwarded() {
        let all = headers(&[
            ("host", "x"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("expect", "100-continue"),
            ("date", "today"),
            ("content-length", "2"),
            ("content-type", "text/plain"),
            ("accept-encoding", "gzip"),
            ("proxy-authorization", "x"),
            ("authorization", "Bearer x"),
            ("x-custom", "first"),
            ("x-custom", "second"),
        ]);
        let mut left: Vec<_> =
            forwarded(&all).iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["authorization: Bearer x", "x-custom: first"]);
    }
}
