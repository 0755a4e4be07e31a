//! Which of all metrics are listed.

use jiff::Timestamp;

use crate::telemetry::metric_store::metric::MetricId;

/// Which metrics are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricFilter<'a> {
    /// Only metrics of this namespace.
    pub(crate) namespace: Option<&'a str>,
    /// Only metrics of this name.
    pub(crate) name: Option<&'a str>,
    /// Only metrics that have all of these dimensions, with this value where one is given.
    pub(crate) dimensions: Vec<(&'a str, Option<&'a str>)>,
    /// Only metrics for which something was published since this moment.
    pub(crate) active_since: Option<Timestamp>,
}

impl MetricFilter<'_> {
    /// Whether a metric has the names and dimensions that are asked for. When something was last
    /// published for it is not looked at.
    #[must_use]
    pub(crate) fn matches(&self, metric: &MetricId) -> bool {
        let has = |(name, value): &(&str, Option<&str>)| {
            let found = metric.dimensions.get(name);
            found.is_some() && (value.is_none() || found == *value)
        };
        self.namespace.is_none_or(|namespace| *metric.namespace == *namespace)
            && self.name.is_none_or(|name| *metric.name == *name)
            && self.dimensions.iter().all(has)
    }
}
