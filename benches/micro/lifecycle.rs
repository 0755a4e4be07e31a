//! The state machine of an environment, through one warm invocation.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use uuid::Uuid;

use crate::benchmarks::Run;
use crate::benchmarks::samples::EVENT;
use crate::environment::lifecycle::events::{Effect, Event, ResponseBody};
use crate::environment::lifecycle::{Lifecycle, PhaseLimits};
use crate::lambda::invocation::Answer;

/// The invocation comes, is answered, and the runtime asks for the next one.
pub(crate) fn warm_invocation() -> Run {
    let limits = PhaseLimits {
        init: Some(Duration::from_secs(10)),
        init_again: true,
        invoke: Some(Duration::from_secs(3)),
        idle: Some(Duration::from_mins(10)),
        life: None,
    };
    let first = Uuid::new_v4();
    let mut lifecycle = Lifecycle::new(limits, first, Instant::now());
    let mut step = move |event| {
        let effects = lifecycle.step(event, Instant::now());
        effects.into_iter().map(|effect| black_box(effect.name())).last()
    };
    step(Event::NextPolled);
    step(answer(first));
    assert_eq!(step(Event::NextPolled), Some(Effect::Release.name()));
    let second = Uuid::new_v4();
    assert_eq!(step(Event::Assigned(second)), Some(Effect::Deliver.name()));
    assert_eq!(step(answer(second)), Some("Reply"));
    assert_eq!(step(Event::NextPolled), Some(Effect::Release.name()));
    Box::new(move || {
        step(Event::Assigned(black_box(second)));
        step(answer(second));
        step(Event::NextPolled);
    })
}

fn answer(request_id: Uuid) -> Event {
    let payload = Bytes::from_static(EVENT.as_bytes());
    let answer = Answer { bytes: payload.len(), payload, began: Instant::now() };
    Event::Responded(request_id, ResponseBody::Complete(answer))
}
