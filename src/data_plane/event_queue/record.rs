//! The invocation record that destinations receive, version 1.0, as AWS forms it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::data_plane::event_queue::retry::{AttemptEnd, Condition, History};
use crate::lambda::function::{Function, LATEST};
use crate::lambda::invocation::{Invocation, Outcome};
use crate::telemetry::log_time::{self, LogTime};

/// The last attempt of an event.
#[derive(Debug)]
pub(crate) enum LastAttempt {
    /// The function ran.
    Invoked(Outcome),
    /// It did not; the HTTP status of the refusal.
    Refused(u16),
}

impl LastAttempt {
    /// How it ended.
    #[must_use]
    pub(crate) fn ended(&self) -> AttemptEnd {
        match self {
            Self::Invoked(Outcome::Success(_)) => AttemptEnd::Success,
            Self::Invoked(Outcome::Failure(_)) => AttemptEnd::FunctionError,
            Self::Refused(_) => AttemptEnd::Refused,
        }
    }
}

/// What an event has come to.
#[derive(Debug)]
pub(crate) struct EventEnd {
    /// Why it has come to its end.
    pub(crate) condition: Condition,
    /// What happened to it before.
    pub(crate) history: History,
    /// Its last attempt.
    pub(crate) last: LastAttempt,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvocationRecord<'a> {
    version: &'static str,
    timestamp: LogTime,
    request_context: RequestContext,
    request_payload: Payload<'a>,
    response_context: ResponseContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_payload: Option<Payload<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: Uuid,
    function_arn: String,
    condition: &'static str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext {
    status_code: u16,
    executed_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'static str>,
}

/// A JSON document as it stands, or the text that is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Payload<'a> {
    Json(&'a RawValue),
    Text(String),
}

impl<'a> Payload<'a> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        serde_json::from_slice(bytes)
            .map_or_else(|_| Self::Text(String::from_utf8_lossy(bytes).into_owned()), Self::Json)
    }
}

/// The record of an event that has come to its end.
#[must_use]
pub(crate) fn record(function: &Function, invocation: &Invocation, end: &EventEnd) -> String {
    let EventEnd { condition, history, last } = end;
    let invocations = match condition {
        Condition::Success => history.invocations() + 1,
        Condition::RetriesExhausted | Condition::EventAgeExceeded => history.invocations(),
    };
    let payload = match last {
        LastAttempt::Refused(_) => None,
        LastAttempt::Invoked(outcome) => Some(match outcome {
            Outcome::Success(answer) => answer.payload.clone(),
            Outcome::Failure(failure) => failure.payload(invocation.request_id),
        }),
    };
    let (status_code, function_error) = match last {
        LastAttempt::Refused(status) => (*status, None),
        LastAttempt::Invoked(Outcome::Success(_)) => (200, None),
        LastAttempt::Invoked(_) => (200, Some("Unhandled")),
    };
    let record = InvocationRecord {
        version: "1.0",
        timestamp: log_time::now(),
        request_context: RequestContext {
            request_id: invocation.request_id,
            function_arn: format!("{}:{LATEST}", function.arn()),
            condition: condition.as_str(),
            approximate_invoke_count: invocations,
        },
        request_payload: Payload::from_bytes(&invocation.payload),
        response_context: ResponseContext { status_code, executed_version: LATEST, function_error },
        response_payload: payload.as_deref().map(Payload::from_bytes),
    };
    serde_json::to_string(&record).unwrap_or_default()
}
