//! The events of the platform as JSON objects, in the JSON format of Lambda's logs and for the
//! Telemetry API.

use serde::Serialize;

use crate::telemetry::extensions::TelemetryApi;
use crate::telemetry::log_time::{self, LogTime};
use crate::telemetry::logs::platform_event::PlatformEvent;
use crate::telemetry::logs::platform_record::{
    ExtensionRecord, InitReportRecord, InitRuntimeDoneRecord, InitStartRecord, PlatformRecord,
    ReportRecord, RuntimeDoneRecord, StartRecord, TelemetrySubscriptionRecord,
};
use crate::telemetry::logs::source::LogSource;

#[derive(Serialize)]
struct PlatformObject<'a> {
    time: LogTime,
    #[serde(flatten)]
    record: PlatformRecord<'a>,
}

/// Adds the object of an event to a text. Nothing for what is not told in JSON.
pub(crate) fn write(text: &mut Vec<u8>, source: &LogSource, event: &PlatformEvent<'_>) {
    if let Some(record) = record(source, event) {
        // Nothing that is written here can fail to become JSON.
        let _ = serde_json::to_writer(text, &PlatformObject { time: log_time::now(), record });
    }
}

/// The object of an event; `None` for what is not told in JSON.
#[must_use]
pub(crate) fn object(source: &LogSource, event: &PlatformEvent<'_>) -> Option<String> {
    let mut text = Vec::new();
    write(&mut text, source, event);
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}

fn record<'a>(source: &'a LogSource, event: &'a PlatformEvent<'_>) -> Option<PlatformRecord<'a>> {
    let (function, tenant) = (&source.function, source.tenant());
    Some(match *event {
        PlatformEvent::InitStart => PlatformRecord::InitStart(InitStartRecord::new(function)),
        PlatformEvent::InitRuntimeDone { phase, failure } => {
            PlatformRecord::InitRuntimeDone(InitRuntimeDoneRecord::new(phase, failure))
        }
        PlatformEvent::InitReport { phase, duration, failure } => {
            PlatformRecord::InitReport(InitReportRecord::new(phase, duration, failure))
        }
        PlatformEvent::Start { request_id } => {
            PlatformRecord::Start(StartRecord::new(request_id, &source.function_arn, tenant))
        }
        PlatformEvent::RuntimeDone { request_id, report, failure } => {
            let record = RuntimeDoneRecord::new(request_id, tenant, report, failure);
            PlatformRecord::RuntimeDone(record)
        }
        PlatformEvent::Report { request_id, report, failure } => {
            PlatformRecord::Report(ReportRecord::new(request_id, tenant, report, failure))
        }
        PlatformEvent::ExtensionRegistered { name, ref events } => {
            PlatformRecord::Extension(ExtensionRecord::new(name, events))
        }
        PlatformEvent::Subscribed { name, api: TelemetryApi::Telemetry, ref types } => {
            PlatformRecord::TelemetrySubscription(TelemetrySubscriptionRecord::new(name, types))
        }
        // A client of the one API doesn't know the subscriptions of the other.
        PlatformEvent::Fault { .. } | PlatformEvent::Subscribed { api: TelemetryApi::Logs, .. } => {
            return None;
        }
    })
}
