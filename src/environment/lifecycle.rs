//! The life cycle of an execution environment as a pure state machine: every event gives the
//! effects that the environment must perform. Knows no process, no HTTP and no clock; `now` comes
//! in from outside.
//!
//! `Init` → `Invoke` ⇄ `Idle` → `Ended`. A first init that fails or takes too long is run again
//! inside the invocation, as on AWS; that is the step [`Step::Init`] of `Invoke`.

pub(crate) mod events;

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::lambda::invocation::Outcome;
use crate::lambda::invocation::failure::Failure;
use events::{Effect, Event, InitFailure, ResponseBody, Verdict};

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
    state: State,
}

#[derive(Debug)]
enum State {
    /// The first init. The invocation for which the environment was started waits for it.
    Init {
        request_id: Uuid,
        since: Instant,
        deadline: Option<Instant>,
    },
    Invoke {
        request_id: Uuid,
        since: Instant,
        deadline: Option<Instant>,
        step: Step,
    },
    Idle {
        deadline: Option<Instant>,
    },
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The process of a failed first init is being killed.
    Restarting,
    /// The init phase runs again, under the function's timeout.
    Init,
    /// The runtime has the event, or gets it with its next poll.
    Running,
    /// The runtime streams its answer.
    Streaming {
        /// Whether it has asked for the next invocation meanwhile.
        polled: bool,
    },
    /// The answer was cut off. Whether the runtime died of it, or makes something of it, shows next.
    Truncated,
    /// The caller has its reply; the runtime has not asked for the next invocation yet.
    Answered,
}

impl Lifecycle {
    /// An environment that is started at `now` for the invocation with this request id.
    #[must_use]
    pub(crate) fn new(limits: PhaseLimits, request_id: Uuid, now: Instant) -> Self {
        Self {
            limits,
            end_of_life: limits.life.map(|life| now + life),
            state: State::Init {
                request_id,
                since: now,
                deadline: limits.init.map(|init| now + init),
            },
        }
    }

    /// When to come back with [`Event::DeadlinePassed`].
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Init { deadline, .. }
            | State::Invoke { deadline, .. }
            | State::Idle { deadline } => deadline,
            State::Ended => None,
        }
    }

    /// When the phase that runs began: init, or the invocation. `None` while idle and at the end.
    #[must_use]
    pub(crate) fn since(&self) -> Option<Instant> {
        match self.state {
            State::Init { since, .. } | State::Invoke { since, .. } => Some(since),
            State::Idle { .. } | State::Ended => None,
        }
    }

    /// Whether the environment takes no more invocations.
    #[must_use]
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether the runtime has not asked for an event yet.
    #[must_use]
    pub(crate) fn is_initializing(&self) -> bool {
        matches!(self.state, State::Init { .. } | State::Invoke { step: Step::Init, .. })
    }

    /// Whether the runtime has an event that it has not answered.
    #[must_use]
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Invoke { step: Step::Running | Step::Truncated, .. })
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
            Event::StartFailed(failure) => self.start_failed(failure),
            Event::Retired => self.retired(now),
            Event::StopAsked => self.stop_asked(),
        }
    }

    /// Ends an idle environment; a busy one ends when it is free.
    fn retired(&mut self, now: Instant) -> Vec<Effect> {
        self.end_of_life = Some(now);
        match self.state {
            State::Idle { .. } => self.end(),
            State::Init { .. } | State::Invoke { .. } | State::Ended => vec![],
        }
    }

    fn next_polled(&mut self, now: Instant) -> Vec<Effect> {
        match &mut self.state {
            State::Init { request_id, .. } => {
                let request_id = *request_id;
                self.invoke(request_id, Step::Running, now);
                vec![Effect::EndInit(None), Effect::Deliver]
            }
            // A runtime that asks again without answering gets the same event again.
            State::Invoke { step: step @ (Step::Init | Step::Running), .. } => {
                *step = Step::Running;
                vec![Effect::Deliver]
            }
            State::Invoke { step: Step::Streaming { polled }, .. } => {
                *polled = true;
                vec![Effect::Park]
            }
            State::Invoke { step: Step::Truncated, .. } => {
                let mut effects =
                    vec![Effect::Answer(Outcome::Failure(Failure::TruncatedResponse))];
                effects.extend(self.finish(now));
                effects
            }
            State::Invoke { step: Step::Answered, .. } => self.finish(now),
            State::Invoke { step: Step::Restarting, .. } | State::Idle { .. } | State::Ended => {
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
        self.state = State::Idle { deadline };
        vec![Effect::Park, Effect::Release]
    }

    /// An environment that is not idle keeps quiet: the invocation's reply is dropped, and the data
    /// plane looks for another environment.
    fn assigned(&mut self, request_id: Uuid, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Idle { .. } => {
                self.invoke(request_id, Step::Running, now);
                vec![Effect::Deliver]
            }
            State::Init { .. } | State::Invoke { .. } | State::Ended => vec![],
        }
    }

    fn invoke(&mut self, request_id: Uuid, step: Step, now: Instant) {
        let deadline = self.limits.invoke.map(|invoke| now + invoke);
        self.state = State::Invoke { request_id, since: now, deadline, step };
    }

    fn stream_started(&mut self, id: Uuid) -> Vec<Effect> {
        match &mut self.state {
            State::Invoke { request_id, step: step @ Step::Running, .. } if *request_id == id => {
                *step = Step::Streaming { polled: false };
                vec![Effect::Stream]
            }
            _ => vec![Effect::Reply(self.refusal(id, "InvocationResponse"))],
        }
    }

    fn responded(&mut self, id: Uuid, body: ResponseBody, now: Instant) -> Vec<Effect> {
        if !self.awaits_answer(id) {
            return vec![Effect::Reply(self.refusal(id, "InvocationResponse"))];
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
        if let State::Invoke { step, .. } = &mut self.state {
            *step = Step::Truncated;
        }
        vec![Effect::Reply(Verdict::Truncated)]
    }

    fn error_posted(&mut self, id: Uuid, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Invoke { request_id, step: Step::Running | Step::Truncated, .. }
                if request_id == id =>
            {
                let verdict = match failure {
                    Failure::ResponseTooLarge => Verdict::TooLarge,
                    _ => Verdict::Accepted,
                };
                self.answer(Outcome::Failure(failure), verdict, now)
            }
            _ => vec![Effect::Reply(self.refusal(id, "InvocationErrorResponse"))],
        }
    }

    fn awaits_answer(&self, id: Uuid) -> bool {
        match self.state {
            State::Invoke { request_id, step, .. } => {
                request_id == id && matches!(step, Step::Running | Step::Streaming { .. })
            }
            State::Init { .. } | State::Idle { .. } | State::Ended => false,
        }
    }

    /// Why an answer can't be taken now; the request id is looked at first, as AWS does.
    fn refusal(&self, id: Uuid, to: &'static str) -> Verdict {
        match self.state {
            State::Invoke { request_id, step: Step::Answered, .. } if request_id == id => {
                Verdict::InvalidTransition { from: "RuntimeResponseSentState", to }
            }
            State::Invoke {
                request_id, step: Step::Streaming { .. } | Step::Truncated, ..
            } if request_id == id => Verdict::InvalidTransition { from: "InvocationResponse", to },
            _ => Verdict::InvalidRequestId,
        }
    }

    fn answer(&mut self, outcome: Outcome, verdict: Verdict, now: Instant) -> Vec<Effect> {
        let mut effects = vec![Effect::Answer(outcome), Effect::Reply(verdict)];
        if let State::Invoke { step, .. } = &mut self.state {
            let polled = matches!(step, Step::Streaming { polled: true });
            *step = Step::Answered;
            if polled {
                effects.extend(self.finish(now));
            }
        }
        effects
    }

    fn init_error_posted(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Init { .. } => {
                let mut effects = vec![Effect::Reply(Verdict::Accepted)];
                effects.extend(self.restart(failure, now));
                effects
            }
            State::Invoke { step: Step::Init, .. } => {
                let mut effects = vec![Effect::Reply(Verdict::Accepted)];
                effects.extend(self.fail_and_end(failure));
                effects
            }
            State::Invoke { step: Step::Restarting, .. } => vec![Effect::Reply(Verdict::Accepted)],
            State::Invoke {
                step: Step::Running | Step::Streaming { .. } | Step::Truncated | Step::Answered,
                ..
            } => refuse_init_error("Running"),
            State::Idle { .. } | State::Ended => refuse_init_error("Ready"),
        }
    }

    /// The first init failed while its process may still run: kill it and run init again inside the
    /// invocation, whose timeout begins now.
    fn restart(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        let State::Init { request_id, .. } = self.state else { return vec![] };
        if !self.limits.init_again {
            return self.fail_and_end(failure);
        }
        self.invoke(request_id, Step::Restarting, now);
        vec![Effect::EndInit(Some(InitFailure { phase: "init", failure })), Effect::Kill]
    }

    fn deadline_passed(&mut self, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Init { .. } => {
                let timeout = self.limits.init.unwrap_or_default();
                self.restart(Failure::TimedOut(timeout), now)
            }
            State::Invoke { .. } => {
                self.fail_and_end(Failure::TimedOut(self.limits.invoke.unwrap_or_default()))
            }
            State::Idle { .. } => self.end(),
            State::Ended => vec![],
        }
    }

    fn failed(&mut self, failure: Failure, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Init { .. } => self.restart(failure, now),
            _ => self.fail_and_end(failure),
        }
    }

    fn exited(&mut self, status: ExitStatus, now: Instant) -> Vec<Effect> {
        match &mut self.state {
            State::Init { request_id, .. } if self.limits.init_again => {
                let request_id = *request_id;
                self.invoke(request_id, Step::Init, now);
                let failure = Failure::Exited(status);
                vec![Effect::EndInit(Some(InitFailure { phase: "init", failure })), Effect::Start]
            }
            State::Invoke { step: step @ Step::Restarting, .. } => {
                *step = Step::Init;
                vec![Effect::Start]
            }
            State::Init { .. } | State::Invoke { .. } | State::Idle { .. } => {
                self.fail_and_end(Failure::Exited(status))
            }
            State::Ended => vec![],
        }
    }

    /// A program that can't be started can't be started a moment later, so init is not run again.
    fn start_failed(&mut self, failure: Failure) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let State::Init { .. } = self.state {
            let failed_init = InitFailure { phase: "init", failure: failure.clone() };
            effects.push(Effect::EndInit(Some(failed_init)));
        }
        effects.extend(self.fail_and_end(failure));
        effects
    }

    fn stop_asked(&mut self) -> Vec<Effect> {
        if let State::Invoke { step: Step::Answered, .. } = self.state {
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
        match self.state {
            State::Invoke { step: Step::Init, .. } => {
                let failed_init = InitFailure { phase: "invoke", failure: failure.clone() };
                effects.push(Effect::EndInit(Some(failed_init)));
                effects.push(Effect::Answer(Outcome::Failure(failure)));
                effects.push(Effect::Finish(None));
            }
            State::Init { .. }
            | State::Invoke {
                step: Step::Running | Step::Streaming { .. } | Step::Truncated | Step::Restarting,
                ..
            } => {
                effects.push(Effect::Answer(Outcome::Failure(failure)));
                effects.push(Effect::Finish(None));
            }
            State::Invoke { step: Step::Answered, .. } => {
                effects.push(Effect::Finish(Some(failure)));
            }
            State::Idle { .. } | State::Ended => {}
        }
        effects.extend(self.end());
        effects
    }

    fn end(&mut self) -> Vec<Effect> {
        if self.is_ended() {
            return vec![];
        }
        self.state = State::Ended;
        vec![Effect::End]
    }
}

fn refuse_init_error(from: &'static str) -> Vec<Effect> {
    vec![Effect::Reply(Verdict::InvalidTransition { from, to: "InitError" })]
}

#[cfg(test)]
mod tests;
