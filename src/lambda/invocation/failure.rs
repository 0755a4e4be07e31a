//! How an invocation fails, and AWS's error type, status and text for each way.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::lambda::quotas;

/// The ways in which an invocation fails once it has reached an environment.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The runtime posted an error, in the init phase or for the invocation.
    Posted {
        /// The error type as telemetry and REPORT have it.
        error_type: String,
        /// The body that was posted; the caller gets it unchanged.
        body: Bytes,
    },
    /// The function did not answer within its timeout.
    TimedOut(Duration),
    /// The runtime's process ended before it answered.
    Exited(ExitStatus),
    /// The runtime's process could not be started.
    InvalidEntrypoint {
        /// Why, as Go's `exec` words it.
        reason: String,
        /// Why, for a person.
        plain: String,
        /// What to do about it, if that is known.
        remedy: Option<String>,
    },
    /// The environment used more memory than its memory size and was killed.
    OutOfMemory,
    /// An extension failed: its error type, and what happened.
    Extension(String, String),
    /// The answer is larger than [`quotas::SYNCHRONOUS_RESPONSE_BYTES`].
    ResponseTooLarge,
    /// The answer's body was cut off.
    TruncatedResponse,
    /// mtl could not run the function, or is stopping and waits no longer; what happened. The
    /// function did not fail, so the caller gets a 500 and not a function error.
    Service(String),
}

impl Failure {
    /// The error type, as in REPORT lines and platform events.
    #[must_use]
    pub(crate) fn error_type(&self) -> &str {
        match self {
            Self::Posted { error_type, .. } | Self::Extension(error_type, _) => error_type,
            Self::TimedOut(_) => "Sandbox.Timedout",
            Self::Exited(_) => "Runtime.ExitError",
            Self::InvalidEntrypoint { .. } => "Runtime.InvalidEntrypoint",
            Self::OutOfMemory => "Runtime.OutOfMemory",
            Self::ResponseTooLarge => "Function.ResponseSizeTooLarge",
            Self::TruncatedResponse => "Runtime.TruncatedResponse",
            Self::Service(_) => "Sandbox.Failure",
        }
    }

    /// What happened, without the request id; `None` where the runtime worded it itself.
    #[must_use]
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Posted { .. } | Self::ResponseTooLarge => None,
            Self::TimedOut(timeout) => {
                Some(format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()))
            }
            Self::Exited(status) => Some(exit_reason(*status)),
            Self::InvalidEntrypoint { reason, .. }
            | Self::Extension(_, reason)
            | Self::Service(reason) => Some(reason.clone()),
            Self::OutOfMemory => Some("Runtime exited with error: signal: killed".to_owned()),
            Self::TruncatedResponse => Some("HTTP request detected as truncated".to_owned()),
        }
    }

    /// The payload of the reply, as AWS forms it.
    #[must_use]
    pub(crate) fn payload(&self, request_id: Uuid) -> Bytes {
        let error_type = self.error_type();
        match (self, self.reason()) {
            (Self::Posted { body, .. }, _) => body.clone(),
            (_, Some(reason)) => {
                let message = json!(format!("RequestId: {request_id} Error: {reason}"));
                format!(r#"{{"errorType":"{error_type}","errorMessage":{message}}}"#).into()
            }
            // Recorded from AWS with the message first and without a request id.
            (_, None) => format!(
                r#"{{"errorMessage":"Response payload size exceeded maximum allowed payload size ({} bytes).","errorType":"{error_type}"}}"#,
                quotas::SYNCHRONOUS_RESPONSE_BYTES
            )
            .into(),
        }
    }

    /// What happened, for a person: the function's own words where it has any.
    #[must_use]
    pub(crate) fn summary(&self) -> String {
        let Self::Posted { error_type, body } = self else {
            let reason = self.reason().unwrap_or_else(|| "its answer is too large".to_owned());
            return format!("{}: {reason}", self.error_type());
        };
        let error: Value = serde_json::from_slice(body).unwrap_or_default();
        let kind = error["errorType"].as_str().filter(|kind| !kind.is_empty());
        let message = error["errorMessage"].as_str().unwrap_or("no message");
        let message = message.lines().next().unwrap_or_default();
        format!("{}: {message}", kind.unwrap_or(error_type))
    }

    /// The status in REPORT lines and platform events.
    #[must_use]
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "timeout",
            _ => "error",
        }
    }
}

fn exit_reason(status: ExitStatus) -> String {
    if status.success() {
        return "Runtime exited without providing a reason".to_owned();
    }
    format!("Runtime exited with error: {}", how_it_ended(status))
}

/// How a process ended, in the words of Go's `os.ProcessState`, which are Lambda's.
#[must_use]
pub(crate) fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("signal: {}{core}", signal_name(signal))
        }
        (None, None) => "unknown".to_owned(),
    }
}

fn signal_name(number: i32) -> String {
    let name = match Signal::from_named_raw(number) {
        Some(Signal::HUP) => "hangup",
        Some(Signal::INT) => "interrupt",
        Some(Signal::QUIT) => "quit",
        Some(Signal::ILL) => "illegal instruction",
        Some(Signal::TRAP) => "trace/breakpoint trap",
        Some(Signal::ABORT) => "aborted",
        Some(Signal::BUS) => "bus error",
        Some(Signal::FPE) => "floating point exception",
        Some(Signal::KILL) => "killed",
        Some(Signal::USR1) => "user defined signal 1",
        Some(Signal::SEGV) => "segmentation fault",
        Some(Signal::USR2) => "user defined signal 2",
        Some(Signal::PIPE) => "broken pipe",
        Some(Signal::ALARM) => "alarm clock",
        Some(Signal::TERM) => "terminated",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}

/// The failure that the runtime posted. Its type is what the runtime sent in its header where AWS
/// knows the form, otherwise the nearest that AWS has.
#[must_use]
pub(crate) fn posted(error_type: Option<&str>, body: Bytes) -> Failure {
    let error_type = match error_type {
        Some(known) if is_known_error_type(known) => known,
        Some(unknown) if unknown.starts_with("Function.") => "Function.Unknown",
        _ => "Runtime.Unknown",
    };
    Failure::Posted { error_type: error_type.to_owned(), body }
}

/// `(Runtime|Function)\.[A-Z][a-zA-Z]+`
fn is_known_error_type(text: &str) -> bool {
    text.strip_prefix("Runtime.").or_else(|| text.strip_prefix("Function.")).is_some_and(|name| {
        name.len() > 1
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphabetic())
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use uuid::Uuid;

    use super::Failure;

    fn payload(failure: &Failure) -> String {
        String::from_utf8(failure.payload(Uuid::nil()).to_vec()).unwrap()
    }

    #[test]
    fn payloads_are_worded_as_recorded_from_aws() {
        const ID: &str = "RequestId: 00000000-0000-0000-0000-000000000000 Error:";
        let cases = [
            (
                Failure::TimedOut(Duration::from_secs(1)),
                format!(
                    r#"{{"errorType":"Sandbox.Timedout","errorMessage":"{ID} Task timed out after 1.00 seconds"}}"#
                ),
            ),
            (
                Failure::Exited(ExitStatus::from_raw(0)),
                format!(
                    r#"{{"errorType":"Runtime.ExitError","errorMessage":"{ID} Runtime exited without providing a reason"}}"#
                ),
            ),
            (
                Failure::Exited(ExitStatus::from_raw(127 << 8)),
                format!(
                    r#"{{"errorType":"Runtime.ExitError","errorMessage":"{ID} Runtime exited with error: exit status 127"}}"#
                ),
            ),
            (
                Failure::Exited(ExitStatus::from_raw(9)),
                format!(
                    r#"{{"errorType":"Runtime.ExitError","errorMessage":"{ID} Runtime exited with error: signal: killed"}}"#
                ),
            ),
            (
                Failure::ResponseTooLarge,
                r#"{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}"#.to_owned(),
            ),
        ];
        for (failure, expected) in cases {
            assert_eq!(payload(&failure), expected);
        }
    }
}
