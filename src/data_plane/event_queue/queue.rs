//! The queue of one function: takes events, runs each until it has come to its end, and lets a stop
//! finish what it can.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::data_plane::dispatch::{DataPlane, Refusal};
use crate::data_plane::event_queue::delivery::Deliveries;
use crate::data_plane::event_queue::destination::{DeliveryError, Destination};
use crate::data_plane::event_queue::record::{EventEnd, LastAttempt};
use crate::data_plane::event_queue::retry::{AttemptEnd, Condition, History, Next, Schedule};
use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{self, Completed, Invocation, Outcome};
use crate::system::notifier::Notifier;
use crate::telemetry::lambda_metrics::LambdaMetrics;

/// How much may wait, in KiB of payload; an event counts for one more than it has. So there are never
/// more than 256 MB or 262,144 events in the queue.
const CAPACITY_KIB: usize = 256 * 1024;

/// How asynchronous invocations are treated.
#[derive(Clone, Debug)]
pub(crate) struct EventQueueSettings {
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

/// What happened to events since the emulator started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventCounts {
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
pub(crate) struct DroppedEvent {
    /// The request id that its sender got.
    pub(crate) request_id: Uuid,
    /// The tenant it was for.
    pub(crate) tenant: Option<TenantId>,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

/// The event queue of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct EventQueue {
    shared: Arc<QueueParts>,
}

/// What all clones of a queue have in common.
#[derive(Debug)]
struct QueueParts {
    data_plane: DataPlane,
    schedule: Schedule,
    never_runs: bool,
    deliveries: Deliveries,
    capacity: Arc<Semaphore>,
    /// One task for each event.
    events: TaskTracker,
    stopping: CancellationToken,
    /// Whatever waits or runs now is dropped.
    cut: CancellationToken,
    state: Mutex<QueueState>,
}

#[derive(Debug, Default)]
struct QueueState {
    counts: EventCounts,
    waiting: HashMap<Uuid, Option<TenantId>>,
    /// When a stop cuts; until then an event may wait for its next attempt.
    last_attempt: Option<Instant>,
    dropped: Vec<DroppedEvent>,
}

impl EventQueue {
    /// An empty queue. The notifier is told which records could not be delivered.
    #[must_use]
    pub(crate) fn new(
        data_plane: DataPlane,
        settings: EventQueueSettings,
        failed_deliveries: Notifier<DeliveryError>,
    ) -> Self {
        let EventQueueSettings { schedule, never_runs, on_success, on_failure } = settings;
        let function = Arc::clone(data_plane.function());
        let deliveries = Deliveries::new(function, on_success, on_failure, failed_deliveries);
        let shared = QueueParts {
            data_plane,
            schedule,
            never_runs,
            deliveries,
            capacity: Arc::new(Semaphore::new(CAPACITY_KIB)),
            events: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes an event, whose invocation begins at once where the function has room for it.
    ///
    /// # Errors
    ///
    /// When the queue is full, or mtl is stopping.
    pub(crate) fn accept(&self, invocation: Invocation) -> Result<(), QueueFull> {
        if self.shared.stopping.is_cancelled() {
            return Err(QueueFull);
        }
        let size = u32::try_from(invocation.payload.len() / 1024 + 1).unwrap_or(u32::MAX);
        let capacity = self.shared.capacity.clone();
        let room = capacity.try_acquire_many_owned(size).map_err(|_| QueueFull)?;
        let mut state = self.state();
        state.counts.received += 1;
        self.metrics().event_received(invocation.tenant_id.as_ref());
        state.waiting.insert(invocation.request_id, invocation.tenant_id.clone());
        drop(state);
        let Invocation { request_id, tenant_id, .. } = &invocation;
        tracing::debug!(%request_id, ?tenant_id, "event accepted");
        self.shared.events.spawn(self.clone().run(invocation, room));
        Ok(())
    }

    /// The life of an event. It has its room in the queue until its record is delivered.
    async fn run(self, invocation: Invocation, room: OwnedSemaphorePermit) {
        let end = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => None,
            end = self.attempts(&invocation) => end,
        };
        self.note_end(&invocation, end.as_ref().map(|end| end.condition));
        if let Some(end) = end {
            self.shared.deliveries.deliver(&invocation, &end, &self.shared.cut).await;
        }
        self.state().waiting.remove(&invocation.request_id);
        drop(room);
    }

    /// Takes note of what the event has come to; `None` is that it was dropped.
    fn note_end(&self, invocation: &Invocation, condition: Option<Condition>) {
        let Invocation { request_id, tenant_id, .. } = invocation;
        tracing::debug!(%request_id, ?tenant_id, ?condition, "event ended");
        let mut state = self.state();
        if condition != Some(Condition::Success) {
            state.counts.dropped += 1;
            self.metrics().event_dropped(tenant_id.as_ref());
        }
        if condition.is_none() {
            let (request_id, tenant) = (*request_id, tenant_id.clone());
            state.dropped.push(DroppedEvent { request_id, tenant });
        }
    }

    /// Tries until the event has come to its end; `None` when a stop leaves no time for that.
    async fn attempts(&self, invocation: &Invocation) -> Option<EventEnd> {
        let accepted = Instant::now();
        let mut history = History::default();
        if self.shared.never_runs {
            let (condition, last) = (Condition::RetriesExhausted, LastAttempt::Refused(429));
            return Some(EventEnd { condition, history, last });
        }
        loop {
            self.note_age(accepted.elapsed(), history);
            self.metrics().event_leaves(invocation.tenant_id.as_ref(), accepted.elapsed());
            let last = self.attempt(invocation).await;
            let ended = last.ended();
            match ended {
                AttemptEnd::Success => {}
                AttemptEnd::FunctionError => history.function_errors += 1,
                AttemptEnd::Refused => history.refusals += 1,
            }
            let next = self.shared.schedule.next(ended, history, accepted.elapsed());
            tracing::debug!(request_id = %invocation.request_id, ?ended, ?next, "event was tried");
            match next {
                Next::Deliver(condition) => return Some(EventEnd { condition, history, last }),
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

    async fn attempt(&self, invocation: &Invocation) -> LastAttempt {
        match self.shared.data_plane.invoke(invocation.clone()).await {
            Err(Refusal::Throttled(_)) => LastAttempt::Refused(429),
            Err(Refusal::Stopping) => LastAttempt::Refused(500),
            Ok(completed) => match finally(completed).await {
                Outcome::Failure(Failure::Service(_)) => LastAttempt::Refused(500),
                outcome => LastAttempt::Invoked(outcome),
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

    /// What happened so far.
    #[must_use]
    pub(crate) fn counts(&self) -> EventCounts {
        let state = self.state();
        EventCounts { depth: state.waiting.len() as u64, ..state.counts }
    }

    /// Takes no more events. Events that come to their end within the grace period are finished, and
    /// `cut` ends that period early; the others are dropped and returned.
    pub(crate) async fn stop(&self, grace: Duration, cut: &CancellationToken) -> Vec<DroppedEvent> {
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

    fn state(&self) -> MutexGuard<'_, QueueState> {
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
