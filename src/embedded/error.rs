//! Why an embedded emulator does not start, and why an invocation has no answer.

use std::io;

use thiserror::Error;

use crate::client::endpoint::EndpointError;
use crate::client::error::InvokeError as NoAnswer;
use crate::emulator::{FunctionError, StartError as NotStarted};
use crate::lambda::function::TenantIdError;

/// Why the emulator did not start: a value of the function that Lambda doesn't take, a handler that
/// can't be found, or a system that is out of something. Its text says which.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct StartError(#[from] StartFailure);

#[derive(Debug, Error)]
pub(crate) enum StartFailure {
    #[error(transparent)]
    Function(FunctionError),
    #[error("failed to start the thread of the emulator")]
    Thread(#[source] io::Error),
    #[error("the emulator ended while it was started")]
    Ended,
    #[error(transparent)]
    Emulator(NotStarted),
    #[error(transparent)]
    Endpoint(EndpointError),
}

/// Why an invocation has no answer of the function. An error that the function itself returns or runs
/// into is no such error: see [`InvokeResponse::function_error`](crate::InvokeResponse::function_error).
#[derive(Debug, Error)]
#[error(transparent)]
pub struct InvokeError(#[from] InvokeFailure);

#[derive(Debug, Error)]
pub(crate) enum InvokeFailure {
    #[error(transparent)]
    Tenant(TenantIdError),
    #[error(transparent)]
    Call(NoAnswer),
    #[error("the emulator has ended")]
    Ended,
}

impl InvokeError {
    /// AWS's name of the error with which the emulator refused the invocation, such as
    /// `InvalidParameterValueException` where the tenant is missing. `None` where it was not refused
    /// but failed otherwise. A throttle is the `Reason` of AWS's `TooManyRequestsException`.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        match &self.0 {
            InvokeFailure::Call(NoAnswer::Refused { error_type, .. }) => Some(error_type),
            InvokeFailure::Call(NoAnswer::Throttled { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}
