//! What happens on the platform that is logged, or told to extensions.

use std::time::Duration;

use uuid::Uuid;

use crate::lambda::function::LogLevel;
use crate::lambda::invocation::Report;
use crate::lambda::invocation::failure::Failure;
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
}
