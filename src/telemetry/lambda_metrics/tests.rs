//! What counts as what, and what ten thousand tenants cost.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Ended, Report};
use crate::telemetry::lambda_metrics::{AccountMetrics, StartType};
use crate::telemetry::metric_store::metric::{Datum, Dimensions, MetricId, Observation, Unit};
use crate::telemetry::metric_store::statistic::Statistic;
use crate::telemetry::metric_store::{
    AWS_NAMESPACE, MetricFilter, MetricQuery, MetricStore, OWN_NAMESPACE,
};

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
fn ten_thousand_tenants_have_less_than_a_kilobyte_each_and_all_are_there() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    let tenants: Vec<TenantId> = (0..10_000).map(|n| tenant(&format!("tenant-{n}"))).collect();
    for tenant_id in &tenants {
        metrics.environment_created(Some(tenant_id));
        metrics.begin(Some(tenant_id), StartType::Cold).end(&success());
    }
    let (_, bytes, refused) = store.size();
    assert!(bytes < 10_000 * 1_000, "{bytes}");
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

#[test]
fn what_a_function_publishes_under_the_same_name_is_in_the_same_metric() {
    let store = MetricStore::default();
    let metrics = AccountMetrics::new(store.clone()).function("f");
    let alice = tenant("alice");
    metrics.begin(Some(&alice), StartType::Cold).end(&success());
    let dimensions = [F, ("TenantId", "alice")].map(|(name, value)| (name.into(), value.into()));
    let cold_starts = MetricId {
        namespace: OWN_NAMESPACE.into(),
        name: "ColdStarts".into(),
        dimensions: Dimensions::new(dimensions),
    };
    let now = Timestamp::now();
    let datum = Datum {
        metric: cold_starts.clone(),
        unit: Unit::COUNT,
        timestamp: now,
        observation: Observation::once(5.0),
    };
    store.put(&datum, now);
    let of_alice = [F, ("TenantId", "alice")];
    assert_eq!(sum(&store, OWN_NAMESPACE, "ColdStarts", &of_alice), Some(6.0));
    let own = MetricFilter { name: Some("ColdStarts"), ..MetricFilter::default() };
    let listed = store.list(&own, None, 9);
    assert_eq!(listed.len(), 2, "the function and alice");
    assert_eq!(listed[1], cold_starts);
}

#[test]
fn pages_of_any_size_have_all_metrics_once_and_in_order() {
    let store = MetricStore::default();
    let account = AccountMetrics::new(store.clone());
    for function in ["g", "f"] {
        let metrics = account.function(function);
        for id in ["b", "c", "a"] {
            metrics.begin(Some(&tenant(id)), StartType::Warm).end(&success());
        }
    }
    let now = Timestamp::now();
    for (name, value) in [("FunctionName", "ff"), ("A", "f"), ("Z", "f")] {
        let metric = MetricId {
            namespace: AWS_NAMESPACE.into(),
            name: "Errors".into(),
            dimensions: Dimensions::new([(name.into(), value.into())]),
        };
        let (unit, observation) = (Unit::COUNT, Observation::once(1.0));
        store.put(&Datum { metric, unit, timestamp: now, observation }, now);
    }
    let filter = MetricFilter::default();
    let all = store.list(&filter, None, usize::MAX);
    assert_eq!(all.len(), 5 * (1 + 2 * 5) + 4 * 2 * 4 + 3);
    assert!(all.is_sorted());
    for limit in [1, 2, 7] {
        let mut paged = store.list(&filter, None, limit);
        loop {
            let page = store.list(&filter, paged.last(), limit);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "{limit} at a time");
    }
}

#[test]
fn tenants_for_whom_there_is_no_room_are_counted_and_not_kept() {
    let store = MetricStore::with_capacity(50_000);
    let metrics = AccountMetrics::new(store.clone()).function("f");
    for n in 0..1_000 {
        metrics.begin(Some(&tenant(&n.to_string())), StartType::Warm).end(&success());
    }
    let (tenants, bytes, refused) = store.size();
    assert!(bytes <= 51_000, "{bytes}");
    assert_eq!(tenants as u64 + refused, 1_000);
}
