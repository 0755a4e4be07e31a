//! Why CloudWatch refuses a request: the codes of its two families of protocols and its texts.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html>

use http::StatusCode;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloudWatchError {
    /// What kind it is.
    pub(crate) kind: CloudWatchErrorKind,
    /// What is wrong with what.
    pub(crate) message: String,
}

/// The kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloudWatchErrorKind {
    /// Two parameters exclude each other, or one asks for another.
    InvalidParameterCombination,
    /// A parameter has a value that it can't have.
    InvalidParameterValue,
    /// A token that names no page.
    InvalidNextToken,
    /// A parameter is missing.
    MissingParameter,
    /// A query of `GetMetricData` is wrong.
    Validation,
    /// The body can't be read.
    Serialization,
    /// The body is larger than CloudWatch takes.
    TooLarge,
    /// An operation that CloudWatch doesn't have, or that mtl does not emulate.
    UnknownOperation,
}

impl CloudWatchErrorKind {
    /// The code in the query protocol, and the name of the shape in the others.
    #[must_use]
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidParameterCombination => {
                ("InvalidParameterCombination", "InvalidParameterCombinationException")
            }
            Self::InvalidParameterValue => {
                ("InvalidParameterValue", "InvalidParameterValueException")
            }
            Self::InvalidNextToken => ("InvalidNextToken", "InvalidNextToken"),
            Self::MissingParameter => ("MissingParameter", "MissingRequiredParameterException"),
            Self::Validation => ("ValidationError", "ValidationError"),
            Self::Serialization => ("MalformedInput", "SerializationException"),
            Self::TooLarge => ("RequestEntityTooLarge", "RequestEntityTooLargeException"),
            Self::UnknownOperation => ("InvalidAction", "UnknownOperationException"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl CloudWatchError {
    /// A refusal of this kind.
    #[must_use]
    pub(crate) fn new(kind: CloudWatchErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The parameter at this path is missing.
    #[must_use]
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(
            CloudWatchErrorKind::MissingParameter,
            format!("The parameter {parameter} is required."),
        )
    }

    /// The parameter at this path has a value that it can't have.
    #[must_use]
    pub(crate) fn invalid(value: &str, parameter: &str) -> Self {
        let message = format!("The value {value} for parameter {parameter} is invalid.");
        Self::new(CloudWatchErrorKind::InvalidParameterValue, message)
    }

    /// Two parameters exclude each other.
    #[must_use]
    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new(CloudWatchErrorKind::InvalidParameterCombination, message)
    }

    /// A query of `GetMetricData` is wrong.
    #[must_use]
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(CloudWatchErrorKind::Validation, message)
    }
}
