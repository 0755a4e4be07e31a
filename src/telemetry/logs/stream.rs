//! The log stream of one environment: which line goes where, and in which format.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::lambda::function::{Function, LogFormat, TenantId};
use crate::telemetry::embedded_metrics;
use crate::telemetry::logs::log_file::LogFile;
use crate::telemetry::logs::platform_event::PlatformEvent;
use crate::telemetry::logs::sink::{LogSink, Stdout};
use crate::telemetry::logs::source::LogSource;
use crate::telemetry::logs::tail::LogTail;
use crate::telemetry::logs::terminal::{Author, TerminalFormat};
use crate::telemetry::logs::{application_json, platform_json, telemetry_events, text_format};
use crate::telemetry::subscribers::{Subscribers, TelemetryType};

/// The log stream of one environment, and so of one tenant.
#[derive(Debug)]
pub(crate) struct LogStream {
    source: LogSource,
    name: String,
    sink: LogSink,
    /// How stdout shows it, if that is a terminal.
    terminal: Option<TerminalFormat>,
    file: Option<LogFile>,
    /// The extensions that have subscribed to what is logged.
    subscribers: Subscribers,
    tail: LogTail,
}

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
        let source = LogSource { function, environment_id, tenant_id };
        let terminal = match sink.stdout {
            Stdout::Lines | Stdout::Json => None,
            Stdout::Terminal { color: false } => Some(TerminalFormat::plain(&source)),
            Stdout::Terminal { color: true } => Some(TerminalFormat::colored(&source)),
        };
        let file = sink
            .directory
            .as_deref()
            .map(|directory| LogFile::new(directory, &source.function, &name, sink.writer.clone()));
        let (subscribers, tail) = (Subscribers::default(), LogTail::default());
        Self { source, name, sink, terminal, file, subscribers, tail }
    }

    /// The environment that it is the log of.
    #[must_use]
    pub(crate) fn environment_id(&self) -> Uuid {
        self.source.environment_id
    }

    /// The tenant that it belongs to.
    #[must_use]
    pub(crate) fn tenant_id(&self) -> Option<&TenantId> {
        self.source.tenant_id.as_ref()
    }

    /// Its name, as in `AWS_LAMBDA_LOG_STREAM_NAME`: the day it began, the version, and the id of
    /// the environment.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The extensions that have subscribed to what is logged.
    #[must_use]
    pub(crate) fn telemetry(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Logs the start of an invocation, with which its tail begins.
    pub(crate) fn begin(&self, request_id: Uuid) {
        self.tail.clear();
        self.platform(&PlatformEvent::Start { request_id });
    }

    /// The last 4 KB of what was logged since the invocation began, cut at the beginning only.
    #[must_use]
    pub(crate) fn tail(&self) -> Bytes {
        self.tail.last()
    }

    /// Logs a line that the function wrote, without its end of line.
    pub(crate) fn output(&self, line: &[u8], request_id: Option<Uuid>) {
        self.output_of(TelemetryType::Function, line, request_id);
    }

    /// Logs a line that an extension wrote, without its end of line.
    pub(crate) fn extension_output(&self, line: &[u8], request_id: Option<Uuid>) {
        self.output_of(TelemetryType::Extension, line, request_id);
    }

    fn output_of(&self, author: TelemetryType, line: &[u8], request_id: Option<Uuid>) {
        let line = String::from_utf8_lossy(line);
        if self.subscribers.is_listening() {
            let event = telemetry_events::output(&self.source, author, &line, request_id);
            self.subscribers.publish(event);
        }
        embedded_metrics::publish(&line, &self.sink.metrics);
        if self.sink.stdout == Stdout::Json {
            self.write_json(Some(application_json::for_programs(&self.source, &line, request_id)));
        }
        self.write(self.logged(&line, request_id), Author::Function);
    }

    /// A line of output as CloudWatch Logs has it, if its level is logged.
    fn logged(&self, line: &str, request_id: Option<Uuid>) -> Option<String> {
        match self.source.function.log_format {
            LogFormat::Text => Some(text_format::output(line)),
            LogFormat::Json(levels) if application_json::level(line) < levels.application => None,
            LogFormat::Json(_) => Some(application_json::line(&self.source, line, request_id)),
        }
    }

    /// Logs an event of the platform, and tells the subscribers of it.
    pub(crate) fn platform(&self, event: &PlatformEvent<'_>) {
        self.publish(event);
        let json = || platform_json::object(&self.source, event);
        let logged = match self.source.function.log_format {
            LogFormat::Text => text_format::platform(event),
            LogFormat::Json(levels) => json().filter(|_| event.level() >= levels.system),
        };
        if self.sink.stdout == Stdout::Json {
            self.write_json(json());
        }
        self.write(logged, Author::Platform);
    }

    /// Tells the subscribers of an event of the platform, and logs nothing.
    pub(crate) fn publish(&self, event: &PlatformEvent<'_>) {
        if self.subscribers.is_listening() {
            let events = telemetry_events::platform(&self.source, event);
            events.for_each(|event| self.subscribers.publish(event));
        }
    }

    /// Sends what is logged, if it is, to all who get it in AWS's format.
    fn write(&self, lines: Option<String>, author: Author) {
        let Some(lines) = lines else { return };
        // Only stdout shows empty lines.
        if !lines.is_empty() {
            self.tail.add(&lines);
            self.file.iter().for_each(|file| file.add(&lines));
        }
        match (self.sink.stdout, &self.terminal) {
            (Stdout::Json, _) => {}
            (_, Some(terminal)) => self.sink.writer.stdout(terminal.lines(&lines, author)),
            (_, None) => self.sink.writer.stdout(lines + "\n"),
        }
    }

    /// Sends an object to the programs that read stdout, if there is one.
    fn write_json(&self, object: Option<String>) {
        if let Some(object) = object {
            self.sink.writer.stdout(object + "\n");
        }
    }
}
