//! The events of the platform as the Logs API had them, which the Telemetry API replaced: fewer, and
//! with other records.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html>

use serde_json::{Value, json};

use crate::lambda::function::LATEST;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::extensions::TelemetryApi;
use crate::telemetry::log_time;
use crate::telemetry::logs::platform_event::PlatformEvent;
use crate::telemetry::logs::record_members::ReportMetrics;
use crate::telemetry::logs::text_format;

/// The object of an event; `None` for what the Logs API doesn't tell.
#[must_use]
pub(crate) fn object(event: &PlatformEvent<'_>) -> Option<String> {
    let (kind, record) = match event {
        PlatformEvent::InitStart
        | PlatformEvent::InitRuntimeDone { .. }
        | PlatformEvent::InitReport { .. }
        | PlatformEvent::Subscribed { api: TelemetryApi::Telemetry, .. } => return None,
        PlatformEvent::Start { request_id } => {
            ("platform.start", json!({ "requestId": request_id, "version": LATEST }))
        }
        PlatformEvent::Fault { .. } => ("platform.fault", json!(text_format::platform(event)?)),
        PlatformEvent::RuntimeDone { request_id, failure, .. } => {
            let status = failure.map_or("success", Failure::status);
            ("platform.runtimeDone", json!({ "requestId": request_id, "status": status }))
        }
        PlatformEvent::Report { request_id, report, .. } => {
            let metrics = ReportMetrics::new(report);
            ("platform.report", json!({ "requestId": request_id, "metrics": metrics }))
        }
        PlatformEvent::ExtensionRegistered { name, events } => {
            ("platform.extension", json!({ "name": name, "state": "Ready", "events": events }))
        }
        PlatformEvent::Subscribed { name, api: TelemetryApi::Logs, types } => (
            "platform.logsSubscription",
            json!({ "name": name, "state": "Subscribed", "types": types }),
        ),
    };
    Some(of_kind(kind, &record))
}

/// `platform.end`, which only the Logs API has: it follows `platform.runtimeDone`.
#[must_use]
pub(crate) fn end(event: &PlatformEvent<'_>) -> Option<String> {
    match event {
        PlatformEvent::RuntimeDone { request_id, .. } => {
            Some(of_kind("platform.end", &json!({ "requestId": request_id })))
        }
        _ => None,
    }
}

fn of_kind(kind: &str, record: &Value) -> String {
    json!({ "time": log_time::now(), "type": kind, "record": record }).to_string()
}
