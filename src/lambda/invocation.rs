//! One invocation and everything that can come of it: what the runtime is told, how it is answered,
//! and the figures of its REPORT line. Knows neither HTTP servers nor processes.

pub(crate) mod failure;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::lambda::function::{TenantId, TenantIsolationMode};
use crate::lambda::quotas;
use failure::Failure;

/// A request to run the function once. The front door that builds one has checked it.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Its id, the same in the reply, on `/next` and in the logs.
    pub(crate) request_id: Uuid,
    /// The tenant it is for; present exactly when the function is in tenant isolation mode.
    pub(crate) tenant_id: Option<TenantId>,
    /// The event, as the runtime gets it.
    pub(crate) payload: Bytes,
    /// The X-Ray trace, as in `X-Amzn-Trace-Id`.
    pub(crate) trace_id: HeaderValue,
    /// What else goes to the runtime with the event: client context, identity, forwarded headers.
    pub(crate) headers: HeaderMap,
    /// How the caller takes the answer.
    pub(crate) response_mode: ResponseMode,
    /// Whether it must run in a new environment. AWS has no such wish.
    pub(crate) cold: bool,
}

/// How a caller takes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    /// As a whole, once it is complete.
    Buffered,
    /// As it comes, if the function streams it.
    Streaming,
}

impl ResponseMode {
    /// The most bytes that a streamed answer may have.
    #[must_use]
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Buffered => quotas::SYNCHRONOUS_RESPONSE_BYTES,
            Self::Streaming => quotas::STREAMED_RESPONSE_BYTES,
        }
    }
}

/// What a front door read from a request, before it is known to be a valid invocation.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The tenant, if one is named.
    pub(crate) tenant_id: Option<TenantId>,
    /// The payload as it came.
    pub(crate) payload: Bytes,
    /// The X-Ray trace, if the caller has one.
    pub(crate) trace_id: Option<HeaderValue>,
    /// What else the runtime gets.
    pub(crate) headers: HeaderMap,
    /// How the caller takes the answer.
    pub(crate) response_mode: ResponseMode,
    /// Whether it must run in a new environment.
    pub(crate) cold: bool,
}

/// Why a request is no invocation of the function.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Invalid {
    /// The function is in tenant isolation mode, and no tenant is named.
    #[error(
        "The invoked function is enabled with tenancy configuration. \
         Add a valid tenant ID in your request and try again."
    )]
    TenantIdMissing,
    /// The function is not in tenant isolation mode, and a tenant is named.
    #[error(
        "The invoked function is not enabled with tenancy configuration. \
         Remove the tenant ID from your request and try again."
    )]
    TenantIdUnexpected,
    /// The payload is no JSON document.
    #[error(
        "Could not parse request body into json: Could not parse payload into json: {reason}\n \
         at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
         line: {line}, column: {column}]"
    )]
    Payload {
        /// What is wrong, in the words of AWS's parser.
        reason: String,
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
}

impl Invocation {
    /// Checks what the function's tenancy and Lambda's event format ask of a request. An empty
    /// payload is the event `{}`.
    ///
    /// # Errors
    ///
    /// With AWS's text for it.
    pub(crate) fn new(
        mode: TenantIsolationMode,
        request: Request,
        request_id: Uuid,
    ) -> Result<Self, Invalid> {
        match (mode, &request.tenant_id) {
            (TenantIsolationMode::PerTenant, None) => return Err(Invalid::TenantIdMissing),
            (TenantIsolationMode::None, Some(_)) => return Err(Invalid::TenantIdUnexpected),
            (TenantIsolationMode::PerTenant, Some(_)) | (TenantIsolationMode::None, None) => {}
        }
        let payload = match request.payload {
            empty if empty.is_empty() => Bytes::from_static(b"{}"),
            payload => payload,
        };
        check_json(&payload)?;
        Ok(Self {
            request_id,
            tenant_id: request.tenant_id,
            payload,
            trace_id: request.trace_id.unwrap_or_else(new_trace_id),
            headers: request.headers,
            response_mode: request.response_mode,
            cold: request.cold,
        })
    }
}

/// The event is passed on as it came, so it is read through but not built.
fn check_json(payload: &[u8]) -> Result<(), Invalid> {
    let Err(error) = serde_json::from_slice::<IgnoredAny>(payload) else { return Ok(()) };
    let (line, column) = (error.line(), error.column());
    let reason = if error.is_eof() {
        "Unexpected end-of-input".to_owned()
    } else {
        let mut lines = payload.split(|byte| *byte == b'\n');
        let wrong = lines.nth(line.saturating_sub(1)).unwrap_or_default();
        let code = wrong.get(column.saturating_sub(1)).copied().unwrap_or(b'\n');
        let character = char::from(code);
        format!(
            "Unexpected character ('{character}' (code {code})): expected a valid value \
             (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        )
    };
    Err(Invalid::Payload { reason, line, column })
}

/// A trace that is not sampled: `Root=1-<8 hex digits of the time>-<24 random ones>;…`.
///
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
#[must_use]
pub(crate) fn new_trace_id() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (root, parent) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    let trace = format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &root[..24], &parent[..16]);
    HeaderValue::from_str(&trace).unwrap_or_else(|_| HeaderValue::from_static("Sampled=0"))
}

/// How an invocation ended. Either way Lambda answers it with status 200.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The function answered.
    Success(Answer),
    /// The function failed; `X-Amz-Function-Error: Unhandled`.
    Failure(Failure),
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The payload, not looked into; empty where it went through a [`Response::Streaming`].
    pub(crate) payload: Bytes,
    /// When the runtime began to send it.
    pub(crate) began: Instant,
    /// How many bytes it sent.
    pub(crate) bytes: usize,
}

/// What comes back from an environment.
#[derive(Debug)]
pub(crate) enum Response {
    /// All of the answer.
    Complete(Completed),
    /// The function streams its answer.
    Streaming {
        /// The answer, piece by piece as the function writes it. A reader that does not read holds
        /// the function up; one that is dropped does not.
        chunks: mpsc::Receiver<Bytes>,
        /// What came of the invocation; closed without one when mtl is killed.
        completed: oneshot::Receiver<Completed>,
        /// The environment that runs it.
        ran: Ran,
    },
}

impl Response {
    /// The environment that answers.
    #[must_use]
    pub(crate) fn ran(&self) -> Ran {
        match self {
            Self::Complete(completed) => completed.ran,
            Self::Streaming { ran, .. } => *ran,
        }
    }

    /// Waits for all of the answer. `None` when the environment is gone without a word.
    pub(crate) async fn collect(self) -> Option<Completed> {
        let (mut chunks, completed) = match self {
            Self::Complete(completed) => return Some(completed),
            Self::Streaming { chunks, completed, .. } => (chunks, completed),
        };
        let mut payload = BytesMut::new();
        while let Some(chunk) = chunks.recv().await {
            payload.extend_from_slice(&chunk);
        }
        let mut completed = completed.await.ok()?;
        if let Outcome::Success(answer) = &mut completed.outcome {
            answer.payload = payload.freeze();
        }
        Some(completed)
    }
}

/// Which environment runs an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    /// Its id.
    pub(crate) environment_id: Uuid,
    /// Whether it was started for the invocation.
    pub(crate) is_cold: bool,
}

/// What came of an invocation. Its runtime may still be busy with it.
#[derive(Debug)]
pub(crate) struct Completed {
    /// The environment that ran it.
    pub(crate) ran: Ran,
    /// What the caller gets.
    pub(crate) outcome: Outcome,
    /// The end of the invocation; closed without one when mtl is killed.
    pub(crate) ended: oneshot::Receiver<Ended>,
}

impl Completed {
    /// Waits for the end, and returns the last 4 KB of what was logged from START to REPORT.
    pub(crate) async fn log_tail(&mut self) -> Bytes {
        (&mut self.ended).await.map(|ended| ended.log_tail).unwrap_or_default()
    }
}

/// An invocation that is over: its runtime has asked for the next one, or is gone.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The last 4 KB of what was logged for it, from START to REPORT.
    pub(crate) log_tail: Bytes,
    /// What went wrong, before the answer or after it.
    pub(crate) failure: Option<Failure>,
    /// What REPORT says of it.
    pub(crate) report: Report,
}

/// The figures of an invocation's REPORT line. They count until the runtime asks for the next invocation.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// From the start of the invoke phase until the runtime is done.
    pub(crate) duration: Duration,
    /// The init phase before it; only on a cold start whose init succeeded.
    pub(crate) init_duration: Option<Duration>,
    /// The memory size, in MB.
    pub(crate) memory_size_mb: u32,
    /// The most memory the environment has used in its life, in MB; `None` where the system
    /// can't tell.
    pub(crate) max_memory_used_mb: Option<u64>,
    /// How the answer came; `None` if the function failed.
    pub(crate) response: Option<ResponseFigures>,
}

/// How a function answered, as far as platform events tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFigures {
    /// From the start of the invoke phase to the first byte of the answer.
    pub(crate) latency: Duration,
    /// From the first byte of the answer to the last.
    pub(crate) duration: Duration,
    /// How many bytes the runtime sent.
    pub(crate) bytes: usize,
}

impl Report {
    /// What AWS bills: duration and init, rounded up to the millisecond.
    ///
    /// Init is billed since August 2025:
    /// <https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/>
    #[must_use]
    pub(crate) fn billed_ms(&self) -> u64 {
        let billed = self.duration + self.init_duration.unwrap_or_default();
        u64::try_from(billed.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Report;

    #[test]
    fn billing_rounds_up_and_includes_init() {
        let mut report = Report {
            duration: Duration::from_micros(1_001),
            init_duration: None,
            memory_size_mb: 128,
            max_memory_used_mb: None,
            response: None,
        };
        assert_eq!(report.billed_ms(), 2);
        report.init_duration = Some(Duration::from_micros(999));
        assert_eq!(report.billed_ms(), 2);
        report.init_duration = Some(Duration::from_millis(100));
        assert_eq!(report.billed_ms(), 102);
    }
}
