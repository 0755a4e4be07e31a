//! What the store keeps, and what it tells of it.

use jiff::Timestamp;

use crate::telemetry::metric_store::metric::{Datum, Dimensions, MetricId, Observation, Unit};
use crate::telemetry::metric_store::statistic::Statistic;
use crate::telemetry::metric_store::{MetricFilter, MetricQuery, MetricStore};

/// A moment that begins a day.
const MIDNIGHT: i64 = 1_795_392_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(MIDNIGHT + second).unwrap()
}

fn metric(name: &str, tenant_id: Option<&str>) -> MetricId {
    let mut dimensions = vec![("FunctionName".into(), "f".into())];
    dimensions.extend(tenant_id.map(|id| ("TenantId".into(), id.into())));
    MetricId {
        namespace: "AWS/Lambda".into(),
        name: name.into(),
        dimensions: Dimensions::new(dimensions),
    }
}

fn put(store: &MetricStore, metric: &MetricId, second: i64, value: f64) {
    let datum = Datum {
        metric: metric.clone(),
        unit: Unit::COUNT,
        timestamp: at(second),
        observation: Observation::once(value),
    };
    store.put(&datum, at(second));
}

/// The sums of the periods from one second up to another, each with the second it begins at.
fn sums(
    store: &MetricStore,
    metric: &MetricId,
    from: i64,
    to: i64,
    period: u32,
) -> Vec<(i64, f64)> {
    let query = MetricQuery { metric, unit: None, start: at(from), end: at(to), period };
    let points = store.points(&query);
    let sum = |value: Option<f64>| value.unwrap();
    points
        .iter()
        .map(|point| (point.start.as_second() - MIDNIGHT, sum(point.value(Statistic::Sum))))
        .collect()
}

#[test]
fn a_metric_is_found_by_exactly_its_dimensions() {
    let store = MetricStore::default();
    put(&store, &metric("Invocations", Some("alice")), 0, 3.0);
    put(&store, &metric("Invocations", Some("bob")), 0, 5.0);
    assert_eq!(sums(&store, &metric("Invocations", Some("alice")), 0, 60, 60), [(0, 3.0)]);
    for other in [
        metric("Invocations", None),
        metric("Invocations", Some("al")),
        metric("Errors", Some("bob")),
    ] {
        assert_eq!(sums(&store, &other, 0, 60, 60), [], "{other:?}");
    }
}

#[test]
fn periods_follow_from_the_minute_of_the_start_and_that_of_the_end_is_told_up_to_it() {
    let store = MetricStore::default();
    let metric = metric("Invocations", None);
    for second in [0, 59, 60, 120, 300] {
        put(&store, &metric, second, 1.0);
    }
    assert_eq!(sums(&store, &metric, 30, 120, 60), [(0, 2.0), (60, 1.0)]);
    assert_eq!(sums(&store, &metric, 30, 121, 60), [(0, 2.0), (60, 1.0), (120, 1.0)]);
    assert_eq!(sums(&store, &metric, 0, 301, 300), [(0, 4.0), (300, 1.0)]);
    assert_eq!(sums(&store, &metric, 119, 301, 120), [(60, 2.0), (300, 1.0)]);
    assert_eq!(sums(&store, &metric, 30, 60, 10), [(0, 2.0)]);
}

#[test]
fn units_are_kept_apart() {
    let store = MetricStore::default();
    let metric = metric("Size", None);
    put(&store, &metric, 0, 1.0);
    let in_bytes = Datum {
        metric: metric.clone(),
        unit: "Bytes".parse().unwrap(),
        timestamp: at(0),
        observation: Observation::once(7.0),
    };
    store.put(&in_bytes, at(0));
    assert_eq!(sums(&store, &metric, 0, 60, 60).len(), 2);
    let unit = Some(in_bytes.unit);
    let query = MetricQuery { metric: &metric, unit, start: at(0), end: at(60), period: 60 };
    let points = store.points(&query);
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].value(Statistic::Maximum), Some(7.0));
}

#[test]
fn lists_are_filtered_and_paged_in_a_stable_order() {
    let store = MetricStore::default();
    for tenant_id in ["c", "a", "b"] {
        put(&store, &metric("Invocations", Some(tenant_id)), 0, 1.0);
        put(&store, &metric("Errors", Some(tenant_id)), 3600, 1.0);
    }
    put(&store, &metric("Invocations", None), 0, 1.0);
    let tenants = MetricFilter {
        name: Some("Invocations"),
        dimensions: vec![("FunctionName", Some("f")), ("TenantId", None)],
        ..MetricFilter::default()
    };
    let first = store.list(&tenants, None, 2);
    let rest = store.list(&tenants, first.last(), 2);
    let found = first.iter().chain(&rest);
    let ids: Vec<_> = found.map(|metric| metric.dimensions.get("TenantId").unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    let active = MetricFilter { active_since: Some(at(1800)), ..MetricFilter::default() };
    assert!(store.list(&active, None, 9).iter().all(|metric| &*metric.name == "Errors"));
    let elsewhere = MetricFilter { namespace: Some("AWS"), ..MetricFilter::default() };
    assert_eq!(store.list(&elsewhere, None, 9), []);
}

#[test]
fn what_is_older_than_a_day_is_forgotten() {
    let store = MetricStore::default();
    let metric = metric("Invocations", None);
    let datum = |second| Datum {
        metric: metric.clone(),
        unit: Unit::COUNT,
        timestamp: at(second),
        observation: Observation::once(1.0),
    };
    let now = at(24 * 3600);
    store.put(&datum(0), now);
    assert_eq!(store.size().0, 0);
    store.put(&datum(60), now);
    assert_eq!(store.size().0, 1);
}

#[test]
fn beyond_its_capacity_the_oldest_minutes_go_first() {
    let capacity = 400_000;
    let store = MetricStore::with_capacity(capacity);
    let metrics: Vec<_> = (0..100).map(|n| metric("Invocations", Some(&n.to_string()))).collect();
    let minutes = 120;
    for minute in 0..minutes {
        for metric in &metrics {
            put(&store, metric, minute * 60, 1.0);
        }
        assert!(store.size().1 <= capacity + 1_000, "{:?}", store.size());
    }
    assert_eq!(store.size().2, 0);
    for metric in &metrics {
        let kept = sums(&store, metric, 0, minutes * 60, 60);
        assert!(kept.len() > 20, "{}", kept.len());
        let last = minutes * 60 - 60;
        let first = last - (i64::try_from(kept.len()).unwrap() - 1) * 60;
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (first, last), "without a hole");
    }
}

#[test]
fn metrics_for_which_there_is_no_room_are_counted() {
    let store = MetricStore::with_capacity(20_000);
    for n in 0..1_000 {
        put(&store, &metric("Invocations", Some(&n.to_string())), 0, 1.0);
    }
    let (metrics, bytes, refused) = store.size();
    assert!(bytes < 21_000, "{bytes}");
    assert_eq!(metrics as u64 + refused, 1_000);
    let known = metric("Invocations", Some("0"));
    put(&store, &known, 0, 1.0);
    assert_eq!(sums(&store, &known, 0, 60, 60), [(0, 2.0)]);
}

#[test]
fn a_full_store_makes_room_once_for_many_points() {
    let store = MetricStore::with_capacity(4_000_000);
    let metrics: Vec<_> = (0..1_000).map(|n| metric("Invocations", Some(&n.to_string()))).collect();
    let mut times_smaller = 0;
    let mut bytes = 0;
    for minute in 0..200 {
        for metric in &metrics {
            put(&store, metric, minute * 60, 1.0);
            let (_, now, _) = store.size();
            times_smaller += usize::from(now < bytes);
            bytes = now;
        }
    }
    // Each time an eighth becomes free, which is some minutes of all metrics.
    assert!((2..=60).contains(&times_smaller), "{times_smaller}");
    assert_eq!(store.size().2, 0);
}
