//! The events of the platform, in AWS's two formats: the lines of the text format, and the JSON
//! objects of the JSON format and the Telemetry API. Knows no streams.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::lambda::function::{Function, LATEST, LogLevel, TenantId};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Report, ResponseFigures};
use crate::telemetry::extensions::TelemetryApi;

/// Something the platform logs.
#[derive(Debug)]
pub(crate) enum PlatformEvent<'a> {
    /// The init phase begins.
    InitStart,
    /// The runtime is done with the init phase, or has failed in it. Subscribers only.
    InitRuntimeDone {
        /// Where the function was initialized: in the phase `init` or, once more, in `invoke`.
        phase: &'static str,
        /// Why it failed, if it did.
        failure: Option<&'a Failure>,
    },
    /// The init phase has ended. Logged only if it failed.
    InitReport {
        /// Where the function was initialized: in the phase `init` or, once more, in `invoke`.
        phase: &'static str,
        /// How long it took.
        duration: Duration,
        /// Why it failed, if it did.
        failure: Option<&'a Failure>,
    },
    /// An extension has registered. Subscribers only.
    ExtensionRegistered {
        /// The extension.
        name: &'a str,
        /// The events that it asked for.
        events: Vec<&'static str>,
    },
    /// An extension has subscribed to telemetry. Subscribers only.
    Subscribed {
        /// The extension.
        name: &'a str,
        /// The API that it did so with.
        api: TelemetryApi,
        /// The types of events that it gets.
        types: Vec<&'static str>,
    },
    /// The invoke phase begins.
    Start {
        /// The invocation.
        request_id: Uuid,
    },
    /// The invocation ended in a failure that the platform noticed.
    Fault {
        /// The invocation.
        request_id: Uuid,
        /// The failure.
        failure: &'a Failure,
    },
    /// The runtime is done with the invocation.
    RuntimeDone {
        /// The invocation.
        request_id: Uuid,
        /// Its figures until now.
        report: &'a Report,
        /// Why it failed, if it did.
        failure: Option<&'a Failure>,
    },
    /// The invocation is over.
    Report {
        /// The invocation.
        request_id: Uuid,
        /// Its figures.
        report: &'a Report,
        /// Why it failed, if it did.
        failure: Option<&'a Failure>,
    },
}

/// Now, as log lines have it: UTC with milliseconds.
#[must_use]
pub(crate) fn time() -> String {
    written(Timestamp::now())
}

fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

impl PlatformEvent<'_> {
    /// The level that it is logged at in the JSON format.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
    #[must_use]
    pub(crate) fn level(&self) -> LogLevel {
        match self {
            Self::InitStart
            | Self::Start { .. }
            | Self::ExtensionRegistered { .. }
            | Self::Subscribed { .. }
            | Self::Report { failure: None, .. } => LogLevel::Info,
            Self::InitRuntimeDone { failure: None, .. }
            | Self::InitReport { failure: None, .. }
            | Self::RuntimeDone { failure: None, .. } => LogLevel::Debug,
            Self::InitRuntimeDone { failure: Some(_), .. }
            | Self::InitReport { failure: Some(_), .. }
            | Self::Fault { .. }
            | Self::RuntimeDone { failure: Some(_), .. }
            | Self::Report { failure: Some(_), .. } => LogLevel::Warn,
        }
    }

    /// The line or lines of the text format, without the last end of line.
    #[must_use]
    pub(crate) fn text(&self) -> Option<String> {
        Some(match self {
            Self::InitStart => {
                format!("INIT_START Runtime Version: mtl:{}\t", env!("CARGO_PKG_VERSION"))
            }
            Self::InitReport { duration, phase, failure: Some(failure) } => format!(
                "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}{}",
                milliseconds(*duration),
                status_fields(failure)
            ),
            Self::InitReport { failure: None, .. }
            | Self::InitRuntimeDone { .. }
            | Self::ExtensionRegistered { .. }
            | Self::Subscribed { .. } => return None,
            Self::Start { request_id } => {
                format!("START RequestId: {request_id} Version: {LATEST}")
            }
            Self::Fault { request_id, failure } => fault_text(*request_id, failure)?,
            Self::RuntimeDone { request_id, .. } => format!("END RequestId: {request_id}"),
            Self::Report { request_id, report, failure } => {
                report_text(*request_id, report, *failure)
            }
        })
    }

    /// The object of the JSON format; `None` for what has no event there.
    #[must_use]
    pub(crate) fn json(&self, function: &Function, tenant_id: Option<&TenantId>) -> Option<String> {
        let mut record = Record { tenant_id: tenant_id.map(TenantId::as_str), ..Record::default() };
        let kind = match self {
            Self::InitStart => {
                record.initialization_type = Some("on-demand");
                record.phase = Some("init");
                record.function_name = Some(&function.name);
                record.function_version = Some(LATEST);
                // The tenant is not known in the init phase.
                record.tenant_id = None;
                "platform.initStart"
            }
            Self::InitRuntimeDone { phase, failure } => {
                record.initialization_type = Some("on-demand");
                record.phase = Some(phase);
                record.tenant_id = None;
                record.fail(*failure);
                "platform.initRuntimeDone"
            }
            Self::ExtensionRegistered { name, events } => {
                record = Record { name: Some(name), state: Some("Ready"), ..Record::default() };
                record.events = Some(events);
                "platform.extension"
            }
            Self::Subscribed { name, api: TelemetryApi::Telemetry, types } => {
                record =
                    Record { name: Some(name), state: Some("Subscribed"), ..Record::default() };
                record.types = Some(types);
                "platform.telemetrySubscription"
            }
            Self::InitReport { duration, phase, failure } => {
                record.initialization_type = Some("on-demand");
                record.phase = Some(phase);
                record.tenant_id = None;
                record.fail(*failure);
                record.metrics =
                    Some(Metrics { duration_ms: rounded(*duration), ..Metrics::default() });
                "platform.initReport"
            }
            Self::Start { request_id } => {
                record.request_id = Some(*request_id);
                record.function_arn = Some(function.arn());
                record.version = Some(LATEST);
                "platform.start"
            }
            // A client of the one API doesn't know the subscriptions of the other.
            Self::Fault { .. } | Self::Subscribed { api: TelemetryApi::Logs, .. } => return None,
            Self::RuntimeDone { request_id, report, failure } => {
                record.request_id = Some(*request_id);
                record.fail(*failure);
                record.spans = report.response.map(|response| spans(report.duration, response));
                record.metrics = Some(Metrics {
                    duration_ms: rounded(report.duration),
                    produced_bytes: report.response.map(|response| response.bytes),
                    ..Metrics::default()
                });
                "platform.runtimeDone"
            }
            Self::Report { request_id, report, failure } => {
                record.request_id = Some(*request_id);
                record.fail(*failure);
                record.metrics = Some(Metrics::of(report));
                "platform.report"
            }
        };
        serde_json::to_string(&Envelope { time: time(), r#type: kind, record }).ok()
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    time: String,
    r#type: &'a str,
    record: Record<'a>,
}

/// The members of all records, in AWS's order.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    initialization_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spans: Option<[Span; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<&'a [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<&'a [&'static str]>,
}

impl<'a> Record<'a> {
    fn fail(&mut self, failure: Option<&'a Failure>) {
        self.status = Some(failure.map_or("success", Failure::status));
        self.error_type = failure.map(Failure::error_type);
    }
}

/// A part of an invocation's time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    name: &'static str,
    start: String,
    duration_ms: f64,
}

/// What the runtime did from the event until it was done, which is now.
fn spans(duration: Duration, response: ResponseFigures) -> [Span; 3] {
    let now = Timestamp::now();
    let ResponseFigures { latency, duration: sending, .. } = response;
    let mut left = duration;
    [
        ("responseLatency", latency),
        ("responseDuration", sending),
        ("runtimeOverhead", duration.saturating_sub(latency + sending)),
    ]
    .map(|(name, lasted)| {
        let start = written(now.checked_sub(left).unwrap_or(now));
        left = left.saturating_sub(lasted);
        Span { name, start, duration_ms: rounded(lasted) }
    })
}

#[derive(Default, Serialize)]
struct Metrics {
    #[serde(rename = "durationMs")]
    duration_ms: f64,
    #[serde(rename = "producedBytes", skip_serializing_if = "Option::is_none")]
    produced_bytes: Option<usize>,
    #[serde(rename = "billedDurationMs", skip_serializing_if = "Option::is_none")]
    billed_duration_ms: Option<u64>,
    #[serde(rename = "memorySizeMB", skip_serializing_if = "Option::is_none")]
    memory_size_mb: Option<u32>,
    #[serde(rename = "maxMemoryUsedMB", skip_serializing_if = "Option::is_none")]
    max_memory_used_mb: Option<u64>,
    #[serde(rename = "initDurationMs", skip_serializing_if = "Option::is_none")]
    init_duration_ms: Option<f64>,
}

/// The figures of a report, as JSON.
#[must_use]
pub(crate) fn billed(report: &Report) -> serde_json::Value {
    serde_json::to_value(Metrics::of(report)).unwrap_or_default()
}

impl Metrics {
    fn of(report: &Report) -> Self {
        Self {
            duration_ms: rounded(report.duration),
            billed_duration_ms: Some(report.billed_ms()),
            memory_size_mb: Some(report.memory_size_mb),
            max_memory_used_mb: report.max_memory_used_mb,
            init_duration_ms: report.init_duration.map(rounded),
            ..Self::default()
        }
    }
}

fn report_text(id: Uuid, report: &Report, failure: Option<&Failure>) -> String {
    let mut line = format!(
        "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t",
        milliseconds(report.duration),
        report.billed_ms(),
        report.memory_size_mb,
    );
    // Left out where the system can't tell: a made-up figure would be read as a measured one.
    if let Some(used) = report.max_memory_used_mb {
        line += &format!("Max Memory Used: {used} MB\t");
    }
    if let Some(init) = report.init_duration {
        line += &format!("Init Duration: {:.2} ms\t", milliseconds(init));
    }
    if let Some(failure) = failure {
        line.truncate(line.trim_end_matches('\t').len());
        line += &status_fields(failure);
    }
    line
}

fn status_fields(failure: &Failure) -> String {
    match failure {
        Failure::TimedOut(_) => "\tStatus: timeout".to_owned(),
        failure => format!("\tStatus: {}\tError Type: {}", failure.status(), failure.error_type()),
    }
}

/// What AWS prints above END when the platform ended the invocation.
fn fault_text(id: Uuid, failure: &Failure) -> Option<String> {
    let reason = failure.reason()?;
    Some(match failure {
        Failure::TimedOut(_) => format!("{} {id} {reason}", time()),
        failure => format!("RequestId: {id} Error: {reason}\n{}", failure.error_type()),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Milliseconds with the three decimals that platform events have.
fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::PlatformEvent;
    use crate::lambda::invocation::Report;
    use crate::lambda::invocation::failure::Failure;

    fn report() -> Report {
        Report {
            duration: Duration::from_micros(1_234),
            init_duration: None,
            memory_size_mb: 128,
            max_memory_used_mb: Some(34),
            response: None,
        }
    }

    fn text(event: &PlatformEvent<'_>) -> String {
        event.text().unwrap_or_default()
    }

    #[test]
    fn report_has_the_fields_of_aws_in_their_order() {
        let mut report = report();
        let id = Uuid::nil();
        assert_eq!(
            text(&PlatformEvent::Report { request_id: id, report: &report, failure: None }),
            format!(
                "REPORT RequestId: {id}\tDuration: 1.23 ms\tBilled Duration: 2 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 34 MB\t"
            )
        );
        report.init_duration = Some(Duration::from_millis(101));
        assert_eq!(
            text(&PlatformEvent::Report {
                request_id: id,
                report: &report,
                failure: Some(&Failure::OutOfMemory),
            }),
            format!(
                "REPORT RequestId: {id}\tDuration: 1.23 ms\tBilled Duration: 103 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 34 MB\tInit Duration: 101.00 ms\
                 \tStatus: error\tError Type: Runtime.OutOfMemory"
            )
        );
    }

    #[test]
    fn init_report_names_phase_and_status() {
        let timeout = Failure::TimedOut(Duration::from_secs(10));
        let duration = Duration::from_millis(10_008);
        let failure = Some(&timeout);
        let event = PlatformEvent::InitReport { phase: "init", duration, failure };
        assert_eq!(
            text(&event),
            "INIT_REPORT Init Duration: 10008.00 ms\tPhase: init\tStatus: timeout"
        );
    }
}
