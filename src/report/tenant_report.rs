//! What metrics tell about the tenants of a function: which are asked for, and the figures that
//! follow from the answers. Knows neither how they are printed nor where CloudWatch is.

pub(crate) mod cost;
pub(crate) mod custom;
pub(crate) mod figures;
pub(crate) mod logs;
pub(crate) mod window;

use std::collections::{BTreeMap, BTreeSet};

use crate::client::cloudwatch::{CloudWatch, Points, Query};
use crate::client::query_error::QueryError;
use figures::{Dimensions, Figures, Metrics};
use window::Window;

/// The namespace of Lambda's metrics.
pub(crate) const AWS_NAMESPACE: &str = "AWS/Lambda";

/// The namespace of the metrics that only mtl has.
pub(crate) const OWN_NAMESPACE: &str = "mtl";

/// The dimension that names the function.
pub(crate) const FUNCTION_NAME: &str = "FunctionName";

/// The dimension that names the tenant. AWS documents none such.
pub(crate) const TENANT_ID: &str = "TenantId";

/// What a report is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The function; all that have data if none is named.
    pub(crate) function: Option<String>,
    /// The tenants; all that have data if none is named.
    pub(crate) tenants: Vec<String>,
    /// Whether there are mtl's own metrics.
    pub(crate) metrics: Metrics,
    /// Whether the figures of each period are wanted, and not only those of the whole window.
    pub(crate) by_period: bool,
}

/// The tenants of one function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionReport {
    /// The function.
    pub(crate) function: String,
    /// Its tenants that have data, in the order of their names.
    pub(crate) tenants: Vec<TenantReport>,
    /// All of them together, unless only some are asked for.
    pub(crate) total: Option<TenantReport>,
}

/// One tenant, or all together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantReport {
    /// The tenant; `None` for all.
    pub(crate) tenant: Option<String>,
    /// The whole window.
    pub(crate) figures: Figures,
    /// How many invocations began in each period that had some.
    pub(crate) invocations: Points,
    /// The figures of each period that had some, if they are wanted.
    pub(crate) periods: BTreeMap<jiff::Timestamp, Figures>,
}

/// Asks for all that a report has, one function after the other, and tells how many of how many
/// metrics are there.
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
    for (function, tenants) in subjects(cloudwatch, subject).await? {
        let mut names: Vec<Option<String>> = tenants.into_iter().map(Some).collect();
        if subject.tenants.is_empty() {
            names.push(None);
        }
        let queries: Vec<Query> = names
            .iter()
            .flat_map(|tenant| queries(&function, tenant.as_deref(), subject, window))
            .collect();
        let all = queries.len();
        let range = window.start..window.end;
        let answers = cloudwatch.data(&queries, range, |answered| progress(answered, all)).await?;
        let each = queries.len() / names.len().max(1);
        let mut found: Vec<TenantReport> = names
            .into_iter()
            .zip(answers.chunks(each.max(1)))
            .map(|(tenant, answers)| tenant_report(tenant, answers, subject))
            .filter(|report| report.figures != Figures::default())
            .collect();
        let total = found.pop_if(|last| last.tenant.is_none());
        if !found.is_empty() || total.is_some() {
            reports.push(FunctionReport { function, tenants: found, total });
        }
    }
    Ok(reports)
}

/// The functions and their tenants. Where both are named there is nothing to find out.
async fn subjects(
    cloudwatch: &CloudWatch,
    subject: &Subject,
) -> Result<BTreeMap<String, BTreeSet<String>>, QueryError> {
    if let (Some(function), false) = (&subject.function, subject.tenants.is_empty()) {
        let tenants = subject.tenants.iter().cloned().collect();
        return Ok(BTreeMap::from([(function.clone(), tenants)]));
    }
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let filter = [(FUNCTION_NAME, subject.function.as_deref()), (TENANT_ID, None)];
    // A tenant that was only throttled has no invocations.
    for name in ["Invocations", "Throttles"] {
        for metric in cloudwatch.list(AWS_NAMESPACE, Some(name), &filter).await? {
            let (Some(function), Some(tenant)) =
                (metric.dimension(FUNCTION_NAME), metric.dimension(TENANT_ID))
            else {
                continue;
            };
            let is_asked_for =
                subject.tenants.is_empty() || subject.tenants.iter().any(|asked| asked == tenant);
            if metric.dimensions.len() == filter.len() && is_asked_for {
                found.entry(function.to_owned()).or_default().insert(tenant.to_owned());
            }
        }
    }
    Ok(found)
}

fn queries(function: &str, tenant: Option<&str>, subject: &Subject, window: &Window) -> Vec<Query> {
    let dimensions = Dimensions { function, tenant };
    let mut queries = figures::queries(dimensions, subject.metrics, window.whole());
    if subject.by_period {
        queries.extend(figures::queries(dimensions, subject.metrics, window.period));
    } else {
        queries.push(figures::invocations(dimensions, window.period));
    }
    queries
}

fn tenant_report(tenant: Option<String>, answers: &[Points], subject: &Subject) -> TenantReport {
    let (whole, by_period) = answers.split_at(figures::count(subject.metrics));
    let invocations = by_period.first().cloned().unwrap_or_default();
    let periods =
        if subject.by_period { figures::by_period(by_period) } else { BTreeMap::default() };
    TenantReport { tenant, figures: figures::of(whole), invocations, periods }
}
