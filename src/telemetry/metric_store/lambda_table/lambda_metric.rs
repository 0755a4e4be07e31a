//! The metrics that mtl publishes itself, each with its place in a row.

use crate::telemetry::metric_store::metric::Unit;

/// The namespace of the metrics that Lambda has.
pub(crate) const AWS_NAMESPACE: &str = "AWS/Lambda";

/// The namespace of the metrics that only mtl has.
pub(crate) const OWN_NAMESPACE: &str = "mtl";

/// A metric that mtl publishes itself. They are in the order of their namespaces and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LambdaMetric {
    AsyncEventAge,
    AsyncEventsDropped,
    AsyncEventsReceived,
    ConcurrentExecutions,
    Duration,
    Errors,
    Invocations,
    Throttles,
    BilledDuration,
    ColdStarts,
    EnvironmentsCreated,
    InitDuration,
    MaxMemoryUsed,
}

impl LambdaMetric {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 13] = [
        Self::AsyncEventAge,
        Self::AsyncEventsDropped,
        Self::AsyncEventsReceived,
        Self::ConcurrentExecutions,
        Self::Duration,
        Self::Errors,
        Self::Invocations,
        Self::Throttles,
        Self::BilledDuration,
        Self::ColdStarts,
        Self::EnvironmentsCreated,
        Self::InitDuration,
        Self::MaxMemoryUsed,
    ];

    /// The metric of this namespace and name.
    #[must_use]
    pub(crate) fn find(namespace: &str, name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.name() == name && metric.namespace() == namespace)
    }

    /// Whether Lambda has it too.
    #[must_use]
    pub(crate) fn is_of_aws(self) -> bool {
        self <= Self::Throttles
    }

    /// Its namespace.
    #[must_use]
    pub(crate) fn namespace(self) -> &'static str {
        if self.is_of_aws() { AWS_NAMESPACE } else { OWN_NAMESPACE }
    }

    /// Its name.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AsyncEventAge => "AsyncEventAge",
            Self::AsyncEventsDropped => "AsyncEventsDropped",
            Self::AsyncEventsReceived => "AsyncEventsReceived",
            Self::ConcurrentExecutions => "ConcurrentExecutions",
            Self::Duration => "Duration",
            Self::Errors => "Errors",
            Self::Invocations => "Invocations",
            Self::Throttles => "Throttles",
            Self::BilledDuration => "BilledDuration",
            Self::ColdStarts => "ColdStarts",
            Self::EnvironmentsCreated => "EnvironmentsCreated",
            Self::InitDuration => "InitDuration",
            Self::MaxMemoryUsed => "MaxMemoryUsed",
        }
    }

    /// What its values count.
    #[must_use]
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::AsyncEventAge | Self::Duration | Self::BilledDuration | Self::InitDuration => {
                Unit::MILLISECONDS
            }
            Self::MaxMemoryUsed => Unit::MEGABYTES,
            _ => Unit::COUNT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LambdaMetric;

    #[test]
    fn each_is_at_its_place_and_in_order() {
        let named = |metric: LambdaMetric| (metric.namespace(), metric.name());
        for (place, metric) in LambdaMetric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, place);
            assert_eq!(LambdaMetric::find(metric.namespace(), metric.name()), Some(metric));
        }
        assert!(LambdaMetric::ALL.is_sorted_by_key(|metric| named(*metric)));
        assert_eq!(LambdaMetric::find("mtl", "Duration"), None);
    }
}
