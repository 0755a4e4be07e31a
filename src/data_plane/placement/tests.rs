//! The rules of placement, and their invariants under random events.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Acceptable, Decision, Placement};
use crate::data_plane::account::{Account, AccountLimits, FunctionLimits, ThrottleReason};
use crate::lambda::function::TenantId;

const ACCOUNT: AccountLimits =
    AccountLimits { concurrency: 1_000, environments: usize::MAX, is_scaling_limited: true };

const FUNCTION: FunctionLimits =
    FunctionLimits { reserved_concurrency: None, is_isolated: true, runtimes: None };

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// A function whose environments are placed.
struct Placed {
    placement: Placement,
    now: Instant,
}

impl Placed {
    /// The only function of an account.
    fn new(limits: AccountLimits) -> Self {
        Self::of(&Account::new(limits), FUNCTION)
    }

    fn of(account: &Account, limits: FunctionLimits) -> Self {
        let now = Instant::now();
        Self { placement: Placement::new(account.share(limits), now), now }
    }

    fn acquire(&mut self, name: &str, acceptable: Acceptable) -> Decision {
        self.placement.acquire(Some(&tenant(name)), acceptable, self.now)
    }

    #[track_caller]
    fn start(&mut self, name: &str) -> Uuid {
        match self.acquire(name, Acceptable::IdleOrNew) {
            Decision::Start(id) => id,
            other => panic!("expected a new environment, not {other:?}"),
        }
    }

    #[track_caller]
    fn reuse(&mut self, name: &str) -> Uuid {
        match self.acquire(name, Acceptable::IdleOrNew) {
            Decision::Reuse(id) => id,
            other => panic!("expected an idle environment, not {other:?}"),
        }
    }

    #[track_caller]
    fn throttled(&mut self, name: &str) -> ThrottleReason {
        match self.acquire(name, Acceptable::IdleOrNew) {
            Decision::Throttle(reason) => reason,
            other => panic!("expected a throttle, not {other:?}"),
        }
    }

    #[track_caller]
    fn wait(&mut self, name: &str) -> oneshot::Receiver<Uuid> {
        match self.acquire(name, Acceptable::Any) {
            Decision::Wait(given) => given,
            other => panic!("expected to wait, not {other:?}"),
        }
    }

    fn free(&mut self, id: Uuid) {
        self.placement.answered(id);
        self.placement.freed(id);
    }
}

#[test]
fn the_most_recently_used_environment_of_the_tenant_is_reused() {
    let mut fleet = Placed::new(ACCOUNT);
    let (first, second) = (fleet.start("alice"), fleet.start("alice"));
    let bob = fleet.start("bob");
    fleet.free(second);
    fleet.free(first);
    fleet.free(bob);
    assert_eq!(fleet.reuse("alice"), first);
    assert_eq!(fleet.reuse("alice"), second);
    fleet.start("alice");
    assert_eq!(fleet.reuse("bob"), bob);
}

#[test]
fn what_counts_as_use_is_the_answer_not_the_next_poll() {
    let mut fleet = Placed::new(ACCOUNT);
    let (first, second) = (fleet.start("alice"), fleet.start("alice"));
    fleet.placement.answered(first);
    fleet.placement.answered(second);
    fleet.placement.freed(second);
    fleet.placement.freed(first);
    assert_eq!(fleet.reuse("alice"), second);
}

#[test]
fn concurrency_counts_what_runs_not_what_is_idle() {
    let account = Account::new(ACCOUNT);
    let reserving = |most| FunctionLimits { reserved_concurrency: Some(most), ..FUNCTION };
    let mut fleet = Placed::of(&account, reserving(2));
    let first = fleet.start("alice");
    fleet.start("bob");
    let reserved = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
    assert_eq!(fleet.throttled("alice"), reserved);
    // What has answered counts until its runtime is done, which is soon.
    fleet.placement.answered(first);
    let full = fleet.acquire("carol", Acceptable::Any);
    assert!(matches!(full, Decision::Full(reason) if reason == reserved), "{full:?}");
    let mut given = fleet.wait("alice");
    fleet.placement.freed(first);
    assert_eq!(given.try_recv(), Ok(first), "its own tenant takes its place");
    fleet.free(first);
    fleet.start("carol");
    let mut none = Placed::of(&account, reserving(0));
    assert_eq!(none.throttled("alice"), reserved);
}

#[test]
fn environments_are_limited_active_or_idle() {
    let mut fleet = Placed::new(AccountLimits { environments: 2, ..ACCOUNT });
    let first = fleet.start("alice");
    let second = fleet.start("bob");
    fleet.free(second);
    let limit = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert_eq!(fleet.throttled("carol"), limit);
    fleet.placement.ended(second);
    fleet.start("carol");
    fleet.placement.ended(first);
    fleet.placement.ended(first);
    assert_eq!(fleet.placement.busy(), 1);
}

#[test]
fn a_thousand_environments_start_in_ten_seconds_and_units_do_not_accrue() {
    let mut fleet = Placed::new(AccountLimits { concurrency: 10_000, ..ACCOUNT });
    fleet.now += Duration::from_hours(1);
    for _ in 0..1_000 {
        fleet.start("alice");
    }
    fleet.throttled("alice");
    fleet.now += Duration::from_millis(100);
    for _ in 0..10 {
        fleet.start("alice");
    }
    fleet.throttled("alice");
}

#[test]
fn a_caller_that_comes_back_at_once_waits_for_its_environment() {
    let mut fleet = Placed::new(ACCOUNT);
    let id = fleet.start("alice");
    fleet.placement.answered(id);
    let mut given = fleet.wait("alice");
    // Only one can wait for it: a second one would wait in vain.
    let second = fleet.start("alice");
    assert!(given.try_recv().is_err());
    fleet.placement.freed(id);
    assert_eq!(given.try_recv(), Ok(id));
    fleet.placement.answered(second);
    let mut in_vain = fleet.wait("alice");
    fleet.placement.ended(second);
    assert_eq!(in_vain.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    assert_eq!(fleet.placement.busy(), 1);
}

#[test]
fn what_functions_share_is_what_none_has_reserved() {
    let account = Account::new(AccountLimits { concurrency: 3, ..ACCOUNT });
    let mut one = Placed::of(&account, FUNCTION);
    let mut two = Placed::of(&account, FUNCTION);
    let reserving = FunctionLimits { reserved_concurrency: Some(1), ..FUNCTION };
    let mut reserved = Placed::of(&account, reserving);
    let first = one.start("alice");
    two.start("alice");
    let limit = ThrottleReason::ConcurrentInvocationLimitExceeded;
    assert_eq!((one.throttled("bob"), two.throttled("bob")), (limit, limit));
    reserved.start("alice");
    reserved.throttled("bob");
    // An answer of one function is a reason for another one to wait a moment.
    one.placement.answered(first);
    assert!(matches!(two.acquire("bob", Acceptable::IdleOrNew), Decision::Full(_)));
    assert!(matches!(reserved.acquire("bob", Acceptable::IdleOrNew), Decision::Throttle(_)));
    one.placement.freed(first);
    two.start("bob");
}

#[test]
fn functions_share_the_environments_of_tenants_unless_they_have_reserved_concurrency() {
    let account = Account::new(AccountLimits { concurrency: 2, ..ACCOUNT });
    let mut isolated = [(); 2].map(|()| Placed::of(&account, FUNCTION));
    let ordinary = FunctionLimits { is_isolated: false, ..FUNCTION };
    let mut ordinary = Placed::of(&account, ordinary);
    for number in 0..5 {
        let function = &mut isolated[number % 2];
        let id = function.start(&number.to_string());
        function.free(id);
    }
    isolated[0].throttled("alice");
    isolated[1].throttled("alice");
    let id = ordinary.start("no tenant");
    ordinary.free(id);
    isolated[1].reuse("3");
}

/// Steps of a random story; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Acquire(u8, Acceptable),
    Settle(usize),
    Free(usize),
    End(usize),
    GiveUp(usize),
}

fn acceptable() -> impl Strategy<Value = Acceptable> {
    prop_oneof![4 => Just(Acceptable::Any), 3 => Just(Acceptable::IdleOrNew), 1 => Just(Acceptable::New)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, acceptable()).prop_map(|(tenant, wish)| Step::Acquire(tenant, wish)),
        3 => (0_usize..64).prop_map(Step::Settle),
        3 => (0_usize..64).prop_map(Step::Free),
        1 => (0_usize..64).prop_map(Step::End),
        1 => (0_usize..64).prop_map(Step::GiveUp),
    ]
}

#[derive(Default)]
struct Seen {
    /// The tenant of every environment that was ever started.
    owner: HashMap<Uuid, u8>,
    active: Vec<Uuid>,
    settling: Vec<Uuid>,
    waiting: Vec<(u8, oneshot::Receiver<Uuid>)>,
}

impl Seen {
    /// Which function the environment is of.
    fn function(&self, id: Uuid) -> usize {
        usize::from(self.owner[&id]) % 2
    }

    /// Invocations that waited and have been given an environment.
    fn collect_given(&mut self) {
        let owner = &self.owner;
        let active = &mut self.active;
        self.waiting.retain_mut(|(tenant, given)| match given.try_recv() {
            Ok(id) => {
                assert_eq!(owner[&id], *tenant, "an environment sees one tenant");
                assert!(!active.contains(&id), "one invocation at a time");
                active.push(id);
                false
            }
            Err(_) => true,
        });
    }
}

proptest! {
    #[test]
    fn no_environment_sees_two_tenants_or_two_invocations(
        steps in proptest::collection::vec(step(), 0..300)
    ) {
        let account = Account::new(AccountLimits { concurrency: 8, environments: 12, ..ACCOUNT });
        // Two functions, of which each has every other tenant.
        let mut functions = [(); 2].map(|()| Placed::of(&account, FUNCTION));
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Acquire(number, acceptable) => {
                    let function = &mut functions[usize::from(number) % 2];
                    match function.acquire(&number.to_string(), acceptable) {
                        Decision::Start(id) => {
                            assert!(seen.owner.insert(id, number).is_none());
                            seen.active.push(id);
                        }
                        Decision::Reuse(id) => {
                            assert_eq!(seen.owner[&id], number, "an environment sees one tenant");
                            assert!(!seen.active.contains(&id), "one invocation at a time");
                            assert!(!seen.settling.contains(&id), "free only when it is");
                            seen.active.push(id);
                        }
                        Decision::Wait(given) => seen.waiting.push((number, given)),
                        Decision::Throttle(_) | Decision::Full(_) => {}
                    }
                }
                Step::Settle(n) if !seen.active.is_empty() => {
                    let id = seen.active.swap_remove(n % seen.active.len());
                    functions[seen.function(id)].placement.answered(id);
                    seen.settling.push(id);
                }
                Step::Free(n) if !seen.settling.is_empty() => {
                    let id = seen.settling.swap_remove(n % seen.settling.len());
                    functions[seen.function(id)].placement.freed(id);
                }
                Step::End(n) if !seen.active.is_empty() => {
                    let id = seen.active.swap_remove(n % seen.active.len());
                    functions[seen.function(id)].placement.ended(id);
                }
                Step::GiveUp(n) if !seen.waiting.is_empty() => {
                    drop(seen.waiting.swap_remove(n % seen.waiting.len()));
                }
                _ => {}
            }
            seen.collect_given();
            let executing = seen.active.len() + seen.settling.len();
            let busy: u32 = functions.iter().map(|function| function.placement.busy()).sum();
            assert_eq!(busy as usize, executing);
            let environments = functions.iter().map(|it| it.placement.environments.len());
            assert!(executing <= 8 && environments.sum::<usize>() <= 12);
        }
        // The account's books are even when all is over.
        for function in &mut functions {
            for id in function.placement.environments.keys().copied().collect::<Vec<_>>() {
                function.placement.ended(id);
            }
        }
        for _ in 0..8 {
            functions[0].start("alice");
        }
    }
}
