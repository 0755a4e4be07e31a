//! The metrics that Lambda and mtl publish for functions and their tenants: under which names, and how
//! CloudWatch is asked for one.

use crate::client::cloudwatch::{Metric, Query};

/// The namespace of Lambda's metrics.
pub(crate) const AWS_NAMESPACE: &str = "AWS/Lambda";

/// The namespace of the metrics that only mtl has.
pub(crate) const OWN_NAMESPACE: &str = "mtl";

/// The dimension that names the function.
pub(crate) const FUNCTION_NAME: &str = "FunctionName";

/// The dimension that names the tenant. AWS documents no such dimension.
pub(crate) const TENANT_ID: &str = "TenantId";

/// Whose metrics are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricOwner<'a> {
    /// The function.
    pub(crate) function: &'a str,
    /// The tenant; `None` for all of them together.
    pub(crate) tenant: Option<&'a str>,
}

/// A statistic of a published metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublishedStatistic {
    /// The metric's namespace.
    pub(crate) namespace: &'static str,
    /// The metric's name.
    pub(crate) metric: &'static str,
    /// The statistic, as CloudWatch spells it.
    pub(crate) statistic: &'static str,
}

impl PublishedStatistic {
    /// What all values of one of Lambda's metrics come to.
    pub(crate) const fn lambda_sum(metric: &'static str) -> Self {
        Self { namespace: AWS_NAMESPACE, metric, statistic: "Sum" }
    }

    /// What all values of one of mtl's own metrics come to.
    pub(crate) const fn own_sum(metric: &'static str) -> Self {
        Self { namespace: OWN_NAMESPACE, metric, statistic: "Sum" }
    }

    /// A statistic of the time that invocations took.
    pub(crate) const fn duration(statistic: &'static str) -> Self {
        Self { namespace: AWS_NAMESPACE, metric: "Duration", statistic }
    }
}

impl MetricOwner<'_> {
    /// The query for a statistic, in periods of so many seconds.
    #[must_use]
    pub(crate) fn query(self, published: PublishedStatistic, period: u32) -> Query {
        let PublishedStatistic { namespace, metric, statistic } = published;
        let mut dimensions = vec![(FUNCTION_NAME.to_owned(), self.function.to_owned())];
        dimensions.extend(self.tenant.map(|tenant| (TENANT_ID.to_owned(), tenant.to_owned())));
        let metric =
            Metric { namespace: namespace.to_owned(), name: metric.to_owned(), dimensions };
        Query { metric, statistic: statistic.to_owned(), period }
    }
}
