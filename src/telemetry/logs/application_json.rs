//! What a function or an extension writes, as JSON: in the JSON format of Lambda's logs, and for
//! programs that read mtl's stdout.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::lambda::function::LogLevel;
use crate::telemetry::log_time::{self, LogTime};
use crate::telemetry::logs::source::LogSource;

/// A text in the JSON format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TextLine<'a> {
    timestamp: LogTime,
    level: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    message: &'a str,
}

/// Adds a line in the JSON format to a text: an object stays as it is, what is none becomes the message
/// of one.
pub(crate) fn write(text: &mut Vec<u8>, source: &LogSource, line: &str, request_id: Option<Uuid>) {
    if as_object(line).is_some() {
        return text.extend_from_slice(line.as_bytes());
    }
    let line = TextLine {
        timestamp: log_time::now(),
        level: LogLevel::Info.as_str(),
        request_id,
        tenant_id: source.tenant_in(request_id),
        message: line,
    };
    write_json(text, &line);
}

/// A line in the JSON format.
#[must_use]
pub(crate) fn line(source: &LogSource, line: &str, request_id: Option<Uuid>) -> String {
    let mut text = Vec::new();
    write(&mut text, source, line, request_id);
    String::from_utf8(text).unwrap_or_default()
}

/// A line on stdout for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StdoutLine<'a> {
    time: LogTime,
    r#type: &'a str,
    environment_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Uuid>,
    record: OutputRecord<'a>,
}

/// What was written.
#[derive(Serialize)]
#[serde(untagged)]
enum OutputRecord<'a> {
    Object(&'a RawValue),
    Text(&'a str),
}

/// Adds a line for programs that read stdout: what it is, whose it is, and the line itself.
pub(crate) fn write_for_programs(
    text: &mut Vec<u8>,
    source: &LogSource,
    line: &str,
    request_id: Option<Uuid>,
) {
    let line = StdoutLine {
        time: log_time::now(),
        r#type: "function",
        environment_id: source.environment_id,
        tenant_id: source.tenant(),
        request_id,
        record: as_object(line).map_or(OutputRecord::Text(line), OutputRecord::Object),
    };
    write_json(text, &line);
}

/// The part of an object that says its level.
#[derive(Deserialize)]
struct Leveled<'a> {
    #[serde(borrow)]
    level: Cow<'a, str>,
}

/// The level of a line in the JSON format, as Lambda takes it.
#[must_use]
pub(crate) fn level(line: &str) -> LogLevel {
    let object: Option<Leveled<'_>> = serde_json::from_str(line).ok();
    object.and_then(|object| LogLevel::named(&object.level)).unwrap_or(LogLevel::Info)
}

/// The line, if it is a JSON object that does not pass itself off as an event of the platform.
fn as_object(line: &str) -> Option<&RawValue> {
    // Cheaper than to have a parser say of each text what is wrong with it.
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let object: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
    let kind = object.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.starts_with("platform.")) {
        return None;
    }
    serde_json::from_str(line).ok()
}

fn write_json(text: &mut Vec<u8>, line: &impl Serialize) {
    // Nothing that is written here can fail to become JSON.
    let _ = serde_json::to_writer(text, line);
}

#[cfg(test)]
mod tests {
    use super::as_object;

    #[test]
    fn a_function_cannot_write_an_event_of_the_platform() {
        assert!(as_object(r#"{"type":"platform.report","record":{}}"#).is_none());
        assert!(as_object(r#"{"type":"platfor\u006d.report"}"#).is_none());
        assert!(as_object(r#"{"type":"order"}"#).is_some());
        assert!(as_object("[1]").is_none());
    }
}
