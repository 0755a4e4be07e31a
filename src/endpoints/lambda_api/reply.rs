//! What replies about invocations have in common, whichever endpoint sends them.

use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::headers::{COLD_START, ENVIRONMENT_ID, REQUEST_ID};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Outcome, Ran};
use crate::system::http::Reply;

/// Refuses an invocation that failed because of mtl itself. Such a failure is no function error, so it
/// must be found before the reply begins.
///
/// # Errors
///
/// With the failure.
pub(crate) fn refuse_service_failure(outcome: &Outcome) -> Result<(), ApiError> {
    match outcome {
        Outcome::Failure(Failure::Service(message)) => Err(ApiError::Service(message.clone())),
        Outcome::Failure(_) | Outcome::Success(_) => Ok(()),
    }
}

/// Sets mtl's own headers: which environment ran the invocation, and whether it was a cold start.
pub(crate) fn set_environment(reply: &mut Reply, Ran { environment_id, is_cold }: Ran) {
    set_id(reply, &ENVIRONMENT_ID, environment_id);
    let is_cold = if is_cold { "true" } else { "false" };
    reply.headers_mut().insert(&COLD_START, HeaderValue::from_static(is_cold));
}

/// Sets the header that names the request. Every reply has it, refusals too.
pub(crate) fn set_request_id(reply: &mut Reply, request_id: Uuid) {
    set_id(reply, &REQUEST_ID, request_id);
}

fn set_id(reply: &mut Reply, name: &HeaderName, id: Uuid) {
    let mut text = Uuid::encode_buffer();
    if let Ok(id) = HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)) {
        reply.headers_mut().insert(name, id);
    }
}
