//! The Runtime API's answers, in the words of AWS's.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::environment::lifecycle::events::Verdict;
use crate::lambda::quotas;
use crate::system::http::{Reply, json as json_reply, text};

/// The answer to a POST.
pub(crate) fn verdict_reply(verdict: Verdict) -> Reply {
    match verdict {
        Verdict::Accepted | Verdict::Proceed { .. } => {
            json_reply(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
        }
        Verdict::InvalidRequestId => {
            error_reply(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        }
        Verdict::Truncated => error_reply(
            StatusCode::BAD_REQUEST,
            "TruncatedHTTPRequest",
            "HTTP request detected as truncated",
        ),
        Verdict::InvalidTransition { from, to } => error_reply(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            &format!(
                "State transition from {from} to {to} failed for runtime. \
                 Error: State transition is not allowed"
            ),
        ),
        Verdict::TooLarge => error_reply(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!(
                "Exceeded maximum allowed payload size ({} bytes).",
                quotas::SYNCHRONOUS_RESPONSE_BYTES
            ),
        ),
    }
}

/// The answer where the environment has none.
pub(crate) fn internal_error() -> Reply {
    error_reply(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
}

/// An error in the form that clients read.
pub(crate) fn error_reply(status: StatusCode, error_type: &str, message: &str) -> Reply {
    let message = json!(message);
    let error_type = json!(error_type);
    json_reply(status, format!("{{\"errorMessage\":{message},\"errorType\":{error_type}}}\n"))
}

/// The answer to a path that the API doesn't have.
pub(crate) fn not_found() -> Reply {
    let mut reply = text(StatusCode::NOT_FOUND, "404 page not found\n");
    let headers = reply.headers_mut();
    headers.insert("X-Content-Type-Options", HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}
