//! Any statistics of any metric, by tenant or by whatever dimensions it has. Knows no printing.

use std::collections::BTreeSet;

use super::window::Window;
use super::{AWS_NAMESPACE, FUNCTION_NAME, OWN_NAMESPACE, TENANT_ID};
use crate::client::cloudwatch::{CloudWatch, Metric, Points, Query};
use crate::client::query_error::QueryError;

/// Which metrics are meant, and what is asked of them.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Their namespace.
    pub(crate) namespace: String,
    /// Their names.
    pub(crate) metrics: Vec<String>,
    /// The statistics.
    pub(crate) statistics: Vec<String>,
    /// The function, where the metrics are Lambda's or mtl's.
    pub(crate) function: Option<String>,
    /// The tenants; all that have data if none is named.
    pub(crate) tenants: Vec<String>,
    /// Dimensions that the metrics have. With none they have a tenant.
    pub(crate) dimensions: Vec<(String, String)>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricValues {
    /// The metric.
    pub(crate) metric: Metric,
    /// Each statistic over the whole window.
    pub(crate) values: Vec<Option<f64>>,
    /// The first statistic by period.
    pub(crate) series: Points,
}

impl Subject {
    /// Whether the metrics are of a function, and so have its name for a dimension.
    fn is_of_lambda(&self) -> bool {
        [AWS_NAMESPACE, OWN_NAMESPACE].contains(&self.namespace.as_str())
    }

    fn filter(&self) -> Vec<(&str, Option<&str>)> {
        let mut filter: Vec<_> = self
            .dimensions
            .iter()
            .map(|(name, value)| (name.as_str(), Some(value.as_str())))
            .collect();
        if self.is_of_lambda()
            && let Some(function) = &self.function
        {
            filter.push((FUNCTION_NAME, Some(function)));
        }
        if self.dimensions.is_empty() {
            filter.push((TENANT_ID, None));
        }
        filter
    }

    /// Whether it has no other dimensions than those that are given, if any are.
    fn is_exact(&self, metric: &Metric) -> bool {
        let given = |name: &str| {
            self.dimensions.iter().any(|(given, _)| given == name)
                || (name == FUNCTION_NAME && self.is_of_lambda() && self.function.is_some())
                || (name == TENANT_ID && !self.tenants.is_empty())
        };
        self.dimensions.is_empty() || metric.dimensions.iter().all(|(name, _)| given(name))
    }

    fn is_asked_for(&self, metric: &Metric) -> bool {
        if !self.is_exact(metric) {
            return false;
        }
        self.tenants.is_empty()
            || metric
                .dimension(TENANT_ID)
                .is_some_and(|tenant| self.tenants.iter().any(|asked| asked == tenant))
    }
}

/// Asks for all metrics that are meant.
///
/// # Errors
///
/// When CloudWatch gives no answer.
pub(crate) async fn report(
    cloudwatch: &CloudWatch,
    subject: &Subject,
    window: &Window,
    mut progress: impl FnMut(usize, usize),
) -> Result<Vec<MetricValues>, QueryError> {
    let mut metrics = BTreeSet::new();
    for name in &subject.metrics {
        let listed = cloudwatch.list(&subject.namespace, Some(name), &subject.filter()).await?;
        metrics.extend(listed.into_iter().filter(|metric| subject.is_asked_for(metric)));
    }
    let query = |metric: &Metric, statistic: &str, period| Query {
        metric: metric.clone(),
        statistic: statistic.to_owned(),
        period,
    };
    let mut queries = Vec::new();
    for metric in &metrics {
        let whole = subject.statistics.iter();
        queries.extend(whole.map(|statistic| query(metric, statistic, window.whole())));
        queries.push(query(metric, &subject.statistics[0], window.period));
    }
    let all = queries.len();
    let range = window.start..window.end;
    let answers = cloudwatch.data(&queries, range, |answered| progress(answered, all)).await?;
    let each = subject.statistics.len() + 1;
    let found = metrics.into_iter().zip(answers.chunks(each)).map(|(metric, answers)| {
        let (series, whole) = answers.split_last().unwrap_or((const { &Vec::new() }, &[]));
        let values = whole.iter().map(|points| points.first().map(|(_, value)| *value)).collect();
        MetricValues { metric, values, series: series.clone() }
    });
    Ok(found.filter(|found| found.values.iter().any(Option::is_some)).collect())
}
