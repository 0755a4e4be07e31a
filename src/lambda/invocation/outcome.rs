//! What comes of an invocation: the answer or the failure, the environment that ran it, and its end.

use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::report::Report;

/// How an invocation ended. Either way Lambda answers it with status 200.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The function answered.
    Success(Answer),
    /// The function failed; `X-Amz-Function-Error: Unhandled`.
    Failure(Failure),
}

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The payload as it came; empty where it went through a [`Response::Streaming`].
    pub(crate) payload: Bytes,
    /// When the runtime began to send it.
    pub(crate) began: Instant,
    /// How many bytes it sent.
    pub(crate) bytes: usize,
}

/// What comes back from an environment.
#[derive(Debug)]
pub(crate) enum Response {
    /// All of the answer.
    Complete(Completed),
    /// The function streams its answer.
    Streaming {
        /// The answer, piece by piece as the function writes it. While the receiver isn't read, the function
        /// has to wait; when the receiver is dropped, the function goes on.
        chunks: mpsc::Receiver<Bytes>,
        /// What came of the invocation; closed without one when mtl is killed.
        completed: oneshot::Receiver<Completed>,
        /// The environment that runs it.
        ran: Ran,
    },
}

impl Response {
    /// The environment that answers.
    #[must_use]
    pub(crate) fn ran(&self) -> Ran {
        match self {
            Self::Complete(completed) => completed.ran,
            Self::Streaming { ran, .. } => *ran,
        }
    }

    /// Waits for the whole answer. `None` when the environment ended without one.
    pub(crate) async fn collect(self) -> Option<Completed> {
        let (mut chunks, completed) = match self {
            Self::Complete(completed) => return Some(completed),
            Self::Streaming { chunks, completed, .. } => (chunks, completed),
        };
        let mut payload = BytesMut::new();
        while let Some(chunk) = chunks.recv().await {
            payload.extend_from_slice(&chunk);
        }
        let mut completed = completed.await.ok()?;
        if let Outcome::Success(answer) = &mut completed.outcome {
            answer.payload = payload.freeze();
        }
        Some(completed)
    }
}

/// Which environment runs an invocation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    /// Its id.
    pub(crate) environment_id: Uuid,
    /// Whether it was started for the invocation.
    pub(crate) is_cold: bool,
}

/// What came of an invocation. Its runtime may still be busy with it.
#[derive(Debug)]
pub(crate) struct Completed {
    /// The environment that ran it.
    pub(crate) ran: Ran,
    /// What the caller gets.
    pub(crate) outcome: Outcome,
    /// The end of the invocation; closed without one when mtl is killed.
    pub(crate) ended: oneshot::Receiver<Ended>,
}

impl Completed {
    /// Waits for the end, and returns the last 4 KB of what was logged from START to REPORT.
    pub(crate) async fn log_tail(&mut self) -> Bytes {
        (&mut self.ended).await.map(|ended| ended.log_tail).unwrap_or_default()
    }
}

/// An invocation that is over: its runtime has asked for the next one, or is gone.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The last 4 KB of what was logged for it, from START to REPORT.
    pub(crate) log_tail: Bytes,
    /// What went wrong, before the answer or after it.
    pub(crate) failure: Option<Failure>,
    /// What REPORT says of it.
    pub(crate) report: Report,
}
