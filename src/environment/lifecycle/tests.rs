//! The life cycle's transitions, and its invariants under random events.

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::{Just, Strategy, prop_oneof, proptest};
use uuid::Uuid;

use super::{Effect, Event, Lifecycle, PhaseLimits, ResponseBody, Verdict};
use crate::lambda::invocation::failure::{Failure, posted};
use crate::lambda::invocation::{Answer, Outcome};

const LIMITS: PhaseLimits = PhaseLimits {
    init_again: true,
    init: Some(Duration::from_secs(10)),
    invoke: Some(Duration::from_secs(3)),
    idle: Some(Duration::from_mins(10)),
    life: None,
};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn oops() -> Failure {
    posted(Some("Runtime.Oops"), Bytes::from_static(b"{}"))
}

fn no_program() -> Failure {
    let (reason, plain) = ("no such file".to_owned(), String::new());
    Failure::InvalidEntrypoint { reason, plain, remedy: None }
}

fn complete() -> ResponseBody {
    ResponseBody::Complete(Answer { payload: Bytes::new(), began: Instant::now(), bytes: 0 })
}

fn exit(code: i32) -> Event {
    Event::Exited(ExitStatus::from_raw(code << 8))
}

/// The effects in short, for comparison.
fn names(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .map(|effect| match effect {
            Effect::Reply(verdict) => format!("reply {verdict:?}"),
            Effect::EndInit(None) => "init done".to_owned(),
            Effect::EndInit(Some(failed)) => {
                format!("init failed {} {}", failed.phase, failed.failure.error_type())
            }
            Effect::Answer(Outcome::Success(_)) => "answer ok".to_owned(),
            Effect::Answer(Outcome::Failure(failure)) => format!("answer {}", failure.error_type()),
            Effect::Finish(None) => "finish".to_owned(),
            Effect::Finish(Some(failure)) => format!("finish {}", failure.error_type()),
            other => format!("{other:?}").to_lowercase(),
        })
        .collect()
}

struct Story {
    lifecycle: Lifecycle,
    now: Instant,
}

impl Story {
    fn begin() -> Self {
        let now = Instant::now();
        Self { lifecycle: Lifecycle::new(LIMITS, id(1), now), now }
    }

    #[track_caller]
    fn then(mut self, event: Event, expected: &[&str]) -> Self {
        let effects = self.lifecycle.step(event, self.now);
        assert_eq!(names(&effects), expected);
        self
    }

    /// Lets the time pass until the deadline.
    #[track_caller]
    fn timeout(mut self, expected: &[&str]) -> Self {
        self.now = self.lifecycle.deadline().expect("this phase has a deadline");
        self.then(Event::DeadlinePassed, expected)
    }
}

#[test]
fn a_cold_and_a_warm_invocation() {
    Story::begin()
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::Responded(id(1), complete()), &["answer ok", "reply Accepted"])
        .then(Event::NextPolled, &["finish", "park", "release"])
        .then(Event::Assigned(id(2)), &["deliver"])
        .then(Event::ErrorPosted(id(2), oops()), &["answer Runtime.Oops", "reply Accepted"])
        .then(Event::NextPolled, &["finish", "park", "release"])
        .timeout(&["end"]);
}

#[test]
fn a_failed_init_is_run_again_inside_the_invocation() {
    Story::begin()
        .then(exit(1), &["init failed init Runtime.ExitError", "kill"])
        .then(Event::Killed, &["start"])
        .then(Event::NextPolled, &["deliver"])
        .then(Event::Responded(id(1), complete()), &["answer ok", "reply Accepted"]);
    Story::begin()
        .then(
            Event::InitErrorPosted(oops()),
            &["reply Accepted", "init failed init Runtime.Oops", "kill"],
        )
        .then(Event::Killed, &["start"])
        .then(
            Event::InitErrorPosted(oops()),
            &[
                "reply Accepted",
                "init failed invoke Runtime.Oops",
                "answer Runtime.Oops",
                "finish",
                "end",
            ],
        );
    Story::begin()
        .timeout(&["init failed init Sandbox.Timedout", "kill"])
        .then(Event::Killed, &["start"])
        .timeout(&[
            "init failed invoke Sandbox.Timedout",
            "answer Sandbox.Timedout",
            "finish",
            "end",
        ]);
}

#[test]
fn what_comes_from_processes_that_are_killed_does_not_end_those_that_follow() {
    let crash = || Failure::Extension("Extension.Crash".to_owned(), String::new());
    Story::begin()
        .then(
            Event::Failed(Failure::OutOfMemory),
            &["init failed init Runtime.OutOfMemory", "kill"],
        )
        .then(Event::Failed(Failure::OutOfMemory), &[])
        .then(Event::Failed(crash()), &[])
        .then(exit(9), &[])
        .then(Event::Killed, &["start"])
        .then(Event::NextPolled, &["deliver"])
        .then(Event::Responded(id(1), complete()), &["answer ok", "reply Accepted"]);
    Story::begin()
        .then(Event::Failed(crash()), &["init failed init Extension.Crash", "kill"])
        .then(Event::Killed, &["start"])
        .then(
            Event::Failed(crash()),
            &["init failed invoke Extension.Crash", "answer Extension.Crash", "finish", "end"],
        )
        .then(Event::Killed, &[]);
}

#[test]
fn a_program_that_cannot_be_started_is_not_tried_again() {
    let failure = no_program();
    let expected = [
        "init failed init Runtime.InvalidEntrypoint",
        "answer Runtime.InvalidEntrypoint",
        "finish",
        "end",
    ];
    Story::begin().then(Event::StartFailed(failure), &expected);
}

#[test]
fn the_timeout_holds_until_the_runtime_asks_for_more() {
    Story::begin().then(Event::NextPolled, &["init done", "deliver"]).timeout(&[
        "answer Sandbox.Timedout",
        "finish",
        "end",
    ]);
    Story::begin()
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::Responded(id(1), complete()), &["answer ok", "reply Accepted"])
        .timeout(&["finish Sandbox.Timedout", "end"]);
}

#[test]
fn a_runtime_that_does_not_keep_to_the_protocol_is_told() {
    let again = "reply InvalidTransition { from: \"RuntimeResponseSentState\", \
                 to: \"InvocationResponse\" }";
    let late = "reply InvalidTransition { from: \"Running\", to: \"InitError\" }";
    Story::begin()
        .then(Event::Responded(id(1), complete()), &["reply InvalidRequestId"])
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::NextPolled, &["deliver"])
        .then(Event::InitErrorPosted(oops()), &[late])
        .then(Event::Responded(id(7), complete()), &["reply InvalidRequestId"])
        .then(Event::Responded(id(1), complete()), &["answer ok", "reply Accepted"])
        .then(Event::Responded(id(1), complete()), &[again])
        .then(Event::NextPolled, &["finish", "park", "release"])
        .then(Event::NextPolled, &["park"])
        .then(Event::Responded(id(1), complete()), &["reply InvalidRequestId"]);
}

#[test]
fn a_streamed_answer_ends_with_its_body() {
    let sent = "reply InvalidTransition { from: \"InvocationResponse\", \
                to: \"InvocationErrorResponse\" }";
    Story::begin()
        .then(Event::StreamStarted(id(1)), &["reply InvalidRequestId"])
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::StreamStarted(id(1)), &["stream"])
        .then(Event::ErrorPosted(id(1), oops()), &[sent])
        .then(Event::NextPolled, &["park"])
        .then(
            Event::Responded(id(1), complete()),
            &["answer ok", "reply Accepted", "finish", "park", "release"],
        );
    Story::begin()
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::StreamStarted(id(1)), &["stream"])
        .timeout(&["answer Sandbox.Timedout", "finish", "end"]);
    Story::begin()
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(Event::StreamStarted(id(1)), &["stream"])
        .then(exit(1), &["answer Runtime.ExitError", "finish", "end"]);
}

#[test]
fn an_answer_that_is_cut_off_ends_as_its_runtime_does() {
    let cut = || {
        Story::begin()
            .then(Event::NextPolled, &["init done", "deliver"])
            .then(Event::Responded(id(1), ResponseBody::Truncated), &["reply Truncated"])
    };
    cut().then(exit(1), &["answer Runtime.ExitError", "finish", "end"]);
    cut().then(
        Event::NextPolled,
        &["answer Runtime.TruncatedResponse", "finish", "park", "release"],
    );
    cut().then(Event::ErrorPosted(id(1), oops()), &["answer Runtime.Oops", "reply Accepted"]);
    cut().timeout(&["answer Sandbox.Timedout", "finish", "end"]);
}

#[test]
fn a_runtime_may_survive_an_answer_that_was_too_large() {
    Story::begin()
        .then(Event::NextPolled, &["init done", "deliver"])
        .then(
            Event::Responded(id(1), ResponseBody::TooLarge),
            &["answer Function.ResponseSizeTooLarge", "reply TooLarge"],
        )
        .then(Event::NextPolled, &["finish", "park", "release"]);
}

#[test]
fn an_environment_that_has_lived_long_enough_ends_when_it_is_free() {
    let now = Instant::now();
    let limits = PhaseLimits { life: Some(Duration::from_secs(1)), ..LIMITS };
    let mut lifecycle = Lifecycle::new(limits, id(1), now);
    lifecycle.step(Event::NextPolled, now);
    let later = now + Duration::from_secs(2);
    lifecycle.step(Event::Responded(id(1), complete()), later);
    assert_eq!(names(&lifecycle.step(Event::NextPolled, later)), ["finish", "end"]);
}

/// An event that a peer may cause at any time. Request ids are those of the last few invocations.
#[derive(Clone, Debug)]
enum Anything {
    Next,
    Assign,
    StartStream(u128),
    Respond(u128),
    Error(u128),
    InitError,
    Deadline,
    Memory,
    Exit,
    Killed,
    StartFailed,
    Stop,
}

fn anything() -> impl Strategy<Value = Anything> {
    prop_oneof![
        8 => Just(Anything::Next),
        8 => Just(Anything::Assign),
        3 => (0_u128..3).prop_map(Anything::StartStream),
        8 => (0_u128..3).prop_map(Anything::Respond),
        2 => (0_u128..3).prop_map(Anything::Error),
        1 => Just(Anything::InitError),
        1 => Just(Anything::Deadline),
        1 => Just(Anything::Memory),
        1 => Just(Anything::Exit),
        4 => Just(Anything::Killed),
        1 => Just(Anything::StartFailed),
        1 => Just(Anything::Stop),
    ]
}

/// What an observer of the effects knows.
#[derive(Debug)]
struct Observer {
    last_id: u128,
    /// The invocation that has no answer.
    open: Option<u128>,
    /// The one that isn't over.
    begun: Option<u128>,
    leased: bool,
    answered: HashSet<u128>,
    running: bool,
}

impl Observer {
    fn see(&mut self, effect: &Effect) {
        match effect {
            Effect::Deliver => {
                assert!(self.running, "no delivery without a process");
                assert!(self.leased, "no delivery to an environment that is free");
            }
            Effect::Answer(_) => {
                let id = self.open.take().expect("an invocation is answered only while it is open");
                assert!(self.answered.insert(id), "an invocation is answered once");
            }
            Effect::Finish(_) => {
                assert!(
                    self.open.is_none(),
                    "the caller is answered before the invocation is over"
                );
                self.begun.take().expect("an invocation is over once");
            }
            Effect::Release => {
                assert!(self.begun.is_none(), "free only after the invocation");
                assert!(self.leased, "free only once");
                self.leased = false;
            }
            Effect::End => assert!(self.begun.is_none(), "invocations are over before the end"),
            Effect::Stream => assert!(self.open.is_some(), "only an open invocation is answered"),
            Effect::Kill => self.running = false,
            Effect::Start => self.running = true,
            Effect::Reply(_) | Effect::Park | Effect::EndInit(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn invariants_hold_under_any_events(events in proptest::collection::vec(anything(), 0..200)) {
        let now = Instant::now();
        let mut lifecycle = Lifecycle::new(LIMITS, id(1), now);
        let mut observer = Observer {
            last_id: 1,
            open: Some(1),
            leased: true,
            begun: Some(1),
            answered: HashSet::new(),
            running: true,
        };
        for anything in events {
            let posted_id = |back: u128| id(observer.last_id.saturating_sub(back));
            let event = match anything {
                // A process that was killed says nothing more, and exits once.
                Anything::Next if observer.running => Event::NextPolled,
                Anything::Respond(back) if observer.running => {
                    Event::Responded(posted_id(back), complete())
                }
                Anything::StartStream(back) if observer.running => {
                    Event::StreamStarted(posted_id(back))
                }
                Anything::Error(back) if observer.running => {
                    Event::ErrorPosted(posted_id(back), oops())
                }
                Anything::InitError if observer.running => Event::InitErrorPosted(oops()),
                Anything::Assign if !observer.leased && !lifecycle.is_ended() => {
                    observer.last_id += 1;
                    observer.open = Some(observer.last_id);
                    observer.begun = observer.open;
                    observer.leased = true;
                    Event::Assigned(id(observer.last_id))
                }
                Anything::Deadline if lifecycle.deadline().is_some() => Event::DeadlinePassed,
                Anything::Memory => Event::Failed(Failure::OutOfMemory),
                Anything::Exit => exit(1),
                Anything::Killed if !observer.running => Event::Killed,
                Anything::StartFailed if lifecycle.since().is_some() => {
                    Event::StartFailed(no_program())
                }
                Anything::Stop => Event::StopAsked,
                _ => continue,
            };
            let was_ended = lifecycle.is_ended();
            let effects = lifecycle.step(event, now);
            for effect in &effects {
                assert!(
                    !was_ended || matches!(effect, Effect::Park | Effect::Reply(_)),
                    "nothing happens after the end: {effect:?}"
                );
                observer.see(effect);
            }
        }
        // Every path reaches the end, and no caller is left without an answer.
        for effect in lifecycle.step(Event::StopAsked, now) {
            observer.see(&effect);
        }
        assert!(lifecycle.is_ended());
        assert_eq!((observer.open, observer.begun), (None, None));
        assert_eq!(lifecycle.deadline(), None);
        let after = lifecycle.step(Event::Responded(id(1), complete()), now);
        assert!(matches!(after.as_slice(), [Effect::Reply(Verdict::InvalidRequestId)]));
    }
}
