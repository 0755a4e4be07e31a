//! Asynchronous invocations: accepted at once, run as often as AWS would, and told to a destination
//! when they have come to their end. Knows no HTTP requests and no environments.
//!
//! The queue is in memory: what a stop can't finish is dropped, and named.

pub(crate) mod destination;
mod record;
pub(crate) mod retry;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::data_plane::placement::Tenant;
use crate::data_plane::{DataPlane, Refusal};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{self, Completed, Invocation, Outcome};
use crate::telemetry::lambda_metrics::LambdaMetrics;
use destination::{DeliveryError, Destination};
use record::{LastAttempt, record};
use retry::{Condition, Ended, History, Next, Schedule};

/// How much may wait, in KiB of payload; an event counts for one more than it has. So there are never
/// more than 256 MB or 262,144 events in the queue.
const CAPACITY_KIB: usize = 256 * 1024;

/// How asynchronous invocations are treated.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// When an event is tried again.
    pub(crate) schedule: Schedule,
    /// Whether the function may not run at all (reserved concurrency 0): then an event goes straight
    /// to the failure destination.
    pub(crate) never_runs: bool,
    /// Gets the records of events that succeeded.
    pub(crate) on_success: Option<Destination>,
    /// Gets the records of events that were given up.
    pub(crate) on_failure: Option<Destination>,
}

/// What happened to events since `serve` began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Events that were accepted.
    pub(crate) received: u64,
    /// Events that were given up without success.
    pub(crate) dropped: u64,
    /// Events in the queue now.
    pub(crate) depth: u64,
    /// The most time that an event spent in the queue before its first attempt.
    pub(crate) greatest_age: Duration,
}

/// An event that a stop dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// The request id that its sender got.
    pub(crate) request_id: Uuid,
    /// The tenant it was for.
    pub(crate) tenant: Tenant,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The event queue of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    data_plane: DataPlane,
    settings: Settings,
    capacity: Arc<Semaphore>,
    /// One task for each event.
    events: TaskTracker,
    stopping: CancellationToken,
    /// Whatever waits or runs now is dropped.
    cut: CancellationToken,
    failed_deliveries: mpsc::UnboundedSender<DeliveryError>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    waiting: HashMap<Uuid, Tenant>,
    /// When a stop cuts; until then an event may wait for its next attempt.
    last_attempt: Option<Instant>,
    dropped: Vec<Dropped>,
}

impl EventQueue {
    /// An empty queue. What is sent says which records could not be delivered.
    #[must_use]
    pub(crate) fn new(
        data_plane: DataPlane,
        settings: Settings,
        failed_deliveries: mpsc::UnboundedSender<DeliveryError>,
    ) -> Self {
        let shared = Shared {
            data_plane,
            settings,
            capacity: Arc::new(Semaphore::new(CAPACITY_KIB)),
            events: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            failed_deliveries,
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes an event, whose invocation begins at once where the function has room for it.
    ///
    /// # Errors
    ///
    /// When the queue is full, or mtl is stopping.
    pub(crate) fn accept(&self, invocation: Invocation) -> Result<(), Full> {
        if self.shared.stopping.is_cancelled() {
            return Err(Full);
        }
        let size = u32::try_from(invocation.payload.len() / 1024 + 1).unwrap_or(u32::MAX);
        let capacity = self.shared.capacity.clone();
        let room = capacity.try_acquire_many_owned(size).map_err(|_| Full)?;
        let mut state = self.state();
        state.counts.received += 1;
        self.metrics().event_received(invocation.tenant_id.as_ref());
        state.waiting.insert(invocation.request_id, invocation.tenant_id.clone());
        drop(state);
        self.shared.events.spawn(self.clone().run(invocation, room));
        Ok(())
    }

    /// The life of an event.
    async fn run(self, invocation: Invocation, room: OwnedSemaphorePermit) {
        let end = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => None,
            end = self.attempts(&invocation) => end,
        };
        self.note_end(&invocation, end.as_ref().map(|(condition, ..)| *condition));
        drop(room);
        if let Some((condition, history, last)) = end {
            self.deliver(&invocation, condition, history, &last).await;
        }
    }

    fn note_end(&self, invocation: &Invocation, condition: Option<Condition>) {
        let mut state = self.state();
        state.waiting.remove(&invocation.request_id);
        if condition != Some(Condition::Success) {
            state.counts.dropped += 1;
            self.metrics().event_dropped(invocation.tenant_id.as_ref());
        }
        if condition.is_none() {
            let tenant = invocation.tenant_id.clone();
            state.dropped.push(Dropped { request_id: invocation.request_id, tenant });
        }
    }

    /// Tries until the event has come to its end; `None` when a stop leaves no time for that.
    async fn attempts(&self, invocation: &Invocation) -> Option<(Condition, History, LastAttempt)> {
        let accepted = Instant::now();
        let mut history = History::default();
        if self.shared.settings.never_runs {
            let refused = LastAttempt::Refused(429);
            return Some((Condition::RetriesExhausted, history, refused));
        }
        loop {
            self.note_age(accepted.elapsed(), history);
            self.metrics().event_leaves(invocation.tenant_id.as_ref(), accepted.elapsed());
            let (ended, last) = self.attempt(invocation).await;
            match ended {
                Ended::Success => {}
                Ended::FunctionError => history.function_errors += 1,
                Ended::Refused => history.refusals += 1,
            }
            match self.shared.settings.schedule.next(ended, history, accepted.elapsed()) {
                Next::Deliver(condition) => return Some((condition, history, last)),
                Next::Retry(delay) => self.wait(delay).await?,
            }
        }
    }

    fn note_age(&self, age: Duration, history: History) {
        if history == History::default() {
            let counts = &mut self.state().counts;
            counts.greatest_age = counts.greatest_age.max(age);
        }
    }

    async fn attempt(&self, invocation: &Invocation) -> (Ended, LastAttempt) {
        match self.shared.data_plane.invoke(invocation.clone()).await {
            Err(Refusal::Throttled(_)) => (Ended::Refused, LastAttempt::Refused(429)),
            Err(Refusal::Stopping) => (Ended::Refused, LastAttempt::Refused(500)),
            Ok(completed) => match finally(completed).await {
                outcome @ Outcome::Success(_) => (Ended::Success, LastAttempt::Invoked(outcome)),
                Outcome::Failure(Failure::Service(_)) => {
                    (Ended::Refused, LastAttempt::Refused(500))
                }
                outcome @ Outcome::Failure(_) => {
                    (Ended::FunctionError, LastAttempt::Invoked(outcome))
                }
            },
        }
    }

    /// Waits for the next attempt; `None` when mtl will have stopped by then.
    async fn wait(&self, delay: Duration) -> Option<()> {
        let next = Instant::now() + delay;
        tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => {}
            () = tokio::time::sleep_until(next.into()) => return Some(()),
        }
        let in_time = self.state().last_attempt.is_some_and(|last| next <= last);
        if in_time {
            tokio::time::sleep_until(next.into()).await;
        }
        in_time.then_some(())
    }

    async fn deliver(
        &self,
        invocation: &Invocation,
        condition: Condition,
        history: History,
        last: &LastAttempt,
    ) {
        let settings = &self.shared.settings;
        let (destination, invocations) = match condition {
            Condition::Success => (&settings.on_success, history.invocations() + 1),
            Condition::RetriesExhausted | Condition::EventAgeExceeded => {
                (&settings.on_failure, history.invocations())
            }
        };
        let Some(destination) = destination else { return };
        let function = self.shared.data_plane.function();
        let record = record(function, invocation, condition, invocations, last);
        if let Err(error) = destination.deliver(&function.name, record).await {
            // Whoever serves tells it; without anyone who does, there is no one to tell.
            let _ = self.shared.failed_deliveries.send(error);
        }
    }

    /// What happened so far.
    #[must_use]
    pub(crate) fn counts(&self) -> Counts {
        let state = self.state();
        Counts { depth: state.waiting.len() as u64, ..state.counts }
    }

    /// Takes no more events. Those that can be finished within the grace period are, and `cut` ends
    /// that early; the others are dropped and returned.
    pub(crate) async fn stop(&self, grace: Duration, cut: &CancellationToken) -> Vec<Dropped> {
        self.state().last_attempt = Some(Instant::now() + grace);
        self.shared.stopping.cancel();
        self.shared.events.close();
        tokio::select! {
            () = self.shared.events.wait() => {}
            () = cut.cancelled() => {}
            () = tokio::time::sleep(grace) => {}
        }
        self.shared.cut.cancel();
        self.shared.events.wait().await;
        std::mem::take(&mut self.state().dropped)
    }

    fn metrics(&self) -> &LambdaMetrics {
        self.shared.data_plane.metrics()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed in single steps: a panic elsewhere leaves nothing half done.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an attempt has come to once it is over: a function may fail after its answer too.
async fn finally(completed: Completed) -> Outcome {
    match completed.ended.await {
        Ok(invocation::Ended { failure: Some(failure), .. }) => Outcome::Failure(failure),
        _ => completed.outcome,
    }
}
