//! How tenants do, by the metrics of CloudWatch.

use std::collections::BTreeMap;

use super::answers::answers;
use super::figures;
use super::figures::Figures;
use super::function_report::{FunctionReport, TenantReport};
use super::published_metrics::MetricOwner;
use super::subject::Subject;
use super::window::Window;
use crate::client::cloudwatch::{CloudWatch, Points, Query};
use crate::client::query_error::QueryError;

/// Asks for all that a report has, one function after the other. `progress` is told how many metrics of
/// a function are there, and how many it has.
///
/// # Errors
///
/// When CloudWatch gives no answer.
pub(crate) async fn report(
    cloudwatch: &CloudWatch,
    subject: &Subject,
    window: &Window,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<FunctionReport>, QueryError> {
    let mut reports = Vec::new();
    for (function, tenants) in subject.tenants_by_function(cloudwatch).await? {
        let mut names: Vec<Option<String>> = tenants.into_iter().map(Some).collect();
        if subject.tenants.is_empty() {
            names.push(None);
        }
        let queries = names.iter().flat_map(|tenant| {
            let owner = MetricOwner { function: &function, tenant: tenant.as_deref() };
            queries(owner, subject, window)
        });
        let queries: Vec<Query> = queries.collect();
        let answers = answers(cloudwatch, &queries, window, &mut progress).await?;
        let each = queries.len() / names.len().max(1);
        let rows = names.into_iter().zip(answers.chunks(each.max(1)));
        let rows = rows.map(|(tenant, answers)| tenant_report(tenant, answers, subject));
        reports.extend(function_report(function, rows));
    }
    Ok(reports)
}

/// The report of a function, if any of its rows has figures.
fn function_report(
    function: String,
    rows: impl Iterator<Item = TenantReport>,
) -> Option<FunctionReport> {
    let with_figures = rows.filter(|row| row.figures != Figures::default());
    let mut tenants: Vec<TenantReport> = with_figures.collect();
    let total = tenants.pop_if(|last| last.tenant.is_none());
    (!tenants.is_empty() || total.is_some()).then_some(FunctionReport { function, tenants, total })
}

/// First the figures of the whole window, then what is asked for by period.
fn queries(owner: MetricOwner<'_>, subject: &Subject, window: &Window) -> Vec<Query> {
    let mut queries = figures::queries(owner, subject.metrics, window.whole());
    if subject.by_period {
        queries.extend(figures::queries(owner, subject.metrics, window.period));
    } else {
        queries.push(figures::invocations(owner, window.period));
    }
    queries
}

fn tenant_report(tenant: Option<String>, answers: &[Points], subject: &Subject) -> TenantReport {
    let (whole, by_period) = answers.split_at(figures::count(subject.metrics));
    let invocations = by_period.first().cloned().unwrap_or_default();
    let periods =
        if subject.by_period { figures::by_period(by_period) } else { BTreeMap::default() };
    TenantReport { tenant, figures: figures::of_window(whole), invocations, periods }
}
