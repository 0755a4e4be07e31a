//! The environments of one function: where they are reached, which of them are free, and what
//! happened in them. What an invocation holds of them is its lease, in `lease.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::futures::Notified;
use uuid::Uuid;

use crate::data_plane::account::Account;
use crate::data_plane::placement::{Acceptable, Decision, Placement};
use crate::environment::Handle;
use crate::lambda::function::TenantId;
use crate::telemetry::lambda_metrics::LambdaMetrics;

/// How many tenants the summary tells apart; the rest is counted together.
const SUMMARY_TENANTS: usize = 10_000;

/// The environments of one function.
#[derive(Debug)]
pub(crate) struct Fleet {
    metrics: LambdaMetrics,
    account: Account,
    /// Never held across an await, nor while a lease is dropped: that locks it too.
    state: Mutex<FleetState>,
}

#[derive(Debug)]
struct FleetState {
    placement: Placement,
    handles: HashMap<Uuid, Handle>,
    counts: BTreeMap<Option<TenantId>, TenantCounts>,
}

/// What happened for a tenant since the emulator started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TenantCounts {
    /// Invocations that ran, failed ones included.
    pub(crate) invocations: u64,
    /// Invocations that ended in a function error.
    pub(crate) errors: u64,
    /// Invocations that were throttled.
    pub(crate) throttles: u64,
    /// Environments that were started.
    pub(crate) environments: u64,
}

impl Fleet {
    /// No environments yet.
    #[must_use]
    pub(crate) fn new(placement: Placement, metrics: LambdaMetrics) -> Self {
        let account = placement.account().clone();
        let (handles, counts) = (HashMap::new(), BTreeMap::new());
        let state = Mutex::new(FleetState { placement, handles, counts });
        Self { metrics, account, state }
    }

    /// What publishes the function's metrics.
    #[must_use]
    pub(crate) fn metrics(&self) -> &LambdaMetrics {
        &self.metrics
    }

    /// Decides where an invocation of this tenant goes.
    pub(crate) fn place(&self, tenant: Option<&TenantId>, acceptable: Acceptable) -> Decision {
        self.state().placement.acquire(tenant, acceptable, Instant::now())
    }

    /// Runs `look` while no environment can become free.
    pub(crate) fn undisturbed<T>(&self, look: impl FnOnce() -> T) -> T {
        let _state = self.state();
        look()
    }

    /// Ends when an environment of the account has become free, or has ended, since this call.
    pub(crate) fn quieter(&self) -> Notified<'_> {
        self.account.quieter()
    }

    /// The environment with this id was started for a tenant, and is reached so.
    pub(crate) fn started(&self, environment: Uuid, tenant: Option<&TenantId>, handle: Handle) {
        self.metrics.environment_created(tenant);
        let mut state = self.state();
        state.handles.insert(environment, handle);
        state.count(tenant, |counts| counts.environments += 1);
    }

    /// The way to reach an environment, while it takes invocations.
    pub(crate) fn handle(&self, environment: Uuid) -> Option<Handle> {
        // Cloned, as whoever assigns an invocation to it may drop a lease.
        self.state().handles.get(&environment).cloned()
    }

    /// The environment has answered; its runtime is not done yet.
    pub(crate) fn answered(&self, environment: Uuid) {
        self.state().placement.answered(environment);
    }

    /// The environment is free for the next invocation.
    pub(crate) fn freed(&self, environment: Uuid) {
        self.state().placement.freed(environment);
        self.account.notify_quieter();
    }

    /// The environment gets no more invocations: it has ended, or ends as soon as it is free. Saying
    /// so twice is no mistake.
    pub(crate) fn forget(&self, environment: Uuid) {
        let mut state = self.state();
        state.placement.ended(environment);
        let handle = state.handles.remove(&environment);
        drop(state);
        if let Some(handle) = handle {
            handle.retire();
        }
        self.account.notify_quieter();
    }

    /// Counts something for a tenant.
    pub(crate) fn count(&self, tenant: Option<&TenantId>, change: impl FnOnce(&mut TenantCounts)) {
        self.state().count(tenant, change);
    }

    /// What happened so far, by tenant.
    #[must_use]
    pub(crate) fn counts(&self) -> BTreeMap<Option<TenantId>, TenantCounts> {
        self.state().counts.clone()
    }

    /// How many invocations run, those included whose runtime is not done after its answer.
    #[must_use]
    pub(crate) fn running(&self) -> u32 {
        self.state().placement.busy()
    }

    /// Returns when no invocation runs, and no runtime is busy after one.
    pub(crate) async fn quiet(&self) {
        loop {
            let quieter = self.quieter();
            if self.running() == 0 {
                return;
            }
            quieter.await;
        }
    }

    /// Lets all environments end as soon as they are free, and gives them no more invocations.
    pub(crate) fn retire(&self) {
        let mut state = self.state();
        for id in state.placement.take_idle() {
            // It ends by itself, and is waited for by the task that runs it.
            if let Some(handle) = state.handles.remove(&id) {
                handle.retire();
            }
        }
        state.handles.values().for_each(Handle::retire);
    }

    /// Ends all environments, whatever they are doing.
    pub(crate) fn stop(&self) {
        self.state().handles.values().for_each(Handle::stop);
    }

    fn state(&self) -> MutexGuard<'_, FleetState> {
        // What it guards is changed in single steps: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FleetState {
    fn count(&mut self, tenant: Option<&TenantId>, change: impl FnOnce(&mut TenantCounts)) {
        let mut tenant = tenant.cloned();
        if self.counts.len() >= SUMMARY_TENANTS && !self.counts.contains_key(&tenant) {
            tenant = None;
        }
        change(self.counts.entry(tenant).or_default());
    }
}
