//! From a question to its answer: who is asked, what a person sees while they wait, and what they are
//! told besides the figures.

use std::collections::BTreeMap;

use super::answer::{Figures, MetricsAnswer, TenantTables};
use super::format::Sort;
use super::plan::{CostSubject, LogSubject, MetricsPlan, Question};
use super::progress::QueryProgressBar;
use super::{cost, help, logs};
use crate::cli::failure::Failure;
use crate::client::cloudwatch::CloudWatch;
use crate::client::configuration;
use crate::client::query_error::QueryError;
use crate::report::prices::Price;
use crate::report::tenant_report::cost::ByTenant;
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{self, Subject, custom};

/// A question about one time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inquiry<'a> {
    /// Who answers what metrics can tell.
    pub(super) cloudwatch: &'a CloudWatch,
    /// What is asked, and of whom.
    pub(super) plan: &'a MetricsPlan,
    /// The time.
    pub(super) window: &'a Window,
}

impl Inquiry<'_> {
    /// Asks, and returns the answer.
    ///
    /// # Errors
    ///
    /// When there is no answer, or a price is needed that isn't known.
    pub(super) async fn answer(self) -> Result<MetricsAnswer, Failure> {
        match &self.plan.question {
            Question::Tenants { subject, sort } => self.tenants(subject, *sort).await,
            Question::Logs { subject, sort } => self.logs(subject, *sort).await,
            Question::Cost { subject, prices } => self.cost(subject, prices).await,
            Question::Custom(subject) => self.custom(subject).await,
        }
    }

    async fn tenants(self, subject: &Subject, sort: Sort) -> Result<MetricsAnswer, Failure> {
        let bar = QueryProgressBar::default();
        let show = |answered, all| bar.show(answered, all);
        let reports = tenant_report::report(self.cloudwatch, subject, self.window, show).await;
        bar.end();
        let mut functions = self.answered(reports)?;
        for report in &mut functions {
            sort.apply(&mut report.tenants);
        }
        let target = &self.plan.target;
        let notes = if functions.is_empty() {
            help::no_data(subject, self.window, target)
        } else {
            let found = functions.iter().flat_map(|report| &report.tenants);
            let found = found.filter_map(|tenant| tenant.tenant.as_deref());
            let missing = help::missing(&subject.tenants, found);
            missing.into_iter().chain(help::notes(target, self.plan.format)).collect()
        };
        let figures = Figures::Tenants(TenantTables { functions, by_period: subject.by_period });
        Ok(MetricsAnswer { figures, notes })
    }

    async fn logs(self, subject: &LogSubject, sort: Sort) -> Result<MetricsAnswer, Failure> {
        let logs = self.answered(logs::read(&self.plan.target, subject, self.window).await)?;
        let mut report = logs.report(subject);
        sort.apply(&mut report.tenants);
        let functions = if report.tenants.is_empty() { Vec::new() } else { vec![report] };
        let figures = Figures::Tenants(TenantTables { functions, by_period: false });
        Ok(MetricsAnswer { figures, notes: logs.notes(subject, self.window) })
    }

    async fn custom(self, subject: &custom::Subject) -> Result<MetricsAnswer, Failure> {
        let bar = QueryProgressBar::default();
        let show = |answered, all| bar.show(answered, all);
        let metrics = custom::report(self.cloudwatch, subject, self.window, show).await;
        bar.end();
        let metrics = self.answered(metrics)?;
        let notes =
            if metrics.is_empty() { help::no_metrics(subject, self.window) } else { Vec::new() };
        Ok(MetricsAnswer { figures: Figures::Custom(metrics, subject.clone()), notes })
    }

    async fn cost(self, subject: &CostSubject, prices: &[Price]) -> Result<MetricsAnswer, Failure> {
        let Used { usage, mut notes } = match subject {
            CostSubject::Metrics(subject) => self.used_by_metrics(subject).await?,
            CostSubject::Logs(subject) => self.used_by_logs(subject).await?,
        };
        let mut functions = Vec::new();
        for (function, used) in usage {
            let configuration = configuration::fetch(&self.plan.target, &function, None).await;
            let configuration = self.answered(configuration)?;
            functions.push(cost::of_function(function, used, prices, &configuration)?);
        }
        if !functions.is_empty() {
            notes.push(help::PRICES.to_owned());
        }
        Ok(MetricsAnswer { figures: Figures::Costs(functions), notes })
    }

    async fn used_by_metrics(self, subject: &Subject) -> Result<Used, Failure> {
        let bar = QueryProgressBar::default();
        let show = |answered, all| bar.show(answered, all);
        let usage = tenant_report::cost::report(self.cloudwatch, subject, self.window, show).await;
        bar.end();
        let usage = self.answered(usage)?;
        let notes = if usage.is_empty() {
            help::no_data(subject, self.window, &self.plan.target)
        } else {
            let found = usage.values().flat_map(BTreeMap::keys).map(String::as_str);
            help::missing(&subject.tenants, found).into_iter().collect()
        };
        Ok(Used { usage, notes })
    }

    async fn used_by_logs(self, subject: &LogSubject) -> Result<Used, Failure> {
        let logs = self.answered(logs::read(&self.plan.target, subject, self.window).await)?;
        Ok(Used { usage: logs.usage(subject), notes: logs.notes(subject, self.window) })
    }

    fn answered<T>(self, answer: Result<T, QueryError>) -> Result<T, Failure> {
        answer.map_err(|error| self.plan.failure(error))
    }
}

/// What AWS charges for, by function and tenant.
struct Used {
    usage: BTreeMap<String, ByTenant>,
    notes: Vec<String>,
}
