//! Which environment an invocation runs in, as pure bookkeeping: reuse, start, wait or throttle. `now`
//! comes in from outside.
//!
//! Lambda never queues a synchronous invocation: it finds a free environment of the tenant, starts
//! one, or throttles. There is one exception here. Between an answer and the runtime's next poll,
//! well under a millisecond, an environment is neither busy nor free: it is settling. A caller that
//! comes back at once would start a needless second environment, so an invocation may wait for a
//! moment for one that is about to be free ([`Decision::Wait`]).

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::data_plane::account::{Account, Room, Share, ThrottleReason};
use crate::data_plane::scaling::ScalingBucket;
use crate::lambda::function::TenantId;
use crate::system::random::random_uuid;

/// Which environments an invocation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptable {
    /// Any, also one that is settling.
    Any,
    /// One that is idle now, or a new one.
    IdleOrNew,
    /// A new one.
    New,
}

/// Where an invocation goes. In an environment it counts as a concurrent execution.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Into this idle environment of its tenant.
    Reuse(Uuid),
    /// Into a new environment, which gets this id.
    Start(Uuid),
    /// Into the environment whose id comes through the channel. When the channel closes, or the
    /// caller has waited long enough, it asks again and does not wait.
    Wait(oneshot::Receiver<Uuid>),
    /// Nowhere, for this reason, but an environment that has answered may be free in a moment.
    Full(ThrottleReason),
    /// Nowhere.
    Throttle(ThrottleReason),
}

/// The environments of one function, by tenant. An ordinary function has one tenant, `None`.
#[derive(Debug)]
pub(crate) struct Placement {
    share: Share,
    /// `None` where starts are not limited.
    scaling: Option<ScalingBucket>,
    /// Environments that are not idle: the concurrent executions.
    busy: u32,
    /// How many answers there were so far.
    answers: u64,
    environments: HashMap<Uuid, Occupancy>,
    tenants: HashMap<Option<TenantId>, TenantEnvironments>,
}

/// Whose an environment is, and what it does.
#[derive(Debug)]
struct Occupancy {
    tenant: Option<TenantId>,
    slot: Slot,
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
struct TenantEnvironments {
    /// By their last answer, the most recent one last.
    idle: Vec<IdleEnvironment>,
    settling: usize,
    /// Invocations that wait for those that are settling, at most as many.
    waiting: VecDeque<oneshot::Sender<Uuid>>,
    /// All of them, active ones too.
    count: usize,
}

#[derive(Debug)]
struct IdleEnvironment {
    last_answer: u64,
    id: Uuid,
}

impl Placement {
    /// No environments yet.
    #[must_use]
    pub(crate) fn new(share: Share, now: Instant) -> Self {
        Self {
            scaling: share.is_scaling_limited().then(|| ScalingBucket::new(now)),
            share,
            busy: 0,
            answers: 0,
            environments: HashMap::new(),
            tenants: HashMap::new(),
        }
    }

    /// The account whose concurrent executions it uses.
    #[must_use]
    pub(crate) fn account(&self) -> &Account {
        self.share.account()
    }

    /// Finds a place for an invocation of this tenant.
    pub(crate) fn acquire(
        &mut self,
        tenant: Option<&TenantId>,
        acceptable: Acceptable,
        now: Instant,
    ) -> Decision {
        let key = tenant.cloned();
        // Open until the decision is made, so that no other function takes the room.
        let mut books = self.share.books();
        let room = books.room();
        if acceptable != Acceptable::New
            && let Some(of_tenant) = self.tenants.get_mut(&key)
        {
            if room == Room::Free
                && let Some(IdleEnvironment { id, .. }) = of_tenant.idle.pop()
            {
                if let Some(environment) = self.environments.get_mut(&id) {
                    environment.slot = Slot::Active;
                }
                books.invocation_began();
                self.busy += 1;
                return Decision::Reuse(id);
            }
            // It takes the place of the invocation that is answered there.
            if acceptable == Acceptable::Any
                && let Some(given) = of_tenant.wait_for_settling()
            {
                return Decision::Wait(given);
            }
        }
        match room {
            Room::Free => {}
            Room::Soon(reason) => return Decision::Full(reason),
            Room::Full(reason) => return Decision::Throttle(reason),
        }
        let may_start = |scaling: &mut ScalingBucket| scaling.take(now);
        if !books.has_environment() || !self.scaling.as_mut().is_none_or(may_start) {
            return Decision::Throttle(ThrottleReason::ConcurrentInvocationLimitExceeded);
        }
        books.environment_started();
        books.invocation_began();
        drop(books);
        Decision::Start(self.start(key))
    }

    fn start(&mut self, tenant: Option<TenantId>) -> Uuid {
        let id = random_uuid();
        self.tenants.entry(tenant.clone()).or_default().count += 1;
        self.environments.insert(id, Occupancy { tenant, slot: Slot::Active });
        self.busy += 1;
        id
    }

    /// The environment has answered its invocation.
    pub(crate) fn answered(&mut self, id: Uuid) {
        let Some(environment) = self.environments.get_mut(&id) else { return };
        if environment.slot != Slot::Active {
            return;
        }
        self.answers += 1;
        environment.slot = Slot::Settling(self.answers);
        self.share.books().invocation_answered();
        if let Some(of_tenant) = self.tenants.get_mut(&environment.tenant) {
            of_tenant.settling += 1;
        }
    }

    /// The environment is free: the invocation that has waited longest gets it, if there is one.
    pub(crate) fn freed(&mut self, id: Uuid) {
        let Some(environment) = self.environments.get_mut(&id) else { return };
        let Slot::Settling(last_answer) = environment.slot else { return };
        let Some(of_tenant) = self.tenants.get_mut(&environment.tenant) else { return };
        of_tenant.settling -= 1;
        let mut books = self.share.books();
        books.answered_invocation_ended();
        while let Some(waiting) = of_tenant.waiting.pop_front() {
            if waiting.send(id).is_ok() {
                environment.slot = Slot::Active;
                books.invocation_began();
                return;
            }
        }
        environment.slot = Slot::Idle;
        self.busy -= 1;
        let earlier = |other: &IdleEnvironment| other.last_answer < last_answer;
        let position = of_tenant.idle.partition_point(earlier);
        of_tenant.idle.insert(position, IdleEnvironment { last_answer, id });
    }

    /// The environment takes no more invocations. Saying so twice is no mistake.
    pub(crate) fn ended(&mut self, id: Uuid) {
        let Some(Occupancy { tenant, slot }) = self.environments.remove(&id) else { return };
        let mut books = self.share.books();
        books.environment_ended();
        match slot {
            Slot::Active => books.unanswered_invocation_ended(),
            Slot::Settling(_) => books.answered_invocation_ended(),
            Slot::Idle => {}
        }
        drop(books);
        self.busy -= u32::from(slot != Slot::Idle);
        let Some(of_tenant) = self.tenants.get_mut(&tenant) else { return };
        match slot {
            Slot::Active => {}
            Slot::Settling(_) => of_tenant.settling -= 1,
            Slot::Idle => of_tenant.idle.retain(|idle| idle.id != id),
        }
        of_tenant.count -= 1;
        // Whoever waited for this one must not wait in vain: the channel closes.
        of_tenant.waiting.retain(|waiting| !waiting.is_closed());
        of_tenant.waiting.truncate(of_tenant.settling);
        if of_tenant.count == 0 {
            self.tenants.remove(&tenant);
        }
    }

    /// Forgets the environments that are idle, and returns their ids: no invocation goes there any more.
    pub(crate) fn take_idle(&mut self) -> Vec<Uuid> {
        let all = self.environments.iter();
        let idle = all.filter(|(_, environment)| environment.slot == Slot::Idle);
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

impl TenantEnvironments {
    /// A place in the queue for an environment that is settling, if one is left for it.
    fn wait_for_settling(&mut self) -> Option<oneshot::Receiver<Uuid>> {
        self.waiting.retain(|waiting| !waiting.is_closed());
        if self.settling <= self.waiting.len() {
            return None;
        }
        let (give, given) = oneshot::channel();
        self.waiting.push_back(give);
        Some(given)
    }
}

#[cfg(test)]
mod tests;
