//! Which of all metrics are listed.

use jiff::Timestamp;

use crate::telemetry::metric_store::series::{Minute, minute};

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
    /// Whether metrics of this namespace and name are asked for.
    #[must_use]
    pub(crate) fn matches_names(&self, namespace: &str, name: &str) -> bool {
        self.namespace.is_none_or(|wanted| wanted == namespace)
            && self.name.is_none_or(|wanted| wanted == name)
    }

    /// Whether a metric with these dimensions, each found by its name, is asked for.
    #[must_use]
    pub(crate) fn matches_dimensions<'b>(&self, get: impl Fn(&str) -> Option<&'b str>) -> bool {
        self.dimensions.iter().all(|(name, value)| {
            let found = get(name);
            found.is_some() && (value.is_none() || found == *value)
        })
    }

    /// Whether a metric for which something was last published in this minute, if ever, is asked for.
    #[must_use]
    pub(crate) fn is_active(&self, last: Option<Minute>) -> bool {
        last.is_some() && last >= self.active_since.map(minute)
    }
}
