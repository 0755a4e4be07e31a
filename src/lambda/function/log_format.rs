//! The format of a function's log, and the levels from which on events are in it.

/// The format of the platform's log lines.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// START, END and REPORT lines.
    Text,
    /// JSON platform events, with `record.tenantId`, of these levels.
    Json(LogLevels),
}

/// From which level on events are logged.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLevels {
    /// The lowest level of the function's own events.
    pub(crate) application: LogLevel,
    /// The lowest level of the platform's events.
    pub(crate) system: LogLevel,
}

impl Default for LogLevels {
    fn default() -> Self {
        Self { application: LogLevel::Info, system: LogLevel::Info }
    }
}

/// How important an event is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    /// The finest detail.
    Trace,
    /// Detail for debugging.
    Debug,
    /// Normal operation.
    Info,
    /// What may become an error.
    Warn,
    /// What went wrong.
    Error,
    /// What stops the function.
    Fatal,
}

impl LogLevel {
    /// The levels from which on the function's own events can be logged.
    pub(crate) const APPLICATION: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The levels from which on the platform's events can be logged.
    pub(crate) const SYSTEM: [Self; 3] = [Self::Debug, Self::Info, Self::Warn];

    /// The level of this name, whatever its case.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        // Python has other names for two levels.
        let name = match name.to_ascii_uppercase().as_str() {
            "WARNING" => "WARN".to_owned(),
            "CRITICAL" => "FATAL".to_owned(),
            name => name.to_owned(),
        };
        Self::APPLICATION.into_iter().find(|level| level.as_str() == name)
    }

    /// As AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}
