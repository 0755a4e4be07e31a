//! Whatever becomes of an invocation, its place is given back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::data_plane::account::{Account, AccountLimits, FunctionLimits, ThrottleReason};
use crate::data_plane::fleet::Fleet;
use crate::data_plane::lease::FleetLease;
use crate::data_plane::placement::Placement;
use crate::environment::Lease;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Ended, Invocation, Report, ResponseMode};
use crate::telemetry::lambda_metrics::AccountMetrics;
use crate::telemetry::metric_store::MetricStore;

/// A fleet in which one invocation may run.
fn fleet() -> Arc<Fleet> {
    let limits = AccountLimits { concurrency: 1, environments: 1, is_scaling_limited: true };
    let share = Account::new(limits).share(FunctionLimits {
        reserved_concurrency: None,
        is_isolated: true,
        runtimes: None,
    });
    let metrics = AccountMetrics::new(MetricStore::default()).function("f");
    Arc::new(Fleet::new(Placement::new(share, Instant::now()), metrics))
}

fn invocation(tenant: &str) -> Invocation {
    Invocation {
        request_id: Uuid::new_v4(),
        tenant_id: tenant.parse().ok(),
        payload: Bytes::new(),
        trace_id: HeaderValue::from_static("Sampled=0"),
        headers: HeaderMap::new(),
        response_mode: ResponseMode::Buffered,
        cold: false,
    }
}

async fn acquire(fleet: &Arc<Fleet>, tenant: &str) -> Result<FleetLease, ThrottleReason> {
    FleetLease::acquire(fleet, &invocation(tenant)).await
}

fn ended(failure: Option<Failure>) -> Ended {
    let report = Report {
        duration: Duration::from_millis(1),
        init_duration: None,
        memory_size_mb: 128,
        max_memory_used_mb: None,
        response: None,
    };
    Ended { log_tail: Bytes::new(), failure, report }
}

#[tokio::test]
async fn a_lease_that_is_dropped_gives_the_place_back() {
    let fleet = fleet();
    let lease = acquire(&fleet, "alice").await.unwrap();
    let limit = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert_eq!(acquire(&fleet, "bob").await.unwrap_err(), limit);
    drop(lease);
    assert_eq!(fleet.running(), 0);
    assert!(acquire(&fleet, "bob").await.unwrap().is_cold());
}

#[tokio::test]
async fn a_panic_gives_the_place_back_also_after_the_answer() {
    for answered in [false, true] {
        let fleet = fleet();
        let mut lease = acquire(&fleet, "alice").await.unwrap();
        let panic = catch_unwind(AssertUnwindSafe(move || {
            if answered {
                lease.answered();
            }
            panic!("with the lease {lease:?}");
        }));
        assert!(panic.is_err());
        assert_eq!(fleet.running(), 0, "answered: {answered}");
        acquire(&fleet, "bob").await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_that_is_released_leaves_the_environment_to_its_tenant() {
    let fleet = fleet();
    let mut lease = Box::new(acquire(&fleet, "alice").await.unwrap());
    let environment = lease.environment();
    lease.answered();
    lease.ended(&ended(Some(Failure::OutOfMemory)));
    lease.release();
    assert_eq!(fleet.running(), 0);
    assert!(acquire(&fleet, "bob").await.is_err(), "there may be one environment, and it is idle");
    let lease = acquire(&fleet, "alice").await.unwrap();
    assert_eq!((lease.environment(), lease.is_cold()), (environment, false));
    let counts = fleet.counts();
    let alice = counts[&"alice".parse().ok()];
    assert_eq!((alice.invocations, alice.errors, alice.throttles), (1, 1, 0));
    assert_eq!(counts[&"bob".parse().ok()].throttles, 1);
}

#[tokio::test]
async fn who_comes_back_at_once_waits_for_the_environment_that_has_answered() {
    let fleet = fleet();
    let mut lease = Box::new(acquire(&fleet, "alice").await.unwrap());
    let environment = lease.environment();
    lease.answered();
    let (next, ()) = tokio::join!(acquire(&fleet, "alice"), async { lease.release() });
    assert_eq!(next.unwrap().environment(), environment);
}
