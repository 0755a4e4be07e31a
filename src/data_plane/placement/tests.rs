//! The rules of placement, and their invariants under random events.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Limits, Placed, Placement, Tenant, ThrottleReason, Wish};

const LIMITS: Limits =
    Limits { concurrency: 1_000, reserved: false, environments: 2_500, scaling: true };

fn tenant(name: &str) -> Tenant {
    name.parse().ok()
}

struct Fleet {
    placement: Placement,
    now: Instant,
}

impl Fleet {
    fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self { placement: Placement::new(limits, now), now }
    }

    #[track_caller]
    fn start(&mut self, name: &str) -> Uuid {
        match self.placement.acquire(&tenant(name), Wish::Now, self.now) {
            Placed::Start(id) => id,
            other => panic!("expected a new environment, not {other:?}"),
        }
    }

    #[track_caller]
    fn reuse(&mut self, name: &str) -> Uuid {
        match self.placement.acquire(&tenant(name), Wish::Now, self.now) {
            Placed::Reuse(id) => id,
            other => panic!("expected an idle environment, not {other:?}"),
        }
    }

    #[track_caller]
    fn throttled(&mut self, name: &str) -> ThrottleReason {
        match self.placement.acquire(&tenant(name), Wish::Now, self.now) {
            Placed::Throttle(reason) => reason,
            other => panic!("expected a throttle, not {other:?}"),
        }
    }

    #[track_caller]
    fn wait(&mut self, name: &str) -> oneshot::Receiver<Uuid> {
        match self.placement.acquire(&tenant(name), Wish::Any, self.now) {
            Placed::Wait(given) => given,
            other => panic!("expected to wait, not {other:?}"),
        }
    }

    fn free(&mut self, id: Uuid) {
        self.placement.settled(id);
        self.placement.freed(id);
    }
}

#[test]
fn the_most_recently_used_environment_of_the_tenant_is_reused() {
    let mut fleet = Fleet::new(LIMITS);
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
    let mut fleet = Fleet::new(LIMITS);
    let (first, second) = (fleet.start("alice"), fleet.start("alice"));
    fleet.placement.settled(first);
    fleet.placement.settled(second);
    fleet.placement.freed(second);
    fleet.placement.freed(first);
    assert_eq!(fleet.reuse("alice"), second);
}

#[test]
fn concurrency_counts_what_runs_not_what_is_idle() {
    let mut fleet = Fleet::new(Limits { concurrency: 2, reserved: true, ..LIMITS });
    let first = fleet.start("alice");
    fleet.start("bob");
    let reserved = ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded;
    assert_eq!(fleet.throttled("alice"), reserved);
    // What has answered counts until its runtime is done, which is soon.
    fleet.placement.settled(first);
    let full = fleet.placement.acquire(&tenant("carol"), Wish::Any, fleet.now);
    assert!(matches!(full, Placed::Full(reason) if reason == reserved), "{full:?}");
    let mut given = fleet.wait("alice");
    fleet.placement.freed(first);
    assert_eq!(given.try_recv(), Ok(first), "its own tenant takes its place");
    fleet.free(first);
    fleet.start("carol");
    let mut none = Fleet::new(Limits { concurrency: 0, reserved: true, ..LIMITS });
    assert_eq!(none.throttled("alice"), reserved);
}

#[test]
fn environments_are_limited_active_or_idle() {
    let mut fleet = Fleet::new(Limits { environments: 2, ..LIMITS });
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
    let mut fleet = Fleet::new(Limits { concurrency: 10_000, environments: usize::MAX, ..LIMITS });
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
    let mut fleet = Fleet::new(LIMITS);
    let id = fleet.start("alice");
    fleet.placement.settled(id);
    let mut given = fleet.wait("alice");
    // Only one can wait for it: a second one would wait in vain.
    let second = fleet.start("alice");
    assert!(given.try_recv().is_err());
    fleet.placement.freed(id);
    assert_eq!(given.try_recv(), Ok(id));
    fleet.placement.settled(second);
    let mut in_vain = fleet.wait("alice");
    fleet.placement.ended(second);
    assert_eq!(in_vain.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    assert_eq!(fleet.placement.busy(), 1);
}

/// Steps of a random story; numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Acquire(u8, Wish),
    Settle(usize),
    Free(usize),
    End(usize),
    GiveUp(usize),
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![4 => Just(Wish::Any), 3 => Just(Wish::Now), 1 => Just(Wish::New)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, wish()).prop_map(|(tenant, wish)| Step::Acquire(tenant, wish)),
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
        let limits = Limits { concurrency: 8, environments: 12, ..LIMITS };
        let mut fleet = Fleet::new(limits);
        let mut seen = Seen::default();
        for step in steps {
            match step {
                Step::Acquire(number, wish) => {
                    let name = tenant(&number.to_string());
                    match fleet.placement.acquire(&name, wish, fleet.now) {
                        Placed::Start(id) => {
                            assert!(seen.owner.insert(id, number).is_none());
                            seen.active.push(id);
                        }
                        Placed::Reuse(id) => {
                            assert_eq!(seen.owner[&id], number, "an environment sees one tenant");
                            assert!(!seen.active.contains(&id), "one invocation at a time");
                            assert!(!seen.settling.contains(&id), "free only when it is");
                            seen.active.push(id);
                        }
                        Placed::Wait(given) => seen.waiting.push((number, given)),
                        Placed::Throttle(_) | Placed::Full(_) => {}
                    }
                }
                Step::Settle(n) if !seen.active.is_empty() => {
                    let id = seen.active.swap_remove(n % seen.active.len());
                    fleet.placement.settled(id);
                    seen.settling.push(id);
                }
                Step::Free(n) if !seen.settling.is_empty() => {
                    let id = seen.settling.swap_remove(n % seen.settling.len());
                    fleet.placement.freed(id);
                }
                Step::End(n) if !seen.active.is_empty() => {
                    let id = seen.active.swap_remove(n % seen.active.len());
                    fleet.placement.ended(id);
                }
                Step::GiveUp(n) if !seen.waiting.is_empty() => {
                    drop(seen.waiting.swap_remove(n % seen.waiting.len()));
                }
                _ => {}
            }
            seen.collect_given();
            let executing = seen.active.len() + seen.settling.len();
            assert_eq!(fleet.placement.busy() as usize, executing);
            assert!(executing <= 8 && fleet.placement.environments.len() <= 12);
        }
    }
}
