//! What counts as what, and what ten thousand tenants cost.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Ended, Report};
use crate::telemetry::lambda_metrics::{AWS_NAMESPACE, AccountMetrics, OWN_NAMESPACE, StartType};
use crate::telemetry::metric_store::metric::{Dimensions, MetricId};
use crate::telemetry::metric_store::statistic::Statistic;
use crate::telemetry::metric_store::{CAPACITY_BYTES, MetricFilter, MetricQuery, MetricStore};

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn ended(failure: Option<Failure>) -> Ended {
    let report = Report {
        duration: Duration::from_micros(1_500),
        init_duration: Some(Duration::from_millis(20)),
        memory_size_mb: 128,
        max_memory_used_mb: Some(40),
        response: None,
    };
    Ended { log_tail: Bytes::new(), failure, report }
}

fn success() -> Ended {
    ended(None)
}

fn sum(
    store: &MetricStore,
    namespace: &str,
    name: &str,
    dimensions: &[(&str, &str)],
) -> Option<f64> {
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let dimensions = Dimensions::new(dimensions);
    let metric = MetricId { namespace: namespace.into(), name: name.into(), dimensions };
    let end = Timestamp::now() + Duration::from_mins(1);
    let start = end - Duration::from_hours(1);
    let query = MetricQuery { metric: &metric, unit: None, start, end, period: 3600 };
    let points = store.points(&query);
    let sums = points.iter().map(|point| point.value(Statistic::Sum).unwrap());
    sums.reduce(|one, other| one + other)
}

const F: (&str, &str) = ("FunctionName", "f");

#[test]
fn lambda_has_four_sets_of_dimensions_and_mtl_two() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    let alice = tenant("alice");
    metrics.begin(Some(&alice), StartType::Cold).end(&success());
    let of_alice = [F, ("TenantId", "alice")];
    for set in [&[][..], &[F], &[F, ("Resource", "f")], &of_alice] {
        for (name, value) in [("Invocations", 1.0), ("Errors", 0.0), ("Throttles", 0.0)] {
            assert_eq!(sum(&store, AWS_NAMESPACE, name, set), Some(value), "{name} {set:?}");
        }
        assert_eq!(sum(&store, AWS_NAMESPACE, "Duration", set), Some(1.5));
        assert_eq!(sum(&store, AWS_NAMESPACE, "ConcurrentExecutions", set), Some(1.0));
    }
    for set in [&[F][..], &of_alice] {
        let of = |name| sum(&store, OWN_NAMESPACE, name, set);
        assert_eq!(of("ColdStarts"), Some(1.0));
        assert_eq!(of("InitDuration"), Some(20.0));
        assert_eq!(of("BilledDuration"), Some(22.0));
        assert_eq!(of("MaxMemoryUsed"), Some(40.0));
    }
    assert_eq!(sum(&store, OWN_NAMESPACE, "ColdStarts", &[]), None);
}

#[test]
fn a_function_error_is_an_invocation_and_a_throttle_or_a_failure_of_the_service_is_not() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    metrics.begin(None, StartType::Warm).end(&ended(Some(Failure::OutOfMemory)));
    let service = Failure::Service("stopping".to_owned());
    metrics.begin(None, StartType::Warm).end(&ended(Some(service)));
    metrics.throttled(None);
    let of = |name| sum(&store, AWS_NAMESPACE, name, &[F]);
    assert_eq!(
        (of("Invocations"), of("Errors"), of("Throttles")),
        (Some(1.0), Some(1.0), Some(1.0))
    );
}

#[test]
fn concurrency_is_of_the_function_and_of_the_tenant() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    let (alice, bob) = (tenant("alice"), tenant("bob"));
    let running =
        [&alice, &alice, &bob].map(|tenant_id| metrics.begin(Some(tenant_id), StartType::Warm));
    for invocation in running {
        invocation.end(&success());
    }
    metrics.begin(Some(&bob), StartType::Warm).end(&success());
    let of = |set: &[_]| sum(&store, AWS_NAMESPACE, "ConcurrentExecutions", set);
    assert_eq!(of(&[F]), Some(1.0 + 2.0 + 3.0 + 1.0));
    assert_eq!(of(&[F, ("TenantId", "alice")]), Some(1.0 + 2.0));
    assert_eq!(of(&[F, ("TenantId", "bob")]), Some(1.0 + 1.0));
}

#[test]
fn the_concurrency_of_the_account_counts_all_functions() {
    let store = MetricStore::default();
    let account = AccountMetrics::new(store.clone());
    let [one, two] = ["one", "two"].map(|name| account.function(name));
    let first = one.begin(None, StartType::Warm);
    two.begin(None, StartType::Warm).end(&success());
    drop(first);
    one.begin(None, StartType::Warm).end(&success());
    let of = |set: &[_]| sum(&store, AWS_NAMESPACE, "ConcurrentExecutions", set);
    assert_eq!(of(&[]), Some(2.0 + 1.0));
    assert_eq!(of(&[("FunctionName", "two")]), Some(1.0));
}

#[test]
fn ten_thousand_tenants_fit_and_all_are_there() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    let tenants: Vec<TenantId> = (0..10_000).map(|n| tenant(&format!("tenant-{n}"))).collect();
    for tenant_id in &tenants {
        metrics.environment_created(Some(tenant_id));
        metrics.begin(Some(tenant_id), StartType::Cold).end(&success());
    }
    let (_, bytes, refused) = store.size();
    assert!(bytes < CAPACITY_BYTES / 4, "{bytes}");
    assert_eq!(refused, 0);
    let invocations = MetricFilter {
        namespace: Some(AWS_NAMESPACE),
        name: Some("Invocations"),
        dimensions: vec![("TenantId", None)],
        ..MetricFilter::default()
    };
    assert_eq!(store.list(&invocations, None, usize::MAX).len(), tenants.len());
    let last = [F, ("TenantId", "tenant-9999")];
    assert_eq!(sum(&store, AWS_NAMESPACE, "Invocations", &last), Some(1.0));
}
