//! The log stream of one environment: which line goes where, and in which format.

use std::sync::{Arc, Mutex, PoisonError};

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

/// How much memory is kept for the next line, in bytes: few lines are longer.
const KEPT_TEXT: usize = 1024;

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
    /// Where a line is put together before it goes to all of these.
    text: Mutex<Vec<u8>>,
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
        let source = LogSource::new(function, environment_id, tenant_id);
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
        let text = Mutex::default();
        Self { source, name, sink, terminal, file, subscribers, tail, text }
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
        self.write_for_programs(|text| {
            application_json::write_for_programs(text, &self.source, &line, request_id);
        });
        match self.source.function.log_format {
            LogFormat::Text => {
                self.write(Author::Function, |text| text_format::write_output(text, &line));
            }
            LogFormat::Json(levels) if application_json::level(&line) < levels.application => {}
            LogFormat::Json(_) => self.write(Author::Function, |text| {
                application_json::write(text, &self.source, &line, request_id);
            }),
        }
    }

    /// Logs an event of the platform, and tells the subscribers of it.
    pub(crate) fn platform(&self, event: &PlatformEvent<'_>) {
        self.publish(event);
        let write_json = |text: &mut Vec<u8>| platform_json::write(text, &self.source, event);
        self.write_for_programs(write_json);
        match self.source.function.log_format {
            LogFormat::Text => self.write(Author::Platform, |text| {
                text_format::write_platform(text, event);
            }),
            LogFormat::Json(levels) if event.level() < levels.system => {}
            LogFormat::Json(_) => self.write(Author::Platform, write_json),
        }
    }

    /// Tells the subscribers of an event of the platform, and logs nothing.
    pub(crate) fn publish(&self, event: &PlatformEvent<'_>) {
        if self.subscribers.is_listening() {
            let events = telemetry_events::platform(&self.source, event);
            events.for_each(|event| self.subscribers.publish(event));
        }
    }

    /// Sends what is logged to all who get it in AWS's format. An event that adds nothing is not logged,
    /// while an empty line of the function's is shown on stdout, and only there.
    fn write(&self, author: Author, add: impl FnOnce(&mut Vec<u8>)) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clear();
        add(&mut text);
        if !text.is_empty() {
            self.tail.add(&text);
            self.file.iter().for_each(|file| file.add(&text));
        } else if author == Author::Platform {
            return;
        }
        match (self.sink.stdout, &self.terminal) {
            (Stdout::Json, _) => {}
            (_, Some(terminal)) => {
                self.sink.writer.stdout(|shown| terminal.write(shown, &text, author));
            }
            (_, None) => self.sink.writer.stdout(|lines| {
                lines.extend_from_slice(&text);
                lines.push(b'\n');
            }),
        }
        if text.capacity() > KEPT_TEXT {
            *text = Vec::new();
        }
    }

    /// Sends an object to the programs that read stdout, if there are any and something is added.
    fn write_for_programs(&self, add: impl FnOnce(&mut Vec<u8>)) {
        if self.sink.stdout == Stdout::Json {
            self.sink.writer.stdout(|lines| {
                let start = lines.len();
                add(lines);
                if lines.len() > start {
                    lines.push(b'\n');
                }
            });
        }
    }
}
