//! The Invoke API over HTTP: `POST /2015-03-31/functions/{name}/invocations`. Turns a request into
//! an invocation and its outcome into the reply that AWS gives. Knows no environments.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

pub mod context;
pub mod error;
pub mod name;
pub mod tenant;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use crate::data_plane::DataPlane;
use crate::function::{Function, LATEST, TenantId};
use crate::http::{Body, Reply, json as json_reply, read};
use crate::invocation::{self, Completed, Failure, Invocation, Outcome};
use crate::quotas;
use error::ApiError;

/// How much of a body that is too large is read, and thrown away, before the 413: a caller that is
/// still sending would see a reset instead.
const DISCARDED_BYTES: u64 = 64 * 1024 * 1024;

/// Answers an Invoke request for the function with this name.
pub async fn invoke(data_plane: DataPlane, name: String, request: Request<Incoming>) -> Reply {
    let request_id = Uuid::new_v4();
    let mut reply = match try_invoke(&data_plane, &name, request, request_id).await {
        Ok(completed) => outcome_reply(&completed.outcome, request_id),
        Err(error) => error.reply(),
    };
    set_request_id(&mut reply, request_id);
    reply
}

async fn try_invoke(
    data_plane: &DataPlane,
    name: &str,
    request: Request<Incoming>,
    request_id: Uuid,
) -> Result<Completed, ApiError> {
    let (head, body) = request.into_parts();
    let checked = check_head(data_plane.function(), name, &head);
    // The body is read even if the request is refused already, so that the caller sees why.
    let body = body_of(body).await;
    let headers = checked?;
    let request = invocation::Request {
        tenant_id: headers.tenant_id,
        payload: body?,
        trace_id: head.headers.get("X-Amzn-Trace-Id").cloned(),
        headers: headers.for_runtime,
    };
    let mode = data_plane.function().tenant_isolation_mode;
    let invocation = Invocation::new(mode, request, request_id)?;
    run(data_plane, invocation).await
}

/// What the head of a request says about the invocation.
struct Head {
    tenant_id: Option<TenantId>,
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
    Ok(Head { tenant_id, for_runtime: context::headers(&head.headers)? })
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

/// Runs an invocation.
///
/// # Errors
///
/// When it did not reach an environment, or mtl could not run the function.
pub async fn run(data_plane: &DataPlane, invocation: Invocation) -> Result<Completed, ApiError> {
    let completed = data_plane.invoke(invocation).await?;
    match &completed.outcome {
        Outcome::Failure(Failure::Service(message)) => Err(ApiError::Service(message.clone())),
        _ => Ok(completed),
    }
}

fn outcome_reply(outcome: &Outcome, request_id: Uuid) -> Reply {
    let (payload, function_error) = match outcome {
        Outcome::Success(answer) => (answer.payload.clone(), None),
        Outcome::Failure(failure) => (failure.payload(request_id), Some("Unhandled")),
    };
    let mut reply = json_reply(StatusCode::OK, payload);
    let headers = reply.headers_mut();
    headers.insert("X-Amz-Executed-Version", HeaderValue::from_static(LATEST));
    headers.insert("X-Amzn-Remapped-Content-Length", HeaderValue::from_static("0"));
    if let Some(function_error) = function_error {
        headers.insert("X-Amz-Function-Error", HeaderValue::from_static(function_error));
    }
    reply
}

/// Every reply names the request, refusals too.
pub fn set_request_id(reply: &mut Reply, request_id: Uuid) {
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        reply.headers_mut().insert("x-amzn-RequestId", id);
    }
}
