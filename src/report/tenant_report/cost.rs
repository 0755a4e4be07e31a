//! What each tenant used of what AWS charges for, by the metrics that only mtl has. Knows no prices.

use std::collections::BTreeMap;

use super::figures::{Dimensions, Figure, figure, query};
use super::window::Window;
use super::{AWS_NAMESPACE, OWN_NAMESPACE, Subject, subjects};
use crate::client::cloudwatch::{CloudWatch, Points};
use crate::client::query_error::QueryError;
use crate::report::prices::Usage;

/// The use of each tenant.
pub(crate) type ByTenant = BTreeMap<String, Usage>;

/// Namespace, metric and statistic of what is charged for.
const CHARGED: [Figure; 3] = [
    figure(AWS_NAMESPACE, "Invocations", "Sum"),
    figure(OWN_NAMESPACE, "BilledDuration", "Sum"),
    figure(OWN_NAMESPACE, "EnvironmentsCreated", "Sum"),
];

/// Asks for the use of all tenants, by function.
///
/// # Errors
///
/// When CloudWatch gives no answer.
pub(crate) async fn report(
    cloudwatch: &CloudWatch,
    subject: &Subject,
    window: &Window,
    mut progress: impl FnMut(usize, usize),
) -> Result<BTreeMap<String, ByTenant>, QueryError> {
    let mut functions = BTreeMap::new();
    for (function, tenants) in subjects(cloudwatch, subject).await? {
        let queries = tenants.iter().flat_map(|tenant| {
            let dimensions = Dimensions { function: &function, tenant: Some(tenant) };
            CHARGED.map(|charged| query(dimensions, charged, window.whole()))
        });
        let queries: Vec<_> = queries.collect();
        let all = queries.len();
        let range = window.start..window.end;
        let answers = cloudwatch.data(&queries, range, |answered| progress(answered, all)).await?;
        let used = tenants.into_iter().zip(answers.chunks(CHARGED.len()));
        let used: ByTenant = used
            .map(|(tenant, answers)| (tenant, usage(answers)))
            .filter(|(_, usage)| *usage != Usage::default())
            .collect();
        if !used.is_empty() {
            functions.insert(function, used);
        }
    }
    Ok(functions)
}

fn usage(answers: &[Points]) -> Usage {
    let sum = |index: usize| {
        answers.get(index).into_iter().flatten().map(|(_, value)| *value).sum::<f64>()
    };
    Usage { requests: sum(0), billed_ms: sum(1), environments: sum(2) }
}
