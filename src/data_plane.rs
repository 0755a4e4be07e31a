//! The data plane: every invocation comes through [`DataPlane::invoke`], which finds an idle
//! environment of its tenant, starts one, or throttles. Knows no HTTP and no processes.

pub(crate) mod placement;

pub(crate) mod event_queue;

pub(crate) mod functions;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::data_plane::placement::{Limits, Placed, Placement, Tenant, ThrottleReason, Wish};
use crate::environment::advice::Advice;
use crate::environment::blueprint::{Blueprint, Runtimes};
use crate::environment::{Assignment, Environment, Handle};
use crate::lambda::function::Function;
use crate::lambda::invocation::{Completed, Ended, Invocation, Response};
use crate::telemetry::lambda_metrics::{LambdaMetrics, RunningInvocation};

/// How long an invocation waits for an environment that has answered and is about to be free.
const SETTLING: Duration = Duration::from_millis(20);

/// How many tenants the summary tells apart; the rest is counted together.
const SUMMARY_TENANTS: usize = 10_000;

/// Why an invocation did not reach an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A limit on environments or concurrent executions is reached.
    Throttled(ThrottleReason),
    /// mtl is stopping.
    Stopping,
}

/// The environments of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct DataPlane {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    blueprint: Arc<Blueprint>,
    metrics: LambdaMetrics,
    /// Invocations and environments; empty when all have ended.
    tasks: TaskTracker,
    /// No new invocations are taken.
    stopping: CancellationToken,
    /// The environments have been told to end.
    cut: CancellationToken,
    /// Wakes whoever waits for the invocations to end.
    quieter: Notify,
    /// Never held across an await.
    fleet: Mutex<Fleet>,
}

#[derive(Debug)]
struct Fleet {
    placement: Placement,
    handles: HashMap<Uuid, Handle>,
    counts: BTreeMap<Tenant, Counts>,
}

/// What happened for a tenant since `serve` began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Invocations that ran, failed ones included.
    pub(crate) invocations: u64,
    /// Invocations that ended in a function error.
    pub(crate) errors: u64,
    /// Invocations that were throttled.
    pub(crate) throttles: u64,
    /// Environments that were started.
    pub(crate) environments: u64,
}

impl DataPlane {
    /// A data plane without environments.
    #[must_use]
    pub(crate) fn new(blueprint: Blueprint, limits: Limits, metrics: LambdaMetrics) -> Self {
        let fleet = Fleet {
            placement: Placement::new(limits, Instant::now()),
            handles: HashMap::new(),
            counts: BTreeMap::new(),
        };
        let shared = Shared {
            blueprint: Arc::new(blueprint),
            metrics,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
            quieter: Notify::new(),
            fleet: Mutex::new(fleet),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The function it runs.
    #[must_use]
    pub(crate) fn function(&self) -> &Arc<Function> {
        &self.shared.blueprint.function
    }

    /// What publishes its metrics.
    #[must_use]
    pub(crate) fn metrics(&self) -> &LambdaMetrics {
        &self.shared.metrics
    }

    /// Runs the function once and waits for all of its answer. The invocation goes on when the caller
    /// stops waiting, as on AWS.
    ///
    /// # Errors
    ///
    /// When the invocation is throttled, or mtl is stopping.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Completed, Refusal> {
        self.start_invocation(invocation).await?.collect().await.ok_or(Refusal::Stopping)
    }

    /// Runs the function once and returns as soon as there is an answer, or the beginning of one.
    ///
    /// # Errors
    ///
    /// As [`DataPlane::invoke`].
    pub(crate) async fn start_invocation(
        &self,
        invocation: Invocation,
    ) -> Result<Response, Refusal> {
        if self.shared.stopping.is_cancelled() {
            return Err(Refusal::Stopping);
        }
        let (reply, replied) = oneshot::channel();
        self.shared.tasks.spawn(self.clone().run(Arc::new(invocation), reply));
        replied.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// From the search for an environment until that environment is free again. That the caller has
    /// left is no reason to end, here and below.
    async fn run(
        self,
        invocation: Arc<Invocation>,
        caller: oneshot::Sender<Result<Response, Refusal>>,
    ) {
        let tenant = &invocation.tenant_id;
        let Begun { id, response, running, freed } = match self.place(&invocation).await {
            Ok(begun) => begun,
            Err(refusal) => {
                self.shared.quieter.notify_waiters();
                let _ = caller.send(Err(refusal));
                return;
            }
        };
        match response {
            Response::Complete(mut completed) => {
                self.fleet().placement.settled(id);
                let ended = Relay::of(&mut completed);
                let _ = caller.send(Ok(Response::Complete(completed)));
                self.ended(tenant, running, ended).await;
            }
            Response::Streaming { chunks, completed, ran } => {
                let (complete, for_caller) = oneshot::channel();
                let response = Response::Streaming { chunks, completed: for_caller, ran };
                let _ = caller.send(Ok(response));
                if let Ok(mut completed) = completed.await {
                    self.fleet().placement.settled(id);
                    let ended = Relay::of(&mut completed);
                    let _ = complete.send(completed);
                    self.ended(tenant, running, ended).await;
                }
            }
        }
        if freed.await.is_ok() {
            self.fleet().placement.freed(id);
            self.shared.quieter.notify_waiters();
        }
    }

    /// Waits until the invocation is over, counts it, and tells the caller.
    async fn ended(&self, tenant: &Tenant, running: RunningInvocation, relay: Relay) {
        let Ok(ended) = relay.ended.await else { return };
        self.count(tenant, |counts| {
            counts.invocations += 1;
            counts.errors += u64::from(ended.failure.is_some());
        });
        running.end(&ended);
        let _ = relay.caller.send(ended);
    }

    /// Hands the invocation to the environment that it gets.
    async fn place(&self, invocation: &Arc<Invocation>) -> Result<Begun, Refusal> {
        while !self.shared.cut.is_cancelled() {
            let acquired = self.acquire(invocation).await.map_err(|reason| {
                self.count(&invocation.tenant_id, |counts| counts.throttles += 1);
                self.shared.metrics.throttled(invocation.tenant_id.as_ref());
                if let Runtimes::Attached(_) = self.shared.blueprint.runtimes {
                    let advice = Advice::NoRuntimeLeft(invocation.tenant_id.clone());
                    self.shared.blueprint.shared.adviser.tell(advice);
                }
                Refusal::Throttled(reason)
            })?;
            let cold = matches!(acquired, Acquired::New(_));
            let running = self.shared.metrics.begin(invocation.tenant_id.as_ref(), cold);
            let (reply, replied) = oneshot::channel();
            let (free, freed) = oneshot::channel();
            let assignment =
                Assignment { invocation: invocation.clone(), is_cold: cold, reply, free };
            let id = match acquired {
                Acquired::Existing(id) => self.assign(id, assignment),
                Acquired::New(id) => self.start(id, assignment),
            };
            // An environment that ended before it took the invocation says nothing: try another.
            match replied.await {
                Ok(response) => return Ok(Begun { id, response, running, freed }),
                Err(_) => self.fleet().ended(id),
            }
        }
        Err(Refusal::Stopping)
    }

    async fn acquire(&self, invocation: &Invocation) -> Result<Acquired, ThrottleReason> {
        let tenant = &invocation.tenant_id;
        let mut wish = if invocation.cold { Wish::New } else { Wish::Any };
        let end_of_patience = Instant::now() + SETTLING;
        loop {
            let mut quieter = std::pin::pin!(self.shared.quieter.notified());
            quieter.as_mut().enable();
            let placed = self.fleet().placement.acquire(tenant, wish, Instant::now());
            let mut given = match placed {
                Placed::Reuse(id) => return Ok(Acquired::Existing(id)),
                Placed::Start(id) => return Ok(Acquired::New(id)),
                Placed::Throttle(reason) => return Err(reason),
                Placed::Full(reason) => {
                    let quieter = tokio::time::timeout_at(end_of_patience.into(), quieter);
                    quieter.await.map_err(|_| reason)?;
                    continue;
                }
                Placed::Wait(given) => given,
            };
            if let Ok(Ok(id)) = tokio::time::timeout(SETTLING, &mut given).await {
                return Ok(Acquired::Existing(id));
            }
            let _fleet = self.fleet();
            // It may have been given one just now.
            given.close();
            if let Ok(id) = given.try_recv() {
                return Ok(Acquired::Existing(id));
            }
            wish = Wish::Now;
        }
    }

    fn assign(&self, id: Uuid, assignment: Assignment) -> Uuid {
        if let Some(handle) = self.fleet().handles.get(&id) {
            handle.assign(assignment);
        }
        id
    }

    fn start(&self, id: Uuid, first: Assignment) -> Uuid {
        let tenant = first.invocation.tenant_id.clone();
        let (handle, environment) = Environment::new(self.shared.blueprint.clone(), id, first);
        self.fleet().handles.insert(id, handle);
        self.count(&tenant, |counts| counts.environments += 1);
        self.shared.metrics.environment_created(tenant.as_ref());
        let data_plane = self.clone();
        self.shared.tasks.spawn(async move {
            let remains = environment.run().await;
            data_plane.fleet().ended(id);
            data_plane.shared.quieter.notify_waiters();
            remains.clean_up().await;
        });
        if self.shared.cut.is_cancelled() {
            self.stop_environments();
        }
        id
    }

    fn count(&self, tenant: &Tenant, change: impl FnOnce(&mut Counts)) {
        let counts = &mut self.fleet().counts;
        let known = counts.len() < SUMMARY_TENANTS || counts.contains_key(tenant);
        let tenant = if known { tenant.clone() } else { None };
        change(counts.entry(tenant).or_default());
    }

    fn fleet(&self) -> MutexGuard<'_, Fleet> {
        // What it guards is changed in single steps: a panic elsewhere leaves nothing half done.
        self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is newer code: new invocations get new environments. What runs finishes where it is.
    pub(crate) fn retire(&self) {
        let mut fleet = self.fleet();
        for id in fleet.placement.take_idle() {
            // It ends by itself, and is waited for by the task that runs it.
            if let Some(handle) = fleet.handles.remove(&id) {
                handle.retire();
            }
        }
        fleet.handles.values().for_each(Handle::retire);
    }

    /// How many invocations run and how many environments there are.
    #[must_use]
    pub(crate) fn load(&self) -> (u32, usize) {
        let fleet = self.fleet();
        (fleet.placement.busy(), fleet.placement.len())
    }

    /// What happened so far, by tenant.
    #[must_use]
    pub(crate) fn counts(&self) -> BTreeMap<Tenant, Counts> {
        self.fleet().counts.clone()
    }

    /// Takes no more invocations; those that run may finish until `cut`. Then ends every
    /// environment and returns when nothing of them is left.
    pub(crate) async fn stop(&self, cut: impl Future<Output = ()>) {
        self.shared.stopping.cancel();
        tokio::select! {
            () = self.quiet() => {}
            () = cut => {}
        }
        self.shared.cut.cancel();
        self.stop_environments();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn stop_environments(&self) {
        for handle in self.fleet().handles.values() {
            handle.stop();
        }
    }

    /// Returns when no invocation runs, and no runtime is busy after one.
    async fn quiet(&self) {
        loop {
            let quieter = self.shared.quieter.notified();
            if self.load().0 == 0 {
                return;
            }
            quieter.await;
        }
    }
}

impl Fleet {
    fn ended(&mut self, id: Uuid) {
        self.placement.ended(id);
        self.handles.remove(&id);
    }
}

/// An invocation that an environment has taken.
struct Begun {
    id: Uuid,
    response: Response,
    running: RunningInvocation,
    /// Tells when the environment is free.
    freed: oneshot::Receiver<()>,
}

/// The end of an invocation, on its way to the metrics and to the caller.
struct Relay {
    ended: oneshot::Receiver<Ended>,
    caller: oneshot::Sender<Ended>,
}

impl Relay {
    fn of(completed: &mut Completed) -> Self {
        let (caller, for_caller) = oneshot::channel();
        Self { ended: std::mem::replace(&mut completed.ended, for_caller), caller }
    }
}

/// An environment for an invocation.
enum Acquired {
    Existing(Uuid),
    New(Uuid),
}
