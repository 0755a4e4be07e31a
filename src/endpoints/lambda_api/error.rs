//! The refusals of the Lambda API: for each its status, its exception name, and AWS's text in AWS's
//! spelling.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::data_plane::Refusal;
use crate::data_plane::ThrottleReason;
use crate::lambda::invocation::InvalidInvocation;
use crate::lambda::quotas;
use crate::system::http::{Reply, json as json_reply};

/// A request that was refused before the function ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// Members that break the constraints of the service model, one text each.
    Validation(Vec<String>),
    /// There is no such function; its ARN.
    FunctionNotFound(String),
    /// The payload is larger than a synchronous invocation takes.
    RequestTooLarge,
    /// The payload is larger than an asynchronous invocation takes; its size in bytes.
    EventTooLarge(u64),
    /// A part of the request is not what it must be; the text.
    InvalidRequestContent(String),
    /// The body ended before its announced end.
    TruncatedRequest,
    /// The invocation is not one that this function takes.
    Invalid(InvalidInvocation),
    /// A value that mtl or AWS does not take here; the text.
    InvalidParameterValue(String),
    /// The invocation is throttled.
    Throttled(ThrottleReason),
    /// mtl could not run the function; what happened.
    Service(String),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Throttled(reason) => Self::Throttled(reason),
            Refusal::Stopping => Self::Service("mtl is stopping".to_owned()),
        }
    }
}

impl From<InvalidInvocation> for ApiError {
    fn from(invalid: InvalidInvocation) -> Self {
        Self::Invalid(invalid)
    }
}

impl ApiError {
    /// The error as AWS answers it.
    #[must_use]
    pub(crate) fn reply(&self) -> Reply {
        let (status, name, body) = self.parts();
        let mut reply = json_reply(status, body.to_string());
        reply.headers_mut().insert("x-amzn-ErrorType", HeaderValue::from_static(name));
        if status == StatusCode::TOO_MANY_REQUESTS {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        reply
    }

    /// The text of the error.
    #[must_use]
    pub(crate) fn message(&self) -> String {
        let (_, _, body) = self.parts();
        let message = body.get("message").or_else(|| body.get("Message")).and_then(Value::as_str);
        message.unwrap_or_default().to_owned()
    }

    fn parts(&self) -> (StatusCode, &'static str, Value) {
        match self {
            Self::Validation(violations) => {
                let count = violations.len();
                let errors = if count == 1 { "error" } else { "errors" };
                let all = violations.join("; ");
                let message = format!("{count} validation {errors} detected: {all}");
                (StatusCode::BAD_REQUEST, "ValidationException", json!({ "message": message }))
            }
            Self::FunctionNotFound(arn) => (
                StatusCode::NOT_FOUND,
                "ResourceNotFoundException",
                json!({ "Type": "User", "Message": format!("Function not found: {arn}") }),
            ),
            Self::RequestTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                user(&format!(
                    "Request must be smaller than {} bytes for the InvokeFunction operation",
                    quotas::SYNCHRONOUS_REQUEST_BYTES
                )),
            ),
            Self::EventTooLarge(bytes) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                user(&format!(
                    "{bytes} byte payload is too large for the Event invocation type \
                     (limit {} bytes)",
                    quotas::ASYNCHRONOUS_REQUEST_BYTES
                )),
            ),
            Self::InvalidRequestContent(message) => {
                (StatusCode::BAD_REQUEST, "InvalidRequestContentException", user(message))
            }
            Self::TruncatedRequest => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                user("the request's body ended before its announced end"),
            ),
            Self::Invalid(invalid @ InvalidInvocation::Payload { .. }) => (
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                user(&invalid.to_string()),
            ),
            Self::Invalid(invalid) => invalid_parameter(&invalid.to_string()),
            Self::InvalidParameterValue(message) => invalid_parameter(message),
            Self::Throttled(reason) => (
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                json!({ "Reason": reason.as_str(), "Type": "User", "message": "Rate Exceeded." }),
            ),
            Self::Service(message) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "ServiceException",
                json!({ "Type": "Service", "Message": message }),
            ),
        }
    }
}

fn user(message: &str) -> Value {
    json!({ "Type": "User", "message": message })
}

fn invalid_parameter(message: &str) -> (StatusCode, &'static str, Value) {
    (StatusCode::BAD_REQUEST, "InvalidParameterValueException", user(message))
}
