//! The report from a function's logs on AWS: which logs are read, what they tell, and why they may tell
//! nothing.

use std::collections::BTreeMap;

use super::help;
use super::plan::LogSubject;
use super::progress::QueryProgressBar;
use crate::client::configuration::{self, Configuration};
use crate::client::insights::Insights;
use crate::client::insights::ROWS;
use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::report::tenant_report::FunctionReport;
use crate::report::tenant_report::cost::ByTenant;
use crate::report::tenant_report::logs::{self, QUERY, TenantFigures, Total};
use crate::report::tenant_report::window::Window;

/// What the logs told.
#[derive(Debug)]
pub(crate) struct LogFigures {
    tenants: BTreeMap<String, TenantFigures>,
    configuration: Configuration,
    bytes_scanned: f64,
    /// Whether there may be more tenants.
    is_cut: bool,
}

/// Reads the logs of a function.
///
/// # Errors
///
/// When there is no answer.
pub(crate) async fn read(
    target: &Target,
    subject: &LogSubject,
    window: &Window,
) -> Result<LogFigures, QueryError> {
    let progress = QueryProgressBar::default();
    let configuration = configuration::fetch(target, &subject.function, None).await?;
    let insights = Insights::for_target(target).await?;
    let range = window.start..window.end;
    let show = |bytes| progress.scanned(bytes);
    let answer = insights.query(&configuration.log_group, QUERY, range, show).await;
    progress.end();
    let answer = answer?;
    let tenants = logs::tenants(&answer.rows, &subject.tenants);
    let is_cut = answer.rows.len() >= usize::from(ROWS);
    Ok(LogFigures { tenants, configuration, bytes_scanned: answer.bytes_scanned, is_cut })
}

impl LogFigures {
    /// The report on the tenants.
    #[must_use]
    pub(crate) fn report(&self, subject: &LogSubject) -> FunctionReport {
        {
            let total = if subject.tenants.is_empty() { Total::Shown } else { Total::Hidden };
            logs::report(subject.function.clone(), &self.tenants, total)
        }
    }

    /// What AWS charges for.
    #[must_use]
    pub(crate) fn usage(&self, subject: &LogSubject) -> BTreeMap<String, ByTenant> {
        let used = self.tenants.iter().map(|(tenant, found)| (tenant.clone(), found.usage));
        let used: ByTenant = used.collect();
        let functions = (!used.is_empty()).then(|| (subject.function.clone(), used));
        functions.into_iter().collect()
    }

    /// What a person is told besides.
    #[must_use]
    pub(crate) fn notes(&self, subject: &LogSubject, window: &Window) -> Vec<String> {
        let group = &self.configuration.log_group;
        let read = format!("{:.1} MB of logs were read in {group}", self.bytes_scanned / 1e6);
        if !self.tenants.is_empty() {
            let absent =
                "note: logs know no throttles, and all tenants together have no percentiles";
            let cut = format!("note: only {ROWS} tenants are read, and there may be more");
            let missing = help::missing(&subject.tenants, self.tenants.keys().map(String::as_str));
            let cut = self.is_cut.then_some(cut).into_iter();
            return cut.chain(missing).chain([absent.to_owned(), read]).collect();
        }
        let nothing = format!(
            "no data: no invocation of a tenant of {} was reported in {group} between {} and {}",
            subject.function, window.start, window.end
        );
        let help = if self.configuration.logs_json {
            "help: look further back with `--since`, and see that the function's system log level is \
             INFO or lower: at WARN Lambda reports no invocations"
        } else {
            "help: the function logs text, which names no tenants: set its log format to JSON \
             (`LoggingConfig: {LogFormat: JSON}`)"
        };
        vec![nothing, help.to_owned(), read]
    }
}
