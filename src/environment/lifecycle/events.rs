//! What happens to an environment, and what its life cycle has it do about that. Knows no states.

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
    /// The environment failed in another way, and its processes may still run.
    Failed(Failure),
    /// The runtime's process ended.
    Exited(ExitStatus),
    /// The runtime's process could not be started.
    StartFailed(Failure),
    /// There is newer code: the environment takes no more invocations than the one that it has.
    Retired,
    /// mtl is stopping and waits no longer.
    StopAsked,
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
    /// The init phase ended: it succeeded (`None`), or failed and will be run again.
    EndInit(Option<InitFailure>),
    /// Kill the runtime's processes; [`Event::Exited`] follows.
    Kill,
    /// Start the runtime's process again.
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
