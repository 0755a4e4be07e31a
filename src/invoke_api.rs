//! The Invoke API over HTTP: `POST /2015-03-31/functions/{name}/invocations`. Turns a request into
//! an invocation and its outcome into the reply that AWS gives. Knows no environments.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

pub mod context;
pub mod error;
pub mod event_stream;
pub mod name;
pub mod tenant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::data_plane::DataPlane;
use crate::function::{Function, LATEST, TenantId};
use crate::http::{Body, Reply, json as json_reply, read, stream};
use crate::invocation::failure::Failure;
use crate::invocation::{self, Completed, Invocation, Outcome, Response, ResponseMode};
use crate::quotas;
use error::ApiError;

/// How much of a body that is too large is read, and thrown away, before the 413: a caller that is
/// still sending would see a reset instead.
const DISCARDED_BYTES: u64 = 64 * 1024 * 1024;

/// Answers an Invoke request for the function with this name.
pub async fn invoke(data_plane: DataPlane, name: String, request: Request<Incoming>) -> Reply {
    let request_id = Uuid::new_v4();
    let reply = async {
        let (invocation, log_type) =
            invocation(&data_plane, &name, request, (request_id, ResponseMode::Buffered)).await?;
        let trace_id = invocation.trace_id.clone();
        let completed = run(&data_plane, invocation).await?;
        let mut reply = outcome_reply(&completed, request_id, log_type);
        reply.headers_mut().insert("X-Amzn-Trace-Id", trace_id);
        Ok(reply)
    };
    finish(reply.await, request_id)
}

/// Answers an `InvokeWithResponseStream` request for the function with this name.
pub async fn invoke_with_response_stream(
    data_plane: DataPlane,
    name: String,
    request: Request<Incoming>,
) -> Reply {
    let request_id = Uuid::new_v4();
    let reply = async {
        let (invocation, log_type) =
            invocation(&data_plane, &name, request, (request_id, ResponseMode::Streaming)).await?;
        let response = data_plane.start_invocation(invocation).await?;
        refuse_service_failure(&response)?;
        let environment_id = response.environment_id();
        let frames = event_stream::frames(response, request_id, log_type == LogType::Tail);
        let mut reply = stream(event_stream::CONTENT_TYPE, frames);
        set_executed(&mut reply, environment_id);
        Ok(reply)
    };
    finish(reply.await, request_id)
}

fn finish(reply: Result<Reply, ApiError>, request_id: Uuid) -> Reply {
    let mut reply = reply.unwrap_or_else(|error| error.reply());
    set_request_id(&mut reply, request_id);
    reply
}

/// Reads and checks a request.
async fn invocation(
    data_plane: &DataPlane,
    name: &str,
    request: Request<Incoming>,
    (request_id, response_mode): (Uuid, ResponseMode),
) -> Result<(Invocation, LogType), ApiError> {
    let (head, body) = request.into_parts();
    let checked = check_head(data_plane.function(), name, &head);
    // The body is read even if the request is refused already, so that the caller sees why.
    let body = body_of(body).await;
    let checked = checked?;
    let request = invocation::Request {
        tenant_id: checked.tenant_id,
        payload: body?,
        trace_id: head.headers.get("X-Amzn-Trace-Id").cloned(),
        headers: checked.for_runtime,
        response_mode,
        cold: head.headers.get("X-Mtl-Cold").is_some_and(|cold| cold == "true"),
    };
    let mode = data_plane.function().tenant_isolation_mode;
    Ok((Invocation::new(mode, request, request_id)?, checked.log_type))
}

/// Whether the reply has the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogType {
    None,
    Tail,
}

/// What the head of a request says about the invocation.
struct Head {
    tenant_id: Option<TenantId>,
    log_type: LogType,
    for_runtime: HeaderMap,
}

fn check_head(function: &Function, name: &str, head: &Parts) -> Result<Head, ApiError> {
    let qualifier = qualifier(head.uri.query().unwrap_or_default());
    let mut violations = name::violations(name, qualifier.as_deref());
    let tenant_id = tenant::tenant_id(head.headers.get("X-Amz-Tenant-Id"));
    let tenant_id = tenant_id.unwrap_or_else(|invalid| {
        violations.extend(invalid);
        None
    });
    let log_type = log_type(&head.headers).unwrap_or_else(|invalid| {
        violations.push(invalid);
        LogType::None
    });
    if !violations.is_empty() {
        return Err(ApiError::Validation(violations));
    }
    name::resolve(function, name, qualifier.as_deref())?;
    match head.headers.get("X-Amz-Invocation-Type").map(HeaderValue::as_bytes) {
        None | Some(b"" | b"RequestResponse") => {}
        Some(other) => {
            return Err(ApiError::InvalidParameterValue(format!(
                "mtl does not emulate the invocation type {} yet. Use RequestResponse.",
                String::from_utf8_lossy(other)
            )));
        }
    }
    Ok(Head { tenant_id, log_type, for_runtime: context::headers(&head.headers)? })
}

fn log_type(headers: &HeaderMap) -> Result<LogType, String> {
    match headers.get("X-Amz-Log-Type").map(HeaderValue::as_bytes) {
        None | Some(b"" | b"None") => Ok(LogType::None),
        Some(b"Tail") => Ok(LogType::Tail),
        Some(other) => Err(format!(
            "Value '{}' at 'logType' failed to satisfy constraint: \
             Member must satisfy enum value set: [None, Tail]",
            String::from_utf8_lossy(other)
        )),
    }
}

/// The `Qualifier` parameter; an empty one is none.
fn qualifier(query: &str) -> Option<String> {
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = parameters.find(|(name, _)| *name == "Qualifier")?;
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

/// Reads a payload to its end.
///
/// # Errors
///
/// When it is larger than a synchronous invocation takes, or cut off.
pub async fn body_of(body: Incoming) -> Result<bytes::Bytes, ApiError> {
    match read(body, quotas::SYNCHRONOUS_REQUEST_BYTES, DISCARDED_BYTES).await {
        Body::Complete(payload, _) => Ok(payload),
        Body::TooLarge(_) => Err(ApiError::RequestTooLarge),
        Body::Truncated => Err(ApiError::TruncatedRequest),
    }
}

async fn run(data_plane: &DataPlane, invocation: Invocation) -> Result<Completed, ApiError> {
    let completed = data_plane.invoke(invocation).await?;
    match &completed.outcome {
        Outcome::Failure(Failure::Service(message)) => Err(ApiError::Service(message.clone())),
        _ => Ok(completed),
    }
}

/// mtl's own failures are no function errors, so they are found before the reply begins.
///
/// # Errors
///
/// With the failure.
pub fn refuse_service_failure(response: &Response) -> Result<(), ApiError> {
    match response {
        Response::Complete(Completed {
            outcome: Outcome::Failure(Failure::Service(message)),
            ..
        }) => Err(ApiError::Service(message.clone())),
        _ => Ok(()),
    }
}

fn outcome_reply(completed: &Completed, request_id: Uuid, log_type: LogType) -> Reply {
    let (payload, function_error) = match &completed.outcome {
        Outcome::Success(answer) => (answer.payload.clone(), None),
        Outcome::Failure(failure) => (failure.payload(request_id), Some("Unhandled")),
    };
    let mut reply = json_reply(StatusCode::OK, payload);
    set_executed(&mut reply, completed.environment_id);
    let headers = reply.headers_mut();
    headers.insert("X-Amzn-Remapped-Content-Length", HeaderValue::from_static("0"));
    if let Some(function_error) = function_error {
        headers.insert("X-Amz-Function-Error", HeaderValue::from_static(function_error));
    }
    let log = (log_type == LogType::Tail).then(|| BASE64_STANDARD.encode(&completed.log_tail));
    if let Some(Ok(log)) = log.map(HeaderValue::try_from) {
        headers.insert("X-Amz-Log-Result", log);
    }
    reply
}

/// What every answer of an environment says: the version, and mtl's own header that tells
/// environments apart.
fn set_executed(reply: &mut Reply, environment_id: Uuid) {
    reply.headers_mut().insert("X-Amz-Executed-Version", HeaderValue::from_static(LATEST));
    set_environment_id(reply, environment_id);
}

/// Tells environments apart. AWS has no such header.
pub fn set_environment_id(reply: &mut Reply, environment_id: Uuid) {
    if let Ok(id) = HeaderValue::from_str(&environment_id.to_string()) {
        reply.headers_mut().insert("X-Mtl-Environment-Id", id);
    }
}

/// Every reply names the request, refusals too.
pub fn set_request_id(reply: &mut Reply, request_id: Uuid) {
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        reply.headers_mut().insert("x-amzn-RequestId", id);
    }
}
