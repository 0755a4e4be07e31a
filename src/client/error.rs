//! Every way in which an invocation has no answer of the function, the same for a local server and
//! for AWS. The command line says what the user can do about it.

use std::error::Error as StdError;
use std::io;

use bytes::Bytes;
use http::StatusCode;
use thiserror::Error;

use crate::system::http::call::CallError;
use crate::system::text::one_line;

/// A cause of whatever type the SDK has for it.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why there is no answer of the function. A function error is not one of them.
///
/// Texts of servers are in here as one line in which control characters are escaped (see [`one_line`]).
#[derive(Debug, Error)]
pub(crate) enum InvokeError {
    /// No connection to the local server.
    #[error("failed to connect to `{endpoint}`")]
    Unreachable {
        /// The local endpoint.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The local server took the connection but gave no complete answer.
    #[error("failed to get an answer from `{endpoint}`")]
    Interrupted {
        /// The local endpoint.
        endpoint: String,
        /// What went wrong on the connection.
        source: CallError,
    },
    /// The stream ended without the event that completes it.
    #[error("the stream from `{endpoint}` ended before it was complete")]
    StreamEnded {
        /// The local endpoint, or the Region.
        endpoint: String,
    },
    /// The service refused the invocation with one of Lambda's typed errors.
    #[error("the invocation was refused ({error_type}): {message}")]
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// AWS's name of the error, such as `ResourceNotFoundException`.
        error_type: String,
        /// AWS's text.
        message: String,
    },
    /// A limit is reached.
    #[error("the invocation was throttled ({reason}): {message}")]
    Throttled {
        /// AWS's `Reason`, or the error type where none was given.
        reason: String,
        /// AWS's text.
        message: String,
        /// The seconds after which to try again, where the service named them.
        retry_after: Option<String>,
    },
    /// The server answered something that no Lambda answers.
    #[error("the server answered `{status}` {}", quoted(.excerpt))]
    NotAnAnswer {
        /// The status of the response.
        status: StatusCode,
        /// The beginning of the body.
        excerpt: String,
        /// All of it.
        body: Bytes,
    },
    /// The SDK has no Region to call.
    #[error("no AWS Region is set")]
    NoRegion,
    /// No provider of the credential chain has credentials.
    #[error("found no AWS credentials")]
    NoCredentials {
        /// What each provider said.
        source: BoxError,
    },
    /// The login of IAM Identity Center has ended, or there never was one.
    #[error("the AWS SSO login has expired")]
    SsoLogin {
        /// What the SSO provider said.
        source: BoxError,
    },
    /// A provider of the credential chain has credentials but failed to give them.
    #[error("failed to load AWS credentials")]
    Credentials {
        /// What the provider said.
        source: BoxError,
    },
    /// No connection to AWS.
    #[error("failed to connect to AWS Lambda in `{region}`")]
    AwsUnreachable {
        /// The Region.
        region: String,
        /// What the SDK said.
        source: BoxError,
    },
    /// The SDK could not make the request or read the response.
    #[error("failed to call AWS Lambda in `{region}`")]
    AwsCall {
        /// The Region.
        region: String,
        /// What the SDK said.
        source: BoxError,
    },
}

/// What can be wrong with the tenant of an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TenantMistake {
    /// The function is in tenant isolation mode, and no tenant was named.
    Missing,
    /// A tenant was named, and the function is not in tenant isolation mode.
    NotExpected,
}

impl InvokeError {
    /// What is wrong with the tenant, if that is why the invocation was refused.
    #[must_use]
    pub(crate) fn tenant_mistake(&self) -> Option<TenantMistake> {
        match self {
            Self::Refused { error_type, message, .. } => tenant_mistake(error_type, message),
            _ => None,
        }
    }

    /// A response that no Lambda gives.
    #[must_use]
    pub(crate) fn not_an_answer(status: StatusCode, body: Bytes) -> Self {
        Self::NotAnAnswer { status, excerpt: excerpt(&body), body }
    }

    /// What the server sent instead of an answer; of typed errors only the text is kept.
    #[must_use]
    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::NotAnAnswer { body, .. } => body,
            Self::Refused { message, .. } | Self::Throttled { message, .. } => message.as_bytes(),
            _ => &[],
        }
    }
}

/// What is wrong with the tenant, if that is why an invocation was refused.
fn tenant_mistake(error_type: &str, message: &str) -> Option<TenantMistake> {
    // Lambda has one type for every parameter that is wrong, so its sentences must be looked at. These
    // words are in them since tenant isolation came in 2025.
    if error_type != "InvalidParameterValueException" {
        None
    } else if message.contains("Add a valid tenant ID") {
        Some(TenantMistake::Missing)
    } else if message.contains("tenant ID") {
        Some(TenantMistake::NotExpected)
    } else {
        None
    }
}

fn quoted(excerpt: &str) -> String {
    if excerpt.is_empty() { "and nothing else".to_owned() } else { format!("and `{excerpt}`") }
}

/// How much of a body is shown that nobody expected, in characters.
const EXCERPT_CHARACTERS: usize = 200;

/// The beginning of an unexpected body, as one line.
#[must_use]
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let beginning: String = text.chars().take(EXCERPT_CHARACTERS).collect();
    let more = if beginning.len() < text.len() { "…" } else { "" };
    format!("{}{more}", one_line(&beginning))
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_short() {
        assert_eq!(excerpt(b" 404 page not found\n"), "404 page not found");
        assert_eq!(excerpt("é".repeat(200).as_bytes()), "é".repeat(200));
        assert_eq!(excerpt("é".repeat(201).as_bytes()), "é".repeat(200) + "…");
        assert_eq!(excerpt(b"\xff"), "\u{fffd}");
    }

    #[test]
    fn an_excerpt_turns_no_direction_of_writing() {
        assert_eq!(excerpt("a\u{202e}b\u{61c}".as_bytes()), "a\\u{202e}b\\u{61c}");
    }
}
