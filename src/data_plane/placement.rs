//! Which environment an invocation runs in, as pure bookkeeping: reuse, start, wait or throttle.
//! Knows neither processes nor HTTP nor a clock; `now` comes in from outside.
//!
//! Lambda never queues a synchronous invocation: it finds a free environment of the tenant, starts
//! one, or throttles. There is one exception here. Between an answer and the runtime's next poll,
//! well under a millisecond, an environment is neither busy nor free. A caller that comes back at
//! once would start a needless second environment, so an invocation may wait for a moment for one
//! that is about to be free ([`Placed::Wait`]).

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::lambda::function::TenantId;
use crate::lambda::quotas;

/// The tenant that an environment belongs to; `None` for all environments of an ordinary function.
pub(crate) type Tenant = Option<TenantId>;

/// What limits the environments of the function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Concurrent executions: the function's reserved concurrency, or the account's.
    pub(crate) concurrency: u32,
    /// Whether the concurrency is reserved for the function; a throttle names it.
    pub(crate) reserved: bool,
    /// Environments, active or idle.
    pub(crate) environments: usize,
    /// Whether new environments are limited to [`quotas::SCALING_ENVIRONMENTS`] in
    /// [`quotas::SCALING_INTERVAL`].
    pub(crate) scaling: bool,
}

/// Why an invocation is throttled: the `Reason` of `TooManyRequestsException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThrottleReason {
    /// The reserved concurrency of the function is used up.
    ReservedFunctionConcurrentInvocationLimitExceeded,
    /// Any other limit on environments or concurrent executions is reached.
    ConcurrentInvocationLimitExceeded,
}

impl ThrottleReason {
    /// The reason as AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReservedFunctionConcurrentInvocationLimitExceeded => {
                "ReservedFunctionConcurrentInvocationLimitExceeded"
            }
            Self::ConcurrentInvocationLimitExceeded => "ConcurrentInvocationLimitExceeded",
        }
    }
}

/// Which environments an invocation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Any, also one that is about to be free.
    Any,
    /// One that is free now, or a new one.
    Now,
    /// A new one.
    New,
}

/// Where an invocation goes. In an environment it counts as a concurrent execution.
#[derive(Debug)]
pub(crate) enum Placed {
    /// Into this idle environment of its tenant.
    Reuse(Uuid),
    /// Into a new environment, which gets this id.
    Start(Uuid),
    /// Into the environment whose id comes through the channel. When the channel closes, or the
    /// caller has waited long enough, acquire again without waiting.
    Wait(oneshot::Receiver<Uuid>),
    /// Nowhere, for this reason, but an environment that has answered may be free in a moment.
    Full(ThrottleReason),
    /// Nowhere.
    Throttle(ThrottleReason),
}

/// The environments of one function, by tenant.
#[derive(Debug)]
pub(crate) struct Placement {
    limits: Limits,
    scaling: Bucket,
    /// Environments that are not idle: the concurrent executions.
    busy: u32,
    answers: u64,
    environments: HashMap<Uuid, (Tenant, Slot)>,
    tenants: HashMap<Tenant, Environments>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// An invocation runs in it.
    Active,
    /// It has given this answer, counted over all environments; its runtime has not asked for the
    /// next invocation yet.
    Settling(u64),
    Idle,
}

/// What is free, or nearly so, for one tenant.
#[derive(Debug, Default)]
struct Environments {
    /// By their last answer, the most recent one last.
    idle: Vec<(u64, Uuid)>,
    settling: usize,
    waiting: VecDeque<oneshot::Sender<Uuid>>,
    /// All of them, active ones too.
    count: usize,
}

impl Placement {
    /// No environments yet.
    #[must_use]
    pub(crate) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            scaling: Bucket { units: f64::from(quotas::SCALING_ENVIRONMENTS), at: now },
            busy: 0,
            answers: 0,
            environments: HashMap::new(),
            tenants: HashMap::new(),
        }
    }

    /// Finds a place for an invocation of this tenant.
    pub(crate) fn acquire(&mut self, tenant: &Tenant, wish: Wish, now: Instant) -> Placed {
        let is_full = self.busy >= self.limits.concurrency;
        if let Some(environments) = self.tenants.get_mut(tenant)
            && wish != Wish::New
        {
            if !is_full && let Some((_, id)) = environments.idle.pop() {
                self.occupy(id);
                return Placed::Reuse(id);
            }
            environments.waiting.retain(|waiting| !waiting.is_closed());
            // It takes the place of the invocation that is answered there.
            if wish == Wish::Any && environments.settling > environments.waiting.len() {
                let (give, given) = oneshot::channel();
                environments.waiting.push_back(give);
                return Placed::Wait(given);
            }
        }
        if is_full {
            let reason = if self.limits.reserved {
                ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded
            } else {
                ThrottleReason::ConcurrentInvocationLimitExceeded
            };
            let settles = self.tenants.values().any(|environments| environments.settling > 0);
            return if settles { Placed::Full(reason) } else { Placed::Throttle(reason) };
        }
        if self.environments.len() >= self.limits.environments
            || (self.limits.scaling && !self.scaling.take(now))
        {
            return Placed::Throttle(ThrottleReason::ConcurrentInvocationLimitExceeded);
        }
        let id = Uuid::new_v4();
        self.environments.insert(id, (tenant.clone(), Slot::Active));
        self.tenants.entry(tenant.clone()).or_default().count += 1;
        self.busy += 1;
        Placed::Start(id)
    }

    fn occupy(&mut self, id: Uuid) {
        if let Some((_, slot)) = self.environments.get_mut(&id) {
            *slot = Slot::Active;
            self.busy += 1;
        }
    }

    /// The environment has answered its invocation.
    pub(crate) fn settled(&mut self, id: Uuid) {
        let Some((tenant, slot @ Slot::Active)) = self.environments.get_mut(&id) else { return };
        self.answers += 1;
        *slot = Slot::Settling(self.answers);
        if let Some(environments) = self.tenants.get_mut(tenant) {
            environments.settling += 1;
        }
    }

    /// The environment is free: the invocation that has waited longest gets it, if there is one.
    pub(crate) fn freed(&mut self, id: Uuid) {
        let Some((tenant, slot)) = self.environments.get_mut(&id) else { return };
        let Slot::Settling(answer) = *slot else { return };
        let Some(environments) = self.tenants.get_mut(tenant) else { return };
        environments.settling -= 1;
        while let Some(waiting) = environments.waiting.pop_front() {
            if waiting.send(id).is_ok() {
                *slot = Slot::Active;
                return;
            }
        }
        *slot = Slot::Idle;
        self.busy -= 1;
        let place = environments.idle.partition_point(|(earlier, _)| *earlier < answer);
        environments.idle.insert(place, (answer, id));
    }

    /// The environment takes no more invocations. Saying so twice is no mistake.
    pub(crate) fn ended(&mut self, id: Uuid) {
        let Some((tenant, slot)) = self.environments.remove(&id) else { return };
        let Some(environments) = self.tenants.get_mut(&tenant) else { return };
        match slot {
            Slot::Active => self.busy -= 1,
            Slot::Settling(_) => {
                self.busy -= 1;
                environments.settling -= 1;
            }
            Slot::Idle => environments.idle.retain(|(_, idle)| *idle != id),
        }
        environments.count -= 1;
        // Whoever waited for this one must not wait in vain: the channel closes.
        environments.waiting.retain(|waiting| !waiting.is_closed());
        environments.waiting.truncate(environments.settling);
        if environments.count == 0 {
            self.tenants.remove(&tenant);
        }
    }

    /// Forgets the environments that are idle, and returns their ids: no invocation goes there any more.
    pub(crate) fn take_idle(&mut self) -> Vec<Uuid> {
        let idle = self.environments.iter().filter(|(_, (_, slot))| *slot == Slot::Idle);
        let idle: Vec<Uuid> = idle.map(|(id, _)| *id).collect();
        for id in &idle {
            self.ended(*id);
        }
        idle
    }

    /// How many environments run an invocation, or are not done with one that is answered.
    #[must_use]
    pub(crate) fn busy(&self) -> u32 {
        self.busy
    }
}

/// Units that come back continuously, up to the limit.
#[derive(Debug)]
struct Bucket {
    units: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let full = f64::from(quotas::SCALING_ENVIRONMENTS);
        let rate = full / quotas::SCALING_INTERVAL.as_secs_f64();
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.units = (self.units + passed * rate).min(full);
        self.at = now;
        let enough = self.units >= 1.0;
        if enough {
            self.units -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests;
