//! The life cycle of an execution environment as a pure state machine: every event gives the
//! effects that the environment must perform. It has no clock: `now` comes in from outside.
//!
//! `Init` → `Invoke` ⇄ `Idle` → `Ended`. A first init that fails or takes too long is run again
//! inside the invocation, as on AWS; that is the step [`Step::Init`] of `Invoke`.

pub(crate) mod events;
mod phase;

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::lambda::invocation::Outcome;
use crate::lambda::invocation::failure::Failure;
use events::{Effect, Event, InitFailure, ResponseBody, Verdict};
use phase::{Phase, Step};

/// How long each phase may last. `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhaseLimits {
    /// The init phase, before it is run again inside the invocation.
    pub(crate) init: Option<Duration>,
    /// Whether an init that fails is run again inside the invocation.
    pub(crate) init_again: bool,
    /// One invocation.
    pub(crate) invoke: Option<Duration>,
    /// From the end of an invocation to the end of the environment.
    pub(crate) idle: Option<Duration>,
    /// The whole life; an environment that is busy then ends when it is free.
    pub(crate) life: Option<Duration>,
}

/// The state machine of one environment.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    limits: PhaseLimits,
    end_of_life: Option<Instant>,
    phase: Phase,
}

impl Lifecycle {
    /// An environment that is started at `now` for the invocation with this request id.
    #[must_use]
    pub(crate) fn new(limits: PhaseLimits, request_id: Uuid, now: Instant) -> Self {
        Self {
            limits,
            end_of_life: limits.life.map(|life| now + life),
            phase: Phase::Init {
                request_id,
                since: now,
                deadline: limits.init.map(|init| now + init),
            },
        }
    }

    /// When to come back with [`Event::DeadlinePassed`].
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.phase.deadline()
    }

    /// When the phase that runs began: init, or the invocation. `None` while idle and at the end.
    #[must_use]
    pub(crate) fn since(&self) -> Option<Instant> {
        self.phase.since()
    }

    /// Whether the environment takes no more invocations.
    #[must_use]
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Takes one step.
    pub(crate) fn step(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        match event {
            Event::NextPolled => self.next_polled(now),
            Event::Assigned(request_id) => self.assigned(request_id, now),
            Event::StreamStarted(id) => self.stream_started(id),
            Event::Responded(id, body) => self.responded(id, body, now),
            Event::ErrorPosted(id, failure) => self.error_posted(id, failure, now),
            Event::InitErrorPosted(failure) => self.init_error_posted(failure, now),
            Event::DeadlinePassed => self.deadline_passed(now),
            Event::Failed(failure) => self.failed(failure, now),
            Event::Exited(status) => self.exited(status, now),
            Event::Killed => self.killed(),
            Event::StartFailed(failure) => self.start_failed(failure),
            Event::Retired => self.retired(now),
            Event::StopAsked => self.stop_asked(),
        }
    }

    /// Ends an idle environment; a busy one ends when it is free.
    fn retired(&mut self, now: Instant) -> Vec<Effect> {
        self.end_of_life = Some(now);
        match self.phase {
            Phase::Idle { .. } => self.end(),
            Phase::Init { .. } | Phase::Invoke { .. } | Phase::Ended => vec![],
        }
    }

    fn next_polled(&mut self, now: Instant) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Init { request_id, .. } => {
                let request_id = *request_id;
                self.invoke(request_id, Step::Running, now);
                vec![Effect::EndInit(None), Effect::Deliver]
            }
            // A runtime that asks again without answering gets the same event again.
            Phase::Invoke { step: step @ (Step::Init | Step::Running), .. } => {
                *step = Step::Running;
                vec![Effect::Deliver]
            }
            Phase::Invoke { step: Step::Streaming { polled }, .. } => {
                *polled = true;
                vec![Effect::Park]
            }
            Phase::Invoke { step: Step::Truncated, .. } => {
                let mut effects =
                    vec![Effect::Answer(Outcome::Failure(Failure::TruncatedResponse))];
                effects.extend(self.finish(now));
                effects
            }
            Phase::Invoke { step: Step::Answered, .. } => self.finish(now),
            Phase::Invoke { step: Step::Restarting, .. } | Phase::Idle { .. } | Phase::Ended => {
                vec![Effect::Park]
            }
        }
    }

    /// The invocation is over, and the environment free or at its end.
    fn finish(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = vec![Effect::Finish(None)];
        effects.extend(self.free(now));
        effects
    }

    fn free(&mut self, now: Instant) -> Vec<Effect> {
        if self.end_of_life.is_some_and(|end| now >= end) {
            return self.end();
        }
        let idle = self.limits.idle.map(|idle| now + idle);
        let deadline = [idle, self.end_of_life].into_iter().flatten().min();
        self.phase = Phase::Idle { deadline };
        vec![Effect::Park, Effect::Release]
    }

    /// An environment that is not idle keeps quiet: the invocation's reply is dropped, and the data
    /// plane looks for another environment.
    fn assigned(&mut self, request_id: Uuid, now: Instant) -> Vec<Effect> {
        match self.phase {
            Phase::Idle { .. } => {
                self.invoke(request_id, Step::Running, now);
                vec![Effect::Deliver]
            }
            Phase::Init { .. } | Phase::Invoke { .. } | Phase::Ended => vec![],
        }
    }

    fn invoke(&mut self, request_id: Uuid, step: Step, now: Instant) {
        let deadline = self.limits.invoke.map(|invoke| now + invoke);
        self.phase = Phase::Invoke { request_id, since: now, deadline, step };
    }

    fn stream_started(&mut self, id: Uuid) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Invoke { request_id, step: step @ Step::Running, .. } if *request_id == id => {
                *step = Step::Streaming { polled: false };
                vec![Effect::Stream]
            }
            _ => vec![Effect::Reply(self.phase.refusal(id, "InvocationResponse"))],
        }
    }

    fn responded(&mut self, id: Uuid, body: ResponseBody, now: Instant) -> Vec<Effect> {
        if !self.phase.awaits_answer(id) {
            return vec![Effect::Reply(self.phase.refusal(id, "InvocationResponse"))];
        }
        let (outcome, verdict) = match body {
            ResponseBody::Complete(answer) => (Outcome::Success(answer), Verdict::Accepted),
            ResponseBody::Failed(failure) => (Outcome::Failure(failure), Verdict::Accepted),
            ResponseBody::TooLarge => {
                (Outcome::Failure(Failure::ResponseTooLarge), Verdict::TooLarge)
            }
            ResponseBody::Truncated => return self.truncated(),
        };
        self.answer(outcome, verdict, now)
    }

    fn truncated(&mut self) -> Vec<Effect> {
        if let Phase::Invoke { step, .. } = &mut self.phase {
            *step = Step::Truncated;
        }
        vec![Effect::Reply(Verdict::Truncated)]
    }

    fn error_posted(&mut self, id: Uuid, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.phase {
            Phase::Invoke { request_id, step: Step::Running | Step::Truncated, .. }
                if request_id == id =>
            {
                let verdict = match failure {
                    Failure::ResponseTooLarge => Verdict::TooLarge,
                    _ => Verdict::Accepted,
                };
                self.answer(Outcome::Failure(failure), verdict, now)
            }
            _ => vec![Effect::Reply(self.phase.refusal(id, "InvocationErrorResponse"))],
        }
    }

    fn answer(&mut self, outcome: Outcome, verdict: Verdict, now: Instant) -> Vec<Effect> {
        let mut effects = vec![Effect::Answer(outcome), Effect::Reply(verdict)];
        if let Phase::Invoke { step, .. } = &mut self.phase {
            let polled = matches!(step, Step::Streaming { polled: true });
            *step = Step::Answered;
            if polled {
                effects.extend(self.finish(now));
            }
        }
        effects
    }

    fn init_error_posted(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.phase {
            Phase::Init { .. } => {
                let mut effects = vec![Effect::Reply(Verdict::Accepted)];
                effects.extend(self.restart(failure, now));
                effects
            }
            Phase::Invoke { step: Step::Init, .. } => {
                let mut effects = vec![Effect::Reply(Verdict::Accepted)];
                effects.extend(self.fail_and_end(failure));
                effects
            }
            Phase::Invoke { step: Step::Restarting, .. } => vec![Effect::Reply(Verdict::Accepted)],
            Phase::Invoke {
                step: Step::Running | Step::Streaming { .. } | Step::Truncated | Step::Answered,
                ..
            } => refuse_init_error("Running"),
            Phase::Idle { .. } | Phase::Ended => refuse_init_error("Ready"),
        }
    }

    /// The first init failed while processes may still run: kills them and runs init again inside the
    /// invocation, whose timeout begins now.
    fn restart(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        let Phase::Init { request_id, .. } = self.phase else { return vec![] };
        if !self.limits.init_again {
            return self.fail_and_end(failure);
        }
        self.invoke(request_id, Step::Restarting, now);
        vec![Effect::EndInit(Some(InitFailure { phase: "init", failure })), Effect::Kill]
    }

    fn deadline_passed(&mut self, now: Instant) -> Vec<Effect> {
        match self.phase {
            Phase::Init { .. } => {
                let timeout = self.limits.init.unwrap_or_default();
                self.restart(Failure::TimedOut(timeout), now)
            }
            Phase::Invoke { .. } => {
                self.fail_and_end(Failure::TimedOut(self.limits.invoke.unwrap_or_default()))
            }
            Phase::Idle { .. } => self.end(),
            Phase::Ended => vec![],
        }
    }

    /// What comes from processes that are being killed is no failure of those that take their place.
    fn failed(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.phase {
            Phase::Init { .. } => self.restart(failure, now),
            Phase::Invoke { step: Step::Restarting, .. } => vec![],
            Phase::Invoke { .. } | Phase::Idle { .. } | Phase::Ended => self.fail_and_end(failure),
        }
    }

    fn exited(&mut self, status: ExitStatus, now: Instant) -> Vec<Effect> {
        self.failed(Failure::Exited(status), now)
    }

    fn killed(&mut self) -> Vec<Effect> {
        match &mut self.phase {
            Phase::Invoke { step: step @ Step::Restarting, .. } => {
                *step = Step::Init;
                vec![Effect::Start]
            }
            Phase::Init { .. } | Phase::Invoke { .. } | Phase::Idle { .. } | Phase::Ended => vec![],
        }
    }

    /// A program that can't be started can't be started a moment later, so init is not run again.
    fn start_failed(&mut self, failure: Failure) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Phase::Init { .. } = self.phase {
            let failed_init = InitFailure { phase: "init", failure: failure.clone() };
            effects.push(Effect::EndInit(Some(failed_init)));
        }
        effects.extend(self.fail_and_end(failure));
        effects
    }

    fn stop_asked(&mut self) -> Vec<Effect> {
        if let Phase::Invoke { step: Step::Answered, .. } = self.phase {
            let mut effects = vec![Effect::Finish(None)];
            effects.extend(self.end());
            return effects;
        }
        let reason = "mtl stopped before the function answered".to_owned();
        self.fail_and_end(Failure::Service(reason))
    }

    /// Ends the environment; an invocation that has no answer yet gets this failure.
    fn fail_and_end(&mut self, failure: Failure) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.phase {
            Phase::Invoke { step: Step::Init, .. } => {
                let failed_init = InitFailure { phase: "invoke", failure: failure.clone() };
                effects.push(Effect::EndInit(Some(failed_init)));
                effects.push(Effect::Answer(Outcome::Failure(failure)));
                effects.push(Effect::Finish(None));
            }
            Phase::Init { .. }
            | Phase::Invoke {
                step: Step::Running | Step::Streaming { .. } | Step::Truncated | Step::Restarting,
                ..
            } => {
                effects.push(Effect::Answer(Outcome::Failure(failure)));
                effects.push(Effect::Finish(None));
            }
            Phase::Invoke { step: Step::Answered, .. } => {
                effects.push(Effect::Finish(Some(failure)));
            }
            Phase::Idle { .. } | Phase::Ended => {}
        }
        effects.extend(self.end());
        effects
    }

    fn end(&mut self) -> Vec<Effect> {
        if self.is_ended() {
            return vec![];
        }
        self.phase = Phase::Ended;
        vec![Effect::End]
    }
}

fn refuse_init_error(from: &'static str) -> Vec<Effect> {
    vec![Effect::Reply(Verdict::InvalidTransition { from, to: "InitError" })]
}

#[cfg(test)]
mod tests;
