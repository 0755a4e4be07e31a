//! Why a service that was asked something gave no answer, whether it is AWS's or the local one.

use std::error::Error as StdError;

use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::client::aws;
use crate::client::error::{BoxError, InvokeError};
use crate::system::text::one_line;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum QueryError {
    /// The SDK has no Region or no credentials.
    #[error(transparent)]
    NotConfigured(#[from] InvokeError),
    /// No connection.
    #[error("failed to connect to {place}")]
    Unreachable {
        /// The local endpoint, or a service in a Region.
        place: String,
        /// What the SDK said.
        source: BoxError,
    },
    /// A typed refusal.
    #[error("{place} refused the request ({code}): {message}")]
    Refused {
        /// The local endpoint, or a service in a Region.
        place: String,
        /// AWS's name of the error.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// A policy is missing.
    #[error("{place} refused the request ({code}): {message}")]
    AccessDenied {
        /// The local endpoint, or a service in a Region.
        place: String,
        /// AWS's name of the error.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// What came back is no answer of the service.
    #[error("failed to read the answer of {place}")]
    NotAnAnswer {
        /// The local endpoint, or a service in a Region.
        place: String,
        /// What the SDK said.
        source: BoxError,
    },
    /// Logs Insights took the query and did not complete it.
    #[error("{place} ended the query: {status}")]
    NotCompleted {
        /// Logs Insights in a Region.
        place: String,
        /// What became of the query, in AWS's words.
        status: String,
    },
}

impl QueryError {
    /// The error of an SDK that called this place.
    pub(super) fn new<E>(place: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let place = place.to_owned();
        if let SdkError::ServiceError(refusal) = error
            && let Some(code) = refusal.err().code()
        {
            let message = refusal.err().message().map(one_line).unwrap_or_default();
            let code = one_line(code);
            return match code.as_str() {
                // The query protocol has the short name, JSON the long one.
                "AccessDenied" | "AccessDeniedException" => {
                    Self::AccessDenied { place, code, message }
                }
                _ => Self::Refused { place, code, message },
            };
        }
        match error {
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                Self::Unreachable { place, source: aws::innermost(error) }
            }
            _ => Self::NotAnAnswer { place, source: aws::innermost(error) },
        }
    }
}
