//! The payload of an invocation, as every endpoint that takes one reads it: to its end, and refused
//! where it is larger than Lambda takes.

use bytes::Bytes;
use hyper::body::Incoming;

use crate::endpoints::lambda_api::error::ApiError;
use crate::lambda::invocation_type::InvocationType;
use crate::lambda::quotas;
use crate::system::http::{self, RequestBody};

/// Reads a payload to its end.
///
/// # Errors
///
/// When it is larger than an invocation of this type takes, or cut off.
pub(crate) async fn payload(
    body: Incoming,
    invocation_type: InvocationType,
) -> Result<Bytes, ApiError> {
    let is_event = invocation_type == InvocationType::Event;
    let limit = match invocation_type {
        InvocationType::Event => quotas::ASYNCHRONOUS_REQUEST_BYTES,
        InvocationType::RequestResponse | InvocationType::DryRun => {
            quotas::SYNCHRONOUS_REQUEST_BYTES
        }
    };
    match http::read(body, limit, http::DISCARDED_BYTES).await {
        RequestBody::Complete(payload) => Ok(payload),
        RequestBody::TooLarge(bytes) if is_event => Err(ApiError::EventTooLarge(bytes)),
        RequestBody::TooLarge(_) => Err(ApiError::RequestTooLarge),
        RequestBody::Truncated => Err(ApiError::TruncatedRequest),
    }
}
