//! `X-Amz-Invocation-Type`: whether the caller waits for the answer.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>

use http::{HeaderMap, HeaderValue};

use crate::endpoints::lambda_api::headers::INVOCATION_TYPE;
use crate::lambda::invocation_type::InvocationType;

/// The invocation type of a request.
///
/// # Errors
///
/// With AWS's text for a type that doesn't exist.
pub(crate) fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, String> {
    match headers.get(&INVOCATION_TYPE).map(HeaderValue::as_bytes) {
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
