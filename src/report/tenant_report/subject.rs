//! Which functions and tenants a report is about.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::Metrics;
use super::published_metrics::{AWS_NAMESPACE, FUNCTION_NAME, TENANT_ID};
use crate::client::cloudwatch::{CloudWatch, Metric};
use crate::client::query_error::QueryError;

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

impl Subject {
    /// The functions, each with its tenants. CloudWatch is asked unless the function and the tenants are
    /// all named.
    ///
    /// # Errors
    ///
    /// When CloudWatch gives no answer.
    pub(crate) async fn tenants_by_function(
        &self,
        cloudwatch: &CloudWatch,
    ) -> Result<BTreeMap<String, BTreeSet<String>>, QueryError> {
        if let (Some(function), false) = (&self.function, self.tenants.is_empty()) {
            let tenants = self.tenants.iter().cloned().collect();
            return Ok(BTreeMap::from([(function.clone(), tenants)]));
        }
        let mut functions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let dimensions = [(FUNCTION_NAME, self.function.as_deref()), (TENANT_ID, None)];
        // A tenant that was only throttled has no invocations.
        for name in ["Invocations", "Throttles"] {
            for metric in cloudwatch.list(AWS_NAMESPACE, Some(name), &dimensions).await? {
                if let Some((function, tenant)) = self.wanted(&metric) {
                    functions.entry(function).or_default().insert(tenant);
                }
            }
        }
        Ok(functions)
    }

    /// The function and the tenant of a metric, if it has no other dimensions and its tenant is asked for.
    fn wanted(&self, metric: &Metric) -> Option<(String, String)> {
        let function = metric.dimension(FUNCTION_NAME)?;
        let tenant = metric.dimension(TENANT_ID)?;
        let is_asked_for =
            self.tenants.is_empty() || self.tenants.iter().any(|asked| asked == tenant);
        let has_no_others = metric.dimensions.len() == 2;
        (is_asked_for && has_no_others).then(|| (function.to_owned(), tenant.to_owned()))
    }
}
