//! The metrics of one warm invocation, from its begin to its end.

use std::hint::black_box;

use jiff::{SignedDuration, Timestamp};

use crate::benchmarks::Run;
use crate::benchmarks::samples::{ended, tenants};
use crate::lambda::function::TenantId;
use crate::telemetry::lambda_metrics::{AccountMetrics, StartType};
use crate::telemetry::metric_store::metric::{Dimensions, MetricId};
use crate::telemetry::metric_store::statistic::Statistic;
use crate::telemetry::metric_store::{MetricQuery, MetricStore};

/// Of one tenant after the other, each with all its metrics there.
pub(crate) fn record(tenant_count: usize) -> Run {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("orders");
    let tenants: Vec<TenantId> = tenants(tenant_count).collect();
    let ended = ended();
    let record = move |tenant: &TenantId| {
        metrics.begin(Some(black_box(tenant)), StartType::Warm).end(black_box(&ended));
    };
    tenants.iter().for_each(&record);
    assert_eq!(invocations(&store), Some(u32::try_from(tenant_count).map_or(0.0, f64::from)));
    let mut tenants = tenants.into_iter().cycle();
    Box::new(move || {
        if let Some(tenant) = tenants.next() {
            record(&tenant);
        }
    })
}

/// How many invocations of the function the store knows.
fn invocations(store: &MetricStore) -> Option<f64> {
    let metric = MetricId {
        namespace: "AWS/Lambda".into(),
        name: "Invocations".into(),
        dimensions: Dimensions::new([("FunctionName".into(), "orders".into())]),
    };
    let end = Timestamp::now() + SignedDuration::from_mins(2);
    let start = end - SignedDuration::from_hours(1);
    let query = MetricQuery { metric: &metric, unit: None, start, end, period: 3600 };
    let sums: Option<Vec<f64>> =
        store.points(&query).iter().map(|point| point.value(Statistic::Sum)).collect();
    Some(sums?.into_iter().sum())
}
