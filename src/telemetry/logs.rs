//! What a function and the platform log: one [`LogStream`] per environment, which turns output
//! lines and platform events into the lines of CloudWatch Logs, and sends them to stdout and to
//! files. Knows no processes; who reads the function's output is not its affair.
//!
//! A function's line can neither pass for a line of the platform's nor reach the terminal with
//! control characters in it.

pub(crate) mod event;
mod logs_api;
pub(crate) mod writer;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::lambda::function::{Function, LogFormat, LogLevel, TenantId};
use crate::lambda::quotas;
use crate::system::text::tabbed_line;
use crate::telemetry::embedded_metrics;
use crate::telemetry::metric_store::MetricStore;
use crate::telemetry::telemetry_api::subscription::Type;
use crate::telemetry::telemetry_api::{self, Telemetry};
use event::PlatformEvent;
use writer::handle::Writer;

/// What stdout shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stdout {
    /// The lines as AWS writes them.
    Lines,
    /// The same, each with its tenant and environment in front, and safe for a terminal.
    Terminal {
        /// Whether tenants are told apart by color as well.
        color: bool,
    },
    /// One JSON object per line, each with a `type`.
    Json,
}

/// Where log lines go. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct LogSink {
    /// What stdout shows.
    pub(crate) stdout: Stdout,
    /// A folder with one file per log stream, under AWS's group and stream names.
    pub(crate) directory: Option<PathBuf>,
    /// The threads that write.
    pub(crate) writer: Writer,
    /// Where the metrics go that a function publishes by writing them.
    pub(crate) metrics: MetricStore,
}

/// The log stream of one environment, and so of one tenant.
#[derive(Debug)]
pub(crate) struct LogStream {
    sink: LogSink,
    function: Arc<Function>,
    environment_id: Uuid,
    tenant_id: Option<TenantId>,
    name: String,
    prefix: String,
    /// The extensions that are told of all this.
    telemetry: Telemetry,
    /// The end of what was logged since the invocation began.
    tail: Mutex<Vec<u8>>,
}

/// The opening of every line that the platform writes in the text format.
const PLATFORM_OPENINGS: [&str; 5] =
    ["INIT_START ", "INIT_REPORT ", "START RequestId: ", "END RequestId: ", "REPORT RequestId: "];

impl LogStream {
    /// The stream of an environment that starts now.
    #[must_use]
    pub(crate) fn new(
        sink: LogSink,
        function: Arc<Function>,
        environment_id: Uuid,
        tenant_id: Option<TenantId>,
    ) -> Self {
        let day = Timestamp::now().strftime("%Y/%m/%d").to_string();
        let name = format!("{day}/[$LATEST]{}", environment_id.simple());
        let prefix = prefix(environment_id, tenant_id.as_ref());
        let (telemetry, tail) = (Telemetry::default(), Mutex::default());
        Self { sink, function, environment_id, tenant_id, name, prefix, telemetry, tail }
    }

    /// The environment that it is the log of.
    #[must_use]
    pub(crate) fn environment_id(&self) -> Uuid {
        self.environment_id
    }

    /// The tenant that it belongs to.
    #[must_use]
    pub(crate) fn tenant_id(&self) -> Option<&TenantId> {
        self.tenant_id.as_ref()
    }

    /// Logs the start of an invocation, with which its tail begins.
    pub(crate) fn begin(&self, request_id: Uuid) {
        self.lock_tail().clear();
        self.platform(&PlatformEvent::Start { request_id });
    }

    /// The last 4 KB of what was logged since the invocation began, cut at the beginning only.
    #[must_use]
    pub(crate) fn tail(&self) -> Bytes {
        let tail = self.lock_tail();
        let skipped = tail.len().saturating_sub(quotas::LOG_TAIL_BYTES);
        Bytes::copy_from_slice(&tail[skipped..])
    }

    fn lock_tail(&self) -> MutexGuard<'_, Vec<u8>> {
        // Bytes are appended and cut off: there is nothing half done after a panic.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_tail(&self, aws: &str) {
        let mut tail = self.lock_tail();
        let end = &aws.as_bytes()[aws.len().saturating_sub(quotas::LOG_TAIL_BYTES)..];
        tail.extend_from_slice(end);
        tail.push(b'\n');
        // Cut now and then, and not at each line.
        if tail.len() > 4 * quotas::LOG_TAIL_BYTES {
            let surplus = tail.len() - quotas::LOG_TAIL_BYTES;
            tail.drain(..surplus);
        }
    }

    /// Its name, as in `AWS_LAMBDA_LOG_STREAM_NAME`: the day it began, the version, and the id of
    /// the environment.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Logs a line that the function wrote, without its end of line.
    pub(crate) fn output(&self, line: &[u8], request_id: Option<Uuid>) {
        self.output_of(Type::Function, line, request_id);
    }

    /// Logs a line that an extension wrote, without its end of line.
    pub(crate) fn extension_output(&self, line: &[u8], request_id: Option<Uuid>) {
        self.output_of(Type::Extension, line, request_id);
    }

    fn output_of(&self, r#type: Type, line: &[u8], request_id: Option<Uuid>) {
        let line = String::from_utf8_lossy(line);
        self.publish_output(r#type, &line, request_id);
        let now = Timestamp::now();
        for datum in embedded_metrics::extract(&line, now) {
            self.sink.metrics.put(&datum, now);
        }
        let aws = match self.function.log_format {
            LogFormat::Text => Some(guarded(&line)),
            LogFormat::Json(levels) if level(&line) < levels.application => None,
            LogFormat::Json(_) => Some(self.application_json(&line, request_id)),
        };
        let stdout = match self.sink.stdout {
            Stdout::Json => self.wrapped_json(&line, request_id),
            Stdout::Lines | Stdout::Terminal { .. } => {
                aws.as_ref().map(|aws| self.shown(aws, false)).unwrap_or_default()
            }
        };
        self.write(stdout, &aws.unwrap_or_default());
    }

    /// The extensions that are told of what is logged.
    #[must_use]
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Tells the subscribers of an event of the platform. All that is logged is told as well.
    pub(crate) fn publish(&self, event: &PlatformEvent<'_>) {
        if !self.telemetry.is_listening() {
            return;
        }
        let telemetry = event.json(&self.function, self.tenant_id.as_ref());
        let logs = logs_api::event(event);
        let r#type = Type::Platform;
        self.telemetry.publish(telemetry_api::Event { r#type, telemetry, logs });
        if let Some(end) = logs_api::end(event) {
            self.telemetry.publish(telemetry_api::Event {
                r#type,
                telemetry: None,
                logs: Some(end),
            });
        }
    }

    /// Output as its subscribers get it: a text, or an object in the JSON log format.
    fn publish_output(&self, r#type: Type, line: &str, request_id: Option<Uuid>) {
        if !self.telemetry.is_listening() {
            return;
        }
        let record = match self.function.log_format {
            LogFormat::Text => to_json(&line),
            LogFormat::Json(_) => self.application_json(line, request_id),
        };
        let (time, name) = (event::time(), r#type.as_str());
        let json = format!(r#"{{"time":"{time}","type":"{name}","record":{record}}}"#);
        let (telemetry, logs) = (Some(json.clone()), Some(json));
        self.telemetry.publish(telemetry_api::Event { r#type, telemetry, logs });
    }

    /// Logs an event of the platform.
    pub(crate) fn platform(&self, event: &PlatformEvent<'_>) {
        self.publish(event);
        let json = || event.json(&self.function, self.tenant_id.as_ref());
        let aws = match self.function.log_format {
            LogFormat::Text => event.text(),
            LogFormat::Json(levels) => json().filter(|_| event.level() >= levels.system),
        };
        let stdout = match self.sink.stdout {
            Stdout::Json => json().map(|mut json| {
                json.push('\n');
                json
            }),
            Stdout::Lines | Stdout::Terminal { .. } => {
                aws.as_ref().map(|aws| self.shown(aws, true))
            }
        };
        self.write(stdout.unwrap_or_default(), &aws.unwrap_or_default());
    }

    fn write(&self, stdout: String, aws: &str) {
        if !aws.is_empty() {
            self.keep_tail(aws);
        }
        if let Some(directory) = &self.sink.directory
            && !aws.is_empty()
        {
            let group = self.function.log_group();
            let path = directory.join(group.trim_start_matches('/')).join(&self.name);
            self.sink.writer.file(path, format!("{aws}\n"));
        }
        if !stdout.is_empty() {
            self.sink.writer.stdout(stdout);
        }
    }

    /// Lines for stdout, which a terminal gets with the prefix and without control characters.
    fn shown(&self, lines: &str, platform: bool) -> String {
        let Stdout::Terminal { color } = self.sink.stdout else { return format!("{lines}\n") };
        let dim = if color && platform { Style::new().dimmed() } else { Style::new() };
        let tenant_color = color.then(|| color_of(self.tenant_id.as_ref()).into());
        let color = Style::new().fg_color(tenant_color);
        let mut shown = String::with_capacity(lines.len() + 64);
        for line in lines.split('\n') {
            let prefix = &self.prefix;
            let line = tabbed_line(line);
            // Writing to a string can't fail.
            let _ = writeln!(shown, "{color}{prefix}{color:#} {dim}{line}{dim:#}");
        }
        shown
    }

    /// A line in the JSON log format: an object stays as it is, a text becomes the message of one.
    fn application_json(&self, line: &str, request_id: Option<Uuid>) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Line<'a> {
            timestamp: String,
            level: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<Uuid>,
            #[serde(skip_serializing_if = "Option::is_none")]
            tenant_id: Option<&'a str>,
            message: &'a str,
        }
        if as_application_object(line).is_some() {
            return line.to_owned();
        }
        to_json(&Line {
            timestamp: event::time(),
            level: "INFO",
            request_id,
            tenant_id: self.shown_tenant(request_id),
            message: line,
        })
    }

    /// A line of the `-o json` stream: what it is, whose it is, and the line itself.
    fn wrapped_json(&self, line: &str, request_id: Option<Uuid>) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Line<'a> {
            time: String,
            r#type: &'a str,
            environment_id: Uuid,
            #[serde(skip_serializing_if = "Option::is_none")]
            tenant_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<Uuid>,
            record: Record<'a>,
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Record<'a> {
            Object(&'a RawValue),
            Text(&'a str),
        }
        let record = as_application_object(line).map_or(Record::Text(line), Record::Object);
        let mut json = to_json(&Line {
            time: event::time(),
            r#type: "function",
            environment_id: self.environment_id,
            tenant_id: self.tenant_id.as_ref().map(TenantId::as_str),
            request_id,
            record,
        });
        json.push('\n');
        json
    }

    /// Lambda knows the tenant in the invoke phase only.
    fn shown_tenant(&self, request_id: Option<Uuid>) -> Option<&str> {
        request_id.and(self.tenant_id.as_ref()).map(TenantId::as_str)
    }
}

fn to_json(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// The level of a line in the JSON log format, as Lambda takes it.
fn level(line: &str) -> LogLevel {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        level: Cow<'a, str>,
    }
    let object: Option<Line<'_>> = serde_json::from_str(line).ok();
    object.and_then(|object| LogLevel::named(&object.level)).unwrap_or(LogLevel::Info)
}

/// The line, if it is a JSON object that does not pass itself off as an event of the platform.
fn as_application_object(line: &str) -> Option<&RawValue> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(line).ok()?;
    let kind = object.get("type").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.starts_with("platform.")) {
        return None;
    }
    serde_json::from_str(line).ok()
}

/// An event of the function as it is read: Lambda's runtimes write the lines of one with carriage returns
/// between them. Where a line opens as one of the platform's it gets a space in front.
fn guarded(event: &str) -> String {
    let mut guarded = String::with_capacity(event.len());
    for (index, line) in event.trim_end_matches('\r').split('\r').enumerate() {
        if index > 0 {
            guarded.push('\n');
        }
        if PLATFORM_OPENINGS.iter().any(|opening| line.starts_with(opening)) {
            guarded.push(' ');
        }
        guarded.push_str(line);
    }
    guarded
}

/// How many characters of a tenant id the terminal shows.
const SHOWN_TENANT: usize = 24;

fn prefix(environment_id: Uuid, tenant_id: Option<&TenantId>) -> String {
    let environment = &environment_id.simple().to_string()[..6];
    match tenant_id.map(TenantId::as_str) {
        // A tenant id is ASCII, so any index is the boundary of a character.
        Some(id) if id.len() > SHOWN_TENANT => {
            format!("{}… {environment} |", &id[..SHOWN_TENANT])
        }
        Some(id) => format!("{id} {environment} |"),
        None => format!("{environment} |"),
    }
}

/// The same color for all environments of a tenant. Nothing depends on it.
fn color_of(tenant_id: Option<&TenantId>) -> AnsiColor {
    const COLORS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Magenta,
        AnsiColor::Yellow,
        AnsiColor::Blue,
        AnsiColor::BrightCyan,
    ];
    let sum: usize = tenant_id.map_or(0, |id| id.as_str().bytes().map(usize::from).sum());
    COLORS[sum % COLORS.len()]
}

#[cfg(test)]
mod guard_tests {
    use super::{as_application_object, guarded};

    #[test]
    fn a_function_cannot_write_a_line_of_the_platform() {
        assert_eq!(guarded("REPORT RequestId: 1"), " REPORT RequestId: 1");
        assert_eq!(guarded("INIT_START x"), " INIT_START x");
        assert_eq!(guarded("x\rEND RequestId: 1"), "x\n END RequestId: 1");
        assert_eq!(guarded("STARTING\r\r"), "STARTING");
        assert!(as_application_object(r#"{"type":"platform.report","record":{}}"#).is_none());
        assert!(as_application_object(r#"{"type":"platfor\u006d.report"}"#).is_none());
        assert!(as_application_object(r#"{"type":"order"}"#).is_some());
        assert!(as_application_object("[1]").is_none());
    }
}

#[cfg(test)]
mod tests;
