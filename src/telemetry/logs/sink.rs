//! Where the streams of all environments go.

use std::path::PathBuf;

use crate::telemetry::logs::writer::Writer;
use crate::telemetry::metric_store::MetricStore;

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
