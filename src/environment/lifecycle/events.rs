//! What happens to an environment, and what its life cycle has it do about that.

use std::process::ExitStatus;

use uuid::Uuid;

use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Answer, Outcome};

/// What happened to the environment.
#[derive(Debug)]
pub(crate) enum Event {
    /// The runtime asked for the next invocation.
    NextPolled,
    /// The data plane assigned an invocation to an idle environment.
    Assigned(Uuid),
    /// The runtime begins to stream its answer to the invocation that it names.
    StreamStarted(Uuid),
    /// The runtime answered the invocation that it names, or is done with streaming.
    Responded(Uuid, ResponseBody),
    /// The runtime posted an error for the invocation that it names.
    ErrorPosted(Uuid, Failure),
    /// The runtime posted an init error.
    InitErrorPosted(Failure),
    /// The time that [`crate::environment::lifecycle::Lifecycle::deadline`] named has come.
    DeadlinePassed,
    /// The runtime or an extension failed in another way, and its process may still run.
    Failed(Failure),
    /// The runtime's process ended by itself, or the runtime that the user has started is gone.
    Exited(ExitStatus),
    /// The processes that [`Effect::Kill`] was for are gone.
    Killed,
    /// The environment, an extension or the runtime could not be started.
    StartFailed(Failure),
    /// There is newer code: the environment takes no more invocations than the one that it has.
    Retired,
    /// mtl is stopping and waits no longer.
    StopAsked,
}

impl Event {
    /// What it is called where the life cycle is watched.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NextPolled => "NextPolled",
            Self::Assigned(_) => "Assigned",
            Self::StreamStarted(_) => "StreamStarted",
            Self::Responded(..) => "Responded",
            Self::ErrorPosted(..) => "ErrorPosted",
            Self::InitErrorPosted(_) => "InitErrorPosted",
            Self::DeadlinePassed => "DeadlinePassed",
            Self::Failed(_) => "Failed",
            Self::Exited(_) => "Exited",
            Self::Killed => "Killed",
            Self::StartFailed(_) => "StartFailed",
            Self::Retired => "Retired",
            Self::StopAsked => "StopAsked",
        }
    }
}

/// An answer's body as it was read, to its end.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// All of it.
    Complete(Answer),
    /// All of it, but a streamed answer whose trailers say that it failed.
    Failed(Failure),
    /// More than a function may answer.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
}

/// What the environment must do. Effects are performed in order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Answer the runtime's POST.
    Reply(Verdict),
    /// Hold the runtime's `/next` until there is an invocation.
    Park,
    /// Give the runtime the invocation, through the `/next` that is held or comes.
    Deliver,
    /// The init phase ended: it succeeded (`None`), or failed. A [`Effect::Kill`] follows where it is run
    /// again.
    EndInit(Option<InitFailure>),
    /// Kill all processes so that others can take their place; [`Event::Killed`] follows.
    Kill,
    /// Start the processes again.
    Start,
    /// Let the runtime stream its answer, and give the caller the stream.
    Stream,
    /// Tell the caller what came of the invocation. The runtime may still be busy with it.
    Answer(Outcome),
    /// The invocation is over: write its REPORT. The failure is one that came after the answer.
    Finish(Option<Failure>),
    /// The environment is free for the next invocation.
    Release,
    /// The environment takes no more invocations: end it.
    End,
}

impl Effect {
    /// What it is called where the life cycle is watched.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Reply(_) => "Reply",
            Self::Park => "Park",
            Self::Deliver => "Deliver",
            Self::EndInit(None) => "EndInit (succeeded)",
            Self::EndInit(Some(_)) => "EndInit (failed)",
            Self::Kill => "Kill",
            Self::Start => "Start",
            Self::Stream => "Stream",
            Self::Answer(_) => "Answer",
            Self::Finish(_) => "Finish",
            Self::Release => "Release",
            Self::End => "End",
        }
    }
}

/// A failed init, as `INIT_REPORT` has it.
#[derive(Debug)]
pub(crate) struct InitFailure {
    /// Whether it ran before the invocation (`init`) or inside it (`invoke`).
    pub(crate) phase: &'static str,
    /// What was wrong; a timeout is [`Failure::TimedOut`].
    pub(crate) failure: Failure,
}

/// The answer to a runtime's POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 202.
    Accepted,
    /// Nothing yet: the runtime may stream an answer of at most so many bytes.
    Proceed {
        /// The most bytes.
        limit: usize,
    },
    /// 400: no such invocation is open here.
    InvalidRequestId,
    /// 400: the body was cut off.
    Truncated,
    /// 403: not allowed in this state.
    InvalidTransition {
        /// The runtime's state, in AWS's spelling.
        from: &'static str,
        /// The state it asked for.
        to: &'static str,
    },
    /// 413: the answer is too large.
    TooLarge,
}
