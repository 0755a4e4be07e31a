//! What is logged, as the extensions get it that have subscribed with one of AWS's two APIs.

use serde_json::json;
use uuid::Uuid;

use crate::lambda::function::LogFormat;
use crate::telemetry::log_time;
use crate::telemetry::logs::platform_event::PlatformEvent;
use crate::telemetry::logs::source::LogSource;
use crate::telemetry::logs::{application_json, logs_api, platform_json};
use crate::telemetry::subscribers::{TelemetryEvent, TelemetryType};

/// An event of the platform. The Logs API tells some of them as two.
pub(crate) fn platform(
    source: &LogSource,
    event: &PlatformEvent<'_>,
) -> impl Iterator<Item = TelemetryEvent> + use<> {
    let telemetry_type = TelemetryType::Platform;
    let telemetry = platform_json::object(source, event);
    let first = TelemetryEvent { telemetry_type, telemetry, logs: logs_api::object(event) };
    let end = logs_api::end(event);
    let second = end.map(|end| TelemetryEvent { telemetry_type, telemetry: None, logs: Some(end) });
    std::iter::once(first).chain(second)
}

/// A line of output: a text, or an object in the JSON log format.
#[must_use]
pub(crate) fn output(
    source: &LogSource,
    author: TelemetryType,
    line: &str,
    request_id: Option<Uuid>,
) -> TelemetryEvent {
    let record = match source.function.log_format {
        LogFormat::Text => json!(line).to_string(),
        LogFormat::Json(_) => application_json::line(source, line, request_id),
    };
    let (time, name) = (log_time::now(), author.as_str());
    let json = format!(r#"{{"time":"{time}","type":"{name}","record":{record}}}"#);
    TelemetryEvent { telemetry_type: author, telemetry: Some(json.clone()), logs: Some(json) }
}
