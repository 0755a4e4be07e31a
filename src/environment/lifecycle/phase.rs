//! Where an environment is in its life, and what can be told from that alone.

use std::time::Instant;

use uuid::Uuid;

use crate::environment::lifecycle::events::Verdict;

/// The phases of an environment's life, as AWS has them, and its end.
#[derive(Debug)]
pub(super) enum Phase {
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

/// How far an invocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The processes of a failed first init are being killed.
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

impl Phase {
    /// When its time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match *self {
            Self::Init { deadline, .. }
            | Self::Invoke { deadline, .. }
            | Self::Idle { deadline } => deadline,
            Self::Ended => None,
        }
    }

    /// When it began: init, or the invocation. `None` while idle and at the end.
    pub(super) fn since(&self) -> Option<Instant> {
        match *self {
            Self::Init { since, .. } | Self::Invoke { since, .. } => Some(since),
            Self::Idle { .. } | Self::Ended => None,
        }
    }

    /// Whether the invocation with this request id waits for an answer.
    pub(super) fn awaits_answer(&self, id: Uuid) -> bool {
        match *self {
            Self::Invoke { request_id, step, .. } => {
                request_id == id && matches!(step, Step::Running | Step::Streaming { .. })
            }
            Self::Init { .. } | Self::Idle { .. } | Self::Ended => false,
        }
    }

    /// Why an answer can't be taken now; the request id is looked at first, as AWS does.
    pub(super) fn refusal(&self, id: Uuid, to: &'static str) -> Verdict {
        match *self {
            Self::Invoke { request_id, step: Step::Answered, .. } if request_id == id => {
                Verdict::InvalidTransition { from: "RuntimeResponseSentState", to }
            }
            Self::Invoke { request_id, step: Step::Streaming { .. } | Step::Truncated, .. }
                if request_id == id =>
            {
                Verdict::InvalidTransition { from: "InvocationResponse", to }
            }
            _ => Verdict::InvalidRequestId,
        }
    }
}
