//! What the records of several events of the platform have in them: the outcome, figures, spans.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Report, ResponseFigures};
use crate::telemetry::log_time::{self, LogTime};

/// The members that say whether something failed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutcomeMembers<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
}

impl<'a> OutcomeMembers<'a> {
    /// The members for this failure, or for success.
    #[must_use]
    pub(crate) fn new(failure: Option<&'a Failure>) -> Self {
        Self {
            status: failure.map_or("success", Failure::status),
            error_type: failure.map(Failure::error_type),
        }
    }
}

/// The figures of an init phase.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InitMetrics {
    duration_ms: f64,
}

impl InitMetrics {
    /// The figures of an init phase that took this long.
    #[must_use]
    pub(crate) fn new(duration: Duration) -> Self {
        Self { duration_ms: milliseconds(duration) }
    }
}

/// The figures of a runtime that is done with an invocation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeMetrics {
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    produced_bytes: Option<usize>,
}

impl RuntimeMetrics {
    /// The figures of the invocation with this report.
    #[must_use]
    pub(crate) fn new(report: &Report) -> Self {
        Self {
            duration_ms: milliseconds(report.duration),
            produced_bytes: report.response.map(|response| response.bytes),
        }
    }
}

/// The figures of an invocation.
#[derive(Serialize)]
pub(crate) struct ReportMetrics {
    #[serde(rename = "durationMs")]
    duration_ms: f64,
    #[serde(rename = "billedDurationMs")]
    billed_duration_ms: u64,
    #[serde(rename = "memorySizeMB")]
    memory_size_mb: u32,
    #[serde(rename = "maxMemoryUsedMB", skip_serializing_if = "Option::is_none")]
    max_memory_used_mb: Option<u64>,
    #[serde(rename = "initDurationMs", skip_serializing_if = "Option::is_none")]
    init_duration_ms: Option<f64>,
}

impl ReportMetrics {
    /// The figures of the invocation with this report.
    #[must_use]
    pub(crate) fn new(report: &Report) -> Self {
        Self {
            duration_ms: milliseconds(report.duration),
            billed_duration_ms: report.billed_ms(),
            memory_size_mb: report.memory_size_mb,
            max_memory_used_mb: report.max_memory_used_mb,
            init_duration_ms: report.init_duration.map(milliseconds),
        }
    }
}

/// A part of the time that a runtime took.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeSpan {
    name: &'static str,
    start: LogTime,
    duration_ms: f64,
}

impl RuntimeSpan {
    /// What the runtime did in this time, which ends now: until it began to answer, until the answer
    /// was complete, and until it was done.
    #[must_use]
    pub(crate) fn all(duration: Duration, response: ResponseFigures) -> [Self; 3] {
        let now = Timestamp::now();
        let ResponseFigures { latency, duration: sending, .. } = response;
        let mut left = duration;
        [
            ("responseLatency", latency),
            ("responseDuration", sending),
            ("runtimeOverhead", duration.saturating_sub(latency + sending)),
        ]
        .map(|(name, lasted)| {
            let start = log_time::at(now.checked_sub(left).unwrap_or(now));
            left = left.saturating_sub(lasted);
            Self { name, start, duration_ms: milliseconds(lasted) }
        })
    }
}

/// Milliseconds with the three decimals that platform events have.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
