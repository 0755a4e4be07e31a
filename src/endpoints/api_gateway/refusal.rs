//! API Gateway's own answers, with AWS's statuses and texts: for requests that don't reach a function,
//! and for answers of functions that are no response. The user of mtl is told what AWS hides from callers.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::system::http::{Reply, json as json_reply};

/// Why a request has no response of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatewayRefusal {
    /// It was sent to another host name, and why that isn't answered.
    Host(String),
    /// The API has no such method.
    NoMethod,
    /// It doesn't say who it comes from, or its authorizer doesn't know them.
    Unauthorized,
    /// Its authorizer doesn't permit it.
    Denied {
        /// Whether a statement denied it. Otherwise no statement allowed it.
        explicitly: bool,
    },
    /// Its authorizer failed, and how.
    Authorizer(String),
    /// Parameters that the method requires are missing.
    MissingParameters(Vec<String>),
    /// It is larger than Lambda takes.
    TooLarge,
    /// Its body ended too early.
    BadRequest,
    /// Lambda refuses it, in these words.
    Lambda(String),
    /// Lambda has no environment for it.
    Throttled,
    /// The function took longer than API Gateway waits.
    TimedOut(Duration),
    /// The function failed, and how.
    Function(String),
    /// The function's answer is no response, and why.
    Malformed(String),
    /// The API is configured in a way that can't work, and why.
    Configuration(String),
}

const INTERNAL: &str = "Internal server error";

impl GatewayRefusal {
    /// The response.
    #[must_use]
    pub(crate) fn reply(&self) -> Reply {
        let (status, error_type, message) = self.parts();
        let body = match self {
            // AWS writes this member in upper case for a denial, and has no text for a failed authorizer.
            Self::Denied { .. } => json!({ "Message": message }),
            Self::Authorizer(_) => json!({ "message": null }),
            _ => json!({ "message": message }),
        };
        let mut reply = json_reply(status, body.to_string());
        reply.headers_mut().insert("x-amzn-ErrorType", HeaderValue::from_static(error_type));
        reply
    }

    fn parts(&self) -> (StatusCode, &'static str, String) {
        let internal = |status| (status, "InternalServerErrorException", INTERNAL.to_owned());
        match self {
            Self::Host(reason) => (StatusCode::FORBIDDEN, "AccessDeniedException", reason.clone()),
            Self::NoMethod => (
                StatusCode::FORBIDDEN,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token".to_owned(),
            ),
            Self::Unauthorized => {
                (StatusCode::UNAUTHORIZED, "UnauthorizedException", "Unauthorized".to_owned())
            }
            Self::Denied { explicitly } => {
                let how = if *explicitly { " with an explicit deny" } else { "" };
                let message = format!("User is not authorized to access this resource{how}");
                (StatusCode::FORBIDDEN, "AccessDeniedException", message)
            }
            Self::Authorizer(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "AuthorizerConfigurationException",
                String::new(),
            ),
            Self::MissingParameters(names) => (
                StatusCode::BAD_REQUEST,
                "BadRequestException",
                format!("Missing required request parameters: [{}]", names.join(", ")),
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLongException",
                "Request Too Long".to_owned(),
            ),
            Self::BadRequest => {
                (StatusCode::BAD_REQUEST, "BadRequestException", "Bad Request".to_owned())
            }
            Self::Lambda(message) => {
                (StatusCode::BAD_REQUEST, "BadRequestException", message.clone())
            }
            Self::TimedOut(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "InternalServerErrorException",
                "Endpoint request timed out".to_owned(),
            ),
            Self::Throttled | Self::Configuration(_) => internal(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Function(_) | Self::Malformed(_) => internal(StatusCode::BAD_GATEWAY),
        }
    }

    /// The reason for the user, where the response doesn't tell it to the caller.
    #[must_use]
    pub(crate) fn hidden(&self) -> Option<String> {
        match self {
            Self::Function(reason) => Some(format!("the function failed: {reason}")),
            Self::Malformed(reason) => {
                Some(format!("the function's answer is no response of an API: {reason}"))
            }
            Self::Configuration(reason) | Self::Authorizer(reason) => Some(reason.clone()),
            Self::Throttled => Some("Lambda throttled the invocation".to_owned()),
            Self::TimedOut(patience) => Some(format!(
                "the function took longer than API Gateway waits, {:.1} s",
                patience.as_secs_f64()
            )),
            _ => None,
        }
    }
}
