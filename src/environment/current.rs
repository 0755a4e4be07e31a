//! The invocation that an environment runs: its answer goes to the caller as soon as it is there, and its
//! REPORT is written when the runtime is done with it, as on AWS. Knows no HTTP and no processes.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-invoke>

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::environment::body::Body;
use crate::environment::shutdown::ShutdownReason;
use crate::environment::{Assignment, Environment, Lease};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{
    Answer, Completed, Ended, Invocation, Outcome, Ran, Report, Response, ResponseFigures,
};
use crate::telemetry::logs::event::PlatformEvent;

const BYTES_PER_MB: u64 = 1024 * 1024;

/// The invocation that the environment runs, or ran last.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) invocation: Arc<Invocation>,
    is_cold: bool,
    pub(super) lease: Box<dyn Lease>,
    pub(super) reply: Reply,
    /// Whether START has been logged.
    pub(super) started: bool,
    progress: Progress,
}

/// Who waits for the answer.
#[derive(Debug)]
pub(super) enum Reply {
    Awaited(oneshot::Sender<Response>),
    /// The caller has the stream and waits for its end.
    Streaming(oneshot::Sender<Completed>),
    Sent,
}

/// How far it is.
#[derive(Debug)]
enum Progress {
    Running,
    /// The caller has its answer.
    Answered(Answered),
    /// The runtime has asked for the next invocation, or is gone; END is logged.
    Done(Answered, Report),
    Over,
}

/// What the answer was.
#[derive(Debug)]
struct Answered {
    failure: Option<Failure>,
    response: Option<ResponseFigures>,
    ended: oneshot::Sender<Ended>,
}

impl Current {
    pub(super) fn of(Assignment { invocation, is_cold, lease, reply }: Assignment) -> Self {
        let (reply, progress) = (Reply::Awaited(reply), Progress::Running);
        Self { invocation, is_cold, lease, reply, started: false, progress }
    }

    /// Whether the runtime is busy with it.
    fn awaits_runtime(&self) -> bool {
        matches!(self.progress, Progress::Running | Progress::Answered(_))
    }
}

impl Environment {
    /// Gives the caller its answer.
    pub(super) fn answer(&mut self, outcome: Outcome) {
        let (elapsed, ran) = (self.elapsed(), self.ran());
        let Some(current) = &mut self.current else { return };
        if !current.started {
            current.started = true;
            self.log.begin(current.invocation.request_id);
        }
        let (failure, response) = match &outcome {
            Outcome::Success(answer) => (None, Some(figures(answer, elapsed))),
            Outcome::Failure(failure) => (Some(failure.clone()), None),
        };
        let (sender, ended) = oneshot::channel();
        current.progress = Progress::Answered(Answered { failure, response, ended: sender });
        let completed = Completed { ran, outcome, ended };
        current.lease.answered();
        // Nobody may be waiting any more.
        match std::mem::replace(&mut current.reply, Reply::Sent) {
            Reply::Awaited(reply) => drop(reply.send(Response::Complete(completed))),
            Reply::Streaming(complete) => drop(complete.send(completed)),
            Reply::Sent => {}
        }
    }

    /// The runtime is done with an invocation that is answered, or failed after that.
    pub(super) fn runtime_done(&mut self, late: Option<Failure>) {
        self.since = self.lifecycle.since().or(self.since);
        let Some(current) = &mut self.current else { return };
        let mut answered = match std::mem::replace(&mut current.progress, Progress::Over) {
            Progress::Answered(answered) => answered,
            other => return current.progress = other,
        };
        let request_id = current.invocation.request_id;
        answered.failure = late.or(answered.failure);
        // What it wrote until now belongs to the invocation, so it comes before END.
        self.drain();
        let report = self.report(&answered);
        let failure = answered.failure.as_ref();
        if let Some(failure) = failure {
            self.shutdown_reason = ShutdownReason::of(failure).unwrap_or(self.shutdown_reason);
            self.log.platform(&PlatformEvent::Fault { request_id, failure });
        }
        self.log.platform(&PlatformEvent::RuntimeDone { request_id, report: &report, failure });
        if let Some(current) = &mut self.current {
            current.progress = Progress::Done(answered, report);
        }
    }

    /// The invocation is over: the runtime is done, and so are all extensions.
    pub(super) fn finish(&mut self, late: Option<Failure>) {
        let is_runtimes = self.current.as_ref().is_some_and(Current::awaits_runtime);
        self.runtime_done(late.clone().filter(|_| is_runtimes));
        let Some(current) = &mut self.current else { return };
        let request_id = current.invocation.request_id;
        let progress = std::mem::replace(&mut current.progress, Progress::Over);
        let Progress::Done(Answered { failure, ended, .. }, mut report) = progress else { return };
        let of_extension = late.filter(|_| !is_runtimes);
        if let Some(late) = &of_extension {
            self.shutdown_reason = ShutdownReason::of(late).unwrap_or(self.shutdown_reason);
            self.log.platform(&PlatformEvent::Fault { request_id, failure: late });
        }
        let failure = of_extension.or(failure);
        // What extensions do after the runtime is billed too, and ends with the timeout at the latest.
        report.duration = self.lasted(failure.as_ref()).max(report.duration);
        self.log.platform(&PlatformEvent::Report {
            request_id,
            report: &report,
            failure: failure.as_ref(),
        });
        let end = Ended { log_tail: self.log.tail(), failure, report };
        if let Some(current) = &mut self.current {
            current.lease.ended(&end);
        }
        // The caller may have left.
        let _ = ended.send(end);
    }

    /// Where the invocation runs.
    pub(super) fn ran(&self) -> Ran {
        let is_cold = self.current.as_ref().is_some_and(|current| current.is_cold);
        Ran { environment_id: self.log.environment_id(), is_cold }
    }

    /// How long the invocation has taken, which has failed so or not.
    fn lasted(&self, failure: Option<&Failure>) -> Duration {
        match failure {
            // The time it took to notice is not the function's.
            Some(Failure::TimedOut(timeout)) => *timeout,
            _ => self.elapsed(),
        }
    }

    fn report(&mut self, answered: &Answered) -> Report {
        let duration = self.lasted(answered.failure.as_ref());
        let peak = self.body.as_mut().and_then(Body::peak);
        Report {
            duration,
            init_duration: self.init_duration.take(),
            memory_size_mb: self.blueprint.function.memory.mb,
            max_memory_used_mb: peak.map(|bytes| bytes.div_ceil(BYTES_PER_MB)),
            response: answered.response,
        }
    }
}

/// The figures of an answer that is complete this long after the invocation began.
fn figures(Answer { began, bytes, .. }: &Answer, elapsed: Duration) -> ResponseFigures {
    // An answer can't have begun before the invocation did.
    let duration = Instant::now().saturating_duration_since(*began).min(elapsed);
    ResponseFigures { latency: elapsed.saturating_sub(duration), duration, bytes: *bytes }
}
