//! `X-Amz-Invocation-Type`: whether the caller waits for the answer. Knows no invocations.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>

use http::{HeaderMap, HeaderValue};

/// How an invocation is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocationType {
    /// The caller waits for the answer.
    RequestResponse,
    /// The event is queued, and the caller gets 202.
    Event,
    /// Everything is checked and nothing runs; the caller gets 204.
    DryRun,
}

/// The invocation type of a request.
///
/// # Errors
///
/// With AWS's text for a type that doesn't exist.
pub fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, String> {
    match headers.get("X-Amz-Invocation-Type").map(HeaderValue::as_bytes) {
        None | Some(b"" | b"RequestResponse") => Ok(InvocationType::RequestResponse),
        Some(b"Event") => Ok(InvocationType::Event),
        Some(b"DryRun") => Ok(InvocationType::DryRun),
        Some(other) => Err(format!(
            "Value '{}' at 'invocationType' failed to satisfy constraint: \
             Member must satisfy enum value set: [Event, DryRun, RequestResponse]",
            String::from_utf8_lossy(other)
        )),
    }
}
