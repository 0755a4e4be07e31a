//! What `mtl metrics` is to do, once its options are known to go together: who is asked, for what, and
//! how it is told.

use std::time::Duration;

use jiff::Timestamp;

use super::format::{ReportFormat, Sort};
use super::help;
use crate::cli::failure::{Exit, Failure};
use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::report::prices::Price;
use crate::report::tenant_report::window::{Window, WindowError};
use crate::report::tenant_report::{self, custom};

/// What is to be done.
#[derive(Debug)]
pub(crate) struct MetricsPlan {
    /// Who is asked.
    pub(crate) target: Target,
    /// For what.
    pub(crate) question: Question,
    /// About which time.
    pub(crate) span: TimeSpan,
    /// How it is printed.
    pub(crate) format: ReportFormat,
    /// After how long it is shown again.
    pub(crate) watch: Option<Duration>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    /// How the tenants of a function do.
    Tenants {
        /// Which.
        subject: tenant_report::Subject,
        /// In which order.
        sort: Sort,
    },
    /// The same, from the logs of a function on AWS.
    Logs {
        /// The function and its tenants.
        subject: LogSubject,
        /// In which order.
        sort: Sort,
    },
    /// What they cost.
    Cost {
        /// Whose costs.
        subject: CostSubject,
        /// Prices in place of AWS's.
        prices: Vec<Price>,
    },
    /// Any statistics of any metric.
    Custom(custom::Subject),
}

/// A function on AWS whose logs are read.
#[derive(Debug)]
pub(crate) struct LogSubject {
    /// The function.
    pub(crate) function: String,
    /// The tenants; all if none is named.
    pub(crate) tenants: Vec<String>,
}

/// What tells of the use that is charged for.
#[derive(Debug)]
pub(crate) enum CostSubject {
    /// The metrics of a local server.
    Metrics(tenant_report::Subject),
    /// The logs on AWS.
    Logs(LogSubject),
}

/// A time, of which the end may be now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeSpan {
    /// How long it is, unless its start is given.
    pub(crate) since: Duration,
    /// Its start.
    pub(crate) start: Option<Timestamp>,
    /// Its end, now unless it is given.
    pub(crate) end: Option<Timestamp>,
    /// How long a period is, in seconds.
    pub(crate) period: Option<u32>,
}

impl TimeSpan {
    /// The window that it is now.
    ///
    /// # Errors
    ///
    /// When CloudWatch has nothing of it.
    fn window(&self, now: Timestamp) -> Result<Window, WindowError> {
        let end = self.end.unwrap_or(now);
        match self.start {
            Some(start) => Window::new(start..end, self.period, now),
            None => Window::since(self.since, self.period, end),
        }
    }
}

impl MetricsPlan {
    /// The window that is asked about now.
    ///
    /// # Errors
    ///
    /// When CloudWatch has nothing of it.
    pub(crate) fn window(&self) -> Result<Window, Failure> {
        let window = self.span.window(Timestamp::now());
        window.map_err(|error| Failure::new(Exit::Usage, error))
    }

    /// What a person is told when there is no answer.
    #[must_use]
    pub(crate) fn failure(&self, error: QueryError) -> Failure {
        let help = help::help_for(&error, &self.target);
        Failure::new(Exit::Failed, error).maybe_help(help)
    }
}
