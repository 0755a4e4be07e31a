//! Any statistics of any metric, by tenant or by the dimensions that it has.

use std::collections::BTreeSet;

use super::answers::answers;
use super::published_metrics::{AWS_NAMESPACE, FUNCTION_NAME, OWN_NAMESPACE, TENANT_ID};
use super::window::Window;
use crate::client::cloudwatch::{CloudWatch, Metric, Points, Query};
use crate::client::query_error::QueryError;

/// Which metrics are meant, and which statistics of them are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Their namespace.
    pub(crate) namespace: String,
    /// Their names.
    pub(crate) metrics: Vec<String>,
    /// The statistics, as CloudWatch spells them; at least one.
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
    /// Whether Lambda or mtl publishes the metrics: then the function is one of their dimensions.
    fn is_of_lambda(&self) -> bool {
        [AWS_NAMESPACE, OWN_NAMESPACE].contains(&self.namespace.as_str())
    }

    /// The dimensions that CloudWatch is asked to look for, with their value where it is known.
    fn filter(&self) -> Vec<(&str, Option<&str>)> {
        let given = self.dimensions.iter();
        let mut filter: Vec<_> =
            given.map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
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

    /// Whether it has no dimensions besides those that are given. Where none is given it may have any.
    fn has_no_others(&self, metric: &Metric) -> bool {
        let is_given = |name: &str| {
            self.dimensions.iter().any(|(given, _)| given == name)
                || (name == FUNCTION_NAME && self.is_of_lambda() && self.function.is_some())
                || (name == TENANT_ID && !self.tenants.is_empty())
        };
        self.dimensions.is_empty() || metric.dimensions.iter().all(|(name, _)| is_given(name))
    }

    fn is_of_tenant_asked_for(&self, metric: &Metric) -> bool {
        let tenant = metric.dimension(TENANT_ID);
        self.tenants.is_empty()
            || tenant.is_some_and(|tenant| self.tenants.iter().any(|asked| asked == tenant))
    }

    fn is_asked_for(&self, metric: &Metric) -> bool {
        self.has_no_others(metric) && self.is_of_tenant_asked_for(metric)
    }

    /// Each statistic of the metric over the whole window, and then the first one by period.
    fn queries(&self, metric: &Metric, window: &Window) -> Vec<Query> {
        let query = |statistic: &String, period| Query {
            metric: metric.clone(),
            statistic: statistic.clone(),
            period,
        };
        let whole = self.statistics.iter().map(|statistic| query(statistic, window.whole()));
        let by_period = self.statistics.first().map(|first| query(first, window.period));
        whole.chain(by_period).collect()
    }
}

/// Asks for all metrics that are meant. `progress` is told how many statistics are there, and how many
/// are asked for.
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
    let queries = metrics.iter().flat_map(|metric| subject.queries(metric, window));
    let queries: Vec<_> = queries.collect();
    let answers = answers(cloudwatch, &queries, window, &mut progress).await?;
    let answers = answers.chunks(subject.statistics.len() + 1);
    let all = metrics.into_iter().zip(answers).map(|(metric, answers)| values(metric, answers));
    Ok(all.filter(|found| found.values.iter().any(Option::is_some)).collect())
}

/// The values of a metric from the answers to its queries.
fn values(metric: Metric, answers: &[Points]) -> MetricValues {
    let (series, whole) = answers.split_last().unwrap_or((const { &Points::new() }, &[]));
    let values = whole.iter().map(|points| points.first().map(|(_, value)| *value)).collect();
    MetricValues { metric, values, series: series.clone() }
}
