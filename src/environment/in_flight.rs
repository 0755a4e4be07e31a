//! The invocation that an environment runs: its answer goes to the caller as soon as it is there, and its
//! REPORT is written when the runtime and the extensions are done with it, as on AWS.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-invoke>

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::environment::assignment::{Assignment, Lease};
use crate::environment::shutdown::ShutdownReason;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{
    Answer, Completed, Ended, Invocation, Outcome, Ran, Report, Response, ResponseFigures,
};
use crate::telemetry::logs::LogStream;
use crate::telemetry::logs::PlatformEvent;

const BYTES_PER_MB: u64 = 1024 * 1024;

/// An invocation in an environment, from its assignment until the environment is free.
#[derive(Debug)]
pub(crate) struct InFlight {
    invocation: Arc<Invocation>,
    is_cold: bool,
    lease: Box<dyn Lease>,
    caller: Caller,
    /// Whether START has been logged.
    has_started: bool,
    /// When the phase began that runs, or ran last: init, or the invocation.
    since: Instant,
    /// How long the init phase took; only for the invocation that waited for it.
    init_duration: Option<Duration>,
    progress: InvocationProgress,
    shutdown_reason: ShutdownReason,
}

/// Who waits for the answer.
#[derive(Debug)]
enum Caller {
    /// The caller, for the answer or the beginning of one.
    Waits(oneshot::Sender<Response>),
    /// The caller has the stream and waits for its end.
    Reads(oneshot::Sender<Completed>),
    /// Nobody any more.
    IsAnswered,
}

/// How far an invocation is.
#[derive(Debug)]
enum InvocationProgress {
    /// The caller has no answer yet.
    Running,
    /// The caller has its answer.
    Answered(Answered),
    /// The runtime has asked for the next invocation, or is gone. END is logged.
    RuntimeDone(Answered, Report),
    /// REPORT is logged.
    Over,
}

/// What the answer was.
#[derive(Debug)]
struct Answered {
    failure: Option<Failure>,
    response: Option<ResponseFigures>,
    ended: oneshot::Sender<Ended>,
}

/// The memory of an environment, as REPORT tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryFigures {
    /// The memory size, in MB.
    pub(crate) size_mb: u32,
    /// The most that was used, in bytes; `None` where the system can't tell.
    pub(crate) peak: Option<u64>,
}

impl InFlight {
    /// An invocation that has just been assigned.
    #[must_use]
    pub(crate) fn new(assignment: Assignment) -> Self {
        let Assignment { invocation, is_cold, lease, reply } = assignment;
        Self {
            invocation,
            is_cold,
            lease,
            caller: Caller::Waits(reply),
            has_started: false,
            since: Instant::now(),
            init_duration: None,
            progress: InvocationProgress::Running,
            shutdown_reason: ShutdownReason::default(),
        }
    }

    /// The invocation.
    #[must_use]
    pub(crate) fn invocation(&self) -> &Arc<Invocation> {
        &self.invocation
    }

    /// Its id.
    #[must_use]
    pub(crate) fn request_id(&self) -> Uuid {
        self.invocation.request_id
    }

    /// Says when the phase began that runs.
    pub(crate) fn phase_began(&mut self, since: Instant) {
        self.since = since;
    }

    /// How long the phase has lasted.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// The init phase that it waited for succeeded, in this time.
    pub(crate) fn initialized(&mut self, duration: Duration) {
        self.init_duration = Some(duration);
    }

    /// Logs START, the first time. Returns whether it was the first time.
    pub(crate) fn start(&mut self, log: &LogStream) -> bool {
        let is_first = !std::mem::replace(&mut self.has_started, true);
        if is_first {
            log.begin(self.request_id());
        }
        is_first
    }

    /// Gives the caller the stream. Whoever waits for the whole answer collects it there. Returns how
    /// many bytes the stream may have at most.
    pub(crate) fn stream(&mut self, chunks: mpsc::Receiver<Bytes>, log: &LogStream) -> usize {
        let (complete, completed) = oneshot::channel();
        let caller = std::mem::replace(&mut self.caller, Caller::Reads(complete));
        if let Caller::Waits(reply) = caller {
            let ran = self.ran(log);
            // A caller that has left is no reason to stop the function.
            let _ = reply.send(Response::Streaming { chunks, completed, ran });
        }
        self.invocation.response_mode.limit()
    }

    /// Gives the caller its answer.
    pub(crate) fn answer(&mut self, outcome: Outcome, log: &LogStream) {
        let (elapsed, ran) = (self.elapsed(), self.ran(log));
        self.start(log);
        let (failure, response) = match &outcome {
            Outcome::Success(answer) => (None, Some(figures(answer, elapsed))),
            Outcome::Failure(failure) => (Some(failure.clone()), None),
        };
        let (sender, ended) = oneshot::channel();
        let answered = Answered { failure, response, ended: sender };
        self.progress = InvocationProgress::Answered(answered);
        let completed = Completed { ran, outcome, ended };
        self.lease.answered();
        // Nobody may be waiting any more.
        match std::mem::replace(&mut self.caller, Caller::IsAnswered) {
            Caller::Waits(reply) => drop(reply.send(Response::Complete(completed))),
            Caller::Reads(complete) => drop(complete.send(completed)),
            Caller::IsAnswered => {}
        }
    }

    /// Whether it is answered, and the runtime is not done with it.
    #[must_use]
    pub(crate) fn awaits_runtime(&self) -> bool {
        matches!(self.progress, InvocationProgress::Answered(_))
    }

    /// The runtime is done with an invocation that is answered: logs END. All that the runtime has
    /// written until now belongs to the invocation, and has to be logged before.
    pub(crate) fn runtime_done(&mut self, memory: MemoryFigures, log: &LogStream) {
        self.runtime_done_after(None, memory, log);
    }

    /// As [`InFlight::runtime_done`], where the runtime may have failed after its answer.
    fn runtime_done_after(
        &mut self,
        late: Option<Failure>,
        memory: MemoryFigures,
        log: &LogStream,
    ) {
        let mut answered = match std::mem::replace(&mut self.progress, InvocationProgress::Over) {
            InvocationProgress::Answered(answered) => answered,
            other => return self.progress = other,
        };
        answered.failure = late.or(answered.failure);
        let report = Report {
            duration: self.duration(answered.failure.as_ref()),
            init_duration: self.init_duration.take(),
            memory_size_mb: memory.size_mb,
            max_memory_used_mb: memory.peak.map(|bytes| bytes.div_ceil(BYTES_PER_MB)),
            response: answered.response,
        };
        let failure = answered.failure.as_ref();
        if let Some(failure) = failure {
            self.fault(failure, log);
        }
        let request_id = self.request_id();
        log.platform(&PlatformEvent::RuntimeDone { request_id, report: &report, failure });
        self.progress = InvocationProgress::RuntimeDone(answered, report);
    }

    /// The invocation is over, since the runtime and all extensions are done, or one of them failed
    /// after the answer: logs REPORT and tells the caller. The memory is needed if the runtime was not
    /// known to be done until now.
    pub(crate) fn finish(
        &mut self,
        late: Option<Failure>,
        memory: Option<MemoryFigures>,
        log: &LogStream,
    ) {
        let of_extension = match memory {
            Some(memory) => {
                self.runtime_done_after(late, memory, log);
                None
            }
            None => late,
        };
        let progress = std::mem::replace(&mut self.progress, InvocationProgress::Over);
        let InvocationProgress::RuntimeDone(answered, mut report) = progress else { return };
        if let Some(late) = &of_extension {
            self.fault(late, log);
        }
        let failure = of_extension.or(answered.failure);
        // What extensions do after the runtime is billed too, and ends with the timeout at the latest.
        report.duration = self.duration(failure.as_ref()).max(report.duration);
        log.platform(&PlatformEvent::Report {
            request_id: self.request_id(),
            report: &report,
            failure: failure.as_ref(),
        });
        let ended = Ended { log_tail: log.tail(), failure, report };
        self.lease.ended(&ended);
        // The caller may have left.
        let _ = answered.ended.send(ended);
    }

    /// The environment is free for the next invocation.
    pub(crate) fn release(self) {
        self.lease.release();
    }

    /// Why the environment ends, if it ends with this invocation.
    #[must_use]
    pub(crate) fn shutdown_reason(&self) -> ShutdownReason {
        self.shutdown_reason
    }

    fn fault(&mut self, failure: &Failure, log: &LogStream) {
        if let Some(reason) = ShutdownReason::after(failure) {
            self.shutdown_reason = reason;
        }
        log.platform(&PlatformEvent::Fault { request_id: self.request_id(), failure });
    }

    fn ran(&self, log: &LogStream) -> Ran {
        Ran { environment_id: log.environment_id(), is_cold: self.is_cold }
    }

    /// How long the invocation has taken, which failed like this, or has not failed.
    fn duration(&self, failure: Option<&Failure>) -> Duration {
        match failure {
            // The time it took to notice is not the function's.
            Some(Failure::TimedOut(timeout)) => *timeout,
            _ => self.elapsed(),
        }
    }
}

/// The figures of an answer that is complete this long after the invocation began.
fn figures(Answer { began, bytes, .. }: &Answer, elapsed: Duration) -> ResponseFigures {
    // An answer can't have begun before the invocation did.
    let duration = Instant::now().saturating_duration_since(*began).min(elapsed);
    ResponseFigures { latency: elapsed.saturating_sub(duration), duration, bytes: *bytes }
}
