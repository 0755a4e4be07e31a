//! What each tenant used of what AWS charges for, by the metrics of a local server: only mtl publishes
//! billed durations and environments by tenant.

use std::collections::BTreeMap;

use super::answers::answers;
use super::published_metrics::{MetricOwner, PublishedStatistic};
use super::subject::Subject;
use super::window::Window;
use crate::client::cloudwatch::{CloudWatch, Points};
use crate::client::query_error::QueryError;
use crate::report::prices::Usage;

/// The use of each tenant.
pub(crate) type ByTenant = BTreeMap<String, Usage>;

/// What is charged for: requests, billed milliseconds, environments.
const CHARGED: [PublishedStatistic; 3] = [
    PublishedStatistic::lambda_sum("Invocations"),
    PublishedStatistic::own_sum("BilledDuration"),
    PublishedStatistic::own_sum("EnvironmentsCreated"),
];

/// Asks for the use of all tenants, by function. `progress` is told how many metrics of a function are
/// there, and how many it has.
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
    for (function, tenants) in subject.tenants_by_function(cloudwatch).await? {
        let queries = tenants.iter().flat_map(|tenant| {
            let owner = MetricOwner { function: &function, tenant: Some(tenant) };
            CHARGED.map(|charged| owner.query(charged, window.whole()))
        });
        let queries: Vec<_> = queries.collect();
        let answers = answers(cloudwatch, &queries, window, &mut progress).await?;
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
