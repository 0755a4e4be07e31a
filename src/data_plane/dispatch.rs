//! Hands invocations over to environments, and starts and stops those. Which environment an
//! invocation gets is decided in `placement.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::data_plane::account::{Share, ThrottleReason};
use crate::data_plane::fleet::{Fleet, TenantCounts};
use crate::data_plane::lease::FleetLease;
use crate::data_plane::placement::Placement;
use crate::environment::advice::Advice;
use crate::environment::blueprint::{Blueprint, Runtimes};
use crate::environment::{Assignment, Environment};
use crate::lambda::function::{Function, TenantId};
use crate::lambda::invocation::{Completed, Invocation, Response};
use crate::telemetry::lambda_metrics::LambdaMetrics;

/// Why an invocation did not reach an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A limit on environments or concurrent executions is reached.
    Throttled(ThrottleReason),
    /// mtl is stopping.
    Stopping,
}

/// Runs the invocations of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct DataPlane {
    parts: Arc<DataPlaneParts>,
}

#[derive(Debug)]
struct DataPlaneParts {
    blueprint: Arc<Blueprint>,
    fleet: Arc<Fleet>,
    /// Invocations that look for an environment, and environments; empty when all have ended.
    tasks: TaskTracker,
    /// No new invocations are taken.
    stopping: CancellationToken,
    /// The environments have been told to end.
    cut: CancellationToken,
}

impl DataPlane {
    /// A data plane without environments, which uses this share of its account.
    #[must_use]
    pub(crate) fn new(blueprint: Blueprint, share: Share, metrics: LambdaMetrics) -> Self {
        let fleet = Fleet::new(Placement::new(share, Instant::now()), metrics);
        let parts = DataPlaneParts {
            blueprint: Arc::new(blueprint),
            fleet: Arc::new(fleet),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            cut: CancellationToken::new(),
        };
        Self { parts: Arc::new(parts) }
    }

    /// The function it runs.
    #[must_use]
    pub(crate) fn function(&self) -> &Arc<Function> {
        &self.parts.blueprint.function
    }

    /// What publishes its metrics.
    #[must_use]
    pub(crate) fn metrics(&self) -> &LambdaMetrics {
        self.parts.fleet.metrics()
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
        if self.parts.stopping.is_cancelled() {
            return Err(Refusal::Stopping);
        }
        // In a task of its own, which the caller can't end by leaving.
        let response = self.parts.tasks.spawn(self.clone().run(Arc::new(invocation)));
        response.await.unwrap_or(Err(Refusal::Stopping))
    }

    /// Looks for an environment until one has taken the invocation and answers it.
    async fn run(self, invocation: Arc<Invocation>) -> Result<Response, Refusal> {
        while !self.parts.cut.is_cancelled() {
            let lease = FleetLease::acquire(&self.parts.fleet, &invocation).await;
            let lease = lease.map_err(|reason| self.throttled(&invocation, reason))?;
            let (environment, is_cold) = (lease.environment(), lease.is_cold());
            let (reply, replied) = oneshot::channel();
            let invocation = Arc::clone(&invocation);
            let assignment = Assignment { invocation, is_cold, lease: Box::new(lease), reply };
            if is_cold {
                self.start(environment, assignment);
            } else if let Some(handle) = self.parts.fleet.handle(environment) {
                handle.assign(assignment);
            } else {
                drop(assignment);
            }
            if let Ok(response) = replied.await {
                return Ok(response);
            }
            // It ended before it took the invocation: another one must.
            self.parts.fleet.forget(environment);
        }
        Err(Refusal::Stopping)
    }

    fn throttled(&self, invocation: &Invocation, reason: ThrottleReason) -> Refusal {
        if let Runtimes::Attached(_) = self.parts.blueprint.runtimes {
            let advice = Advice::NoRuntimeLeft(invocation.tenant_id.clone());
            self.parts.blueprint.shared.adviser.tell(advice);
        }
        Refusal::Throttled(reason)
    }

    fn start(&self, id: Uuid, first: Assignment) {
        let DataPlaneParts { blueprint, fleet, tasks, cut, .. } = &*self.parts;
        let tenant = first.invocation.tenant_id.clone();
        let (handle, environment) = Environment::new(Arc::clone(blueprint), id, first);
        fleet.started(id, tenant.as_ref(), handle);
        let listed = Listed { fleet: Arc::clone(fleet), environment: id };
        tasks.spawn(async move {
            let shutdown = environment.run().await;
            drop(listed);
            shutdown.clean_up().await;
        });
        if cut.is_cancelled() {
            fleet.stop();
        }
    }

    /// There is newer code: new invocations get new environments. What runs finishes where it is.
    pub(crate) fn retire(&self) {
        self.parts.fleet.retire();
    }

    /// How many invocations run.
    #[must_use]
    pub(crate) fn running(&self) -> u32 {
        self.parts.fleet.running()
    }

    /// What happened so far, by tenant.
    #[must_use]
    pub(crate) fn counts(&self) -> BTreeMap<Option<TenantId>, TenantCounts> {
        self.parts.fleet.counts()
    }

    /// Takes no more invocations; those that run may finish until `cut`. Then ends every
    /// environment and returns when nothing of them is left.
    pub(crate) async fn stop(&self, cut: impl Future<Output = ()>) {
        self.parts.stopping.cancel();
        tokio::select! {
            () = self.parts.fleet.quiet() => {}
            () = cut => {}
        }
        self.parts.cut.cancel();
        self.parts.fleet.stop();
        self.parts.tasks.close();
        self.parts.tasks.wait().await;
    }
}

/// An environment's place in the fleet; dropping it, in a panic too, takes the environment out.
struct Listed {
    fleet: Arc<Fleet>,
    environment: Uuid,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.fleet.forget(self.environment);
    }
}
