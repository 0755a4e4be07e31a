//! The place of one warm invocation: found, held, and given back.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use crate::benchmarks::samples::{invocation, tenants};
use crate::benchmarks::{Run, at_once};
use crate::data_plane::account::{Account, AccountLimits, FunctionLimits};
use crate::data_plane::fleet::Fleet;
use crate::data_plane::lease::FleetLease;
use crate::data_plane::placement::Placement;
use crate::environment::Lease as _;
use crate::lambda::invocation::Invocation;
use crate::telemetry::lambda_metrics::AccountMetrics;
use crate::telemetry::metric_store::MetricStore;

/// Of one tenant after the other, each of which has one environment.
pub(crate) fn place(tenant_count: usize) -> Run {
    let fleet = fleet();
    let place = move |invocation: &Invocation| {
        let mut lease = at_once(FleetLease::acquire(&fleet, black_box(invocation)))
            .unwrap_or_else(|reason| panic!("throttled: {}", reason.as_str()));
        let is_cold = lease.is_cold();
        lease.answered();
        Box::new(lease).release();
        is_cold
    };
    let invocations: Vec<_> = tenants(tenant_count).map(invocation).collect();
    assert!(invocations.iter().all(&place), "each tenant gets an environment of its own");
    assert!(!invocations.iter().any(&place), "which it has the next time");
    let mut next = 0;
    Box::new(move || {
        black_box(place(&invocations[next]));
        next = (next + 1) % invocations.len();
    })
}

fn fleet() -> Arc<Fleet> {
    let limits =
        AccountLimits { concurrency: 100_000, environments: usize::MAX, is_scaling_limited: false };
    let share = Account::new(limits).share(FunctionLimits {
        reserved_concurrency: None,
        is_isolated: true,
        runtimes: None,
    });
    let metrics = AccountMetrics::new(MetricStore::default()).function("orders");
    Arc::new(Fleet::new(Placement::new(share, Instant::now()), metrics))
}
