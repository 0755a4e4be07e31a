//! The hold of an invocation on its environment, as a value. Whoever drops it, in a panic too, gives
//! the place back: a concurrent execution can't leak.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{timeout, timeout_at};
use tracing::debug;
use uuid::Uuid;

use crate::data_plane::account::ThrottleReason;
use crate::data_plane::fleet::Fleet;
use crate::data_plane::placement::{Acceptable, Decision};
use crate::environment::Lease;
use crate::lambda::function::TenantId;
use crate::lambda::invocation::{Ended, Invocation};
use crate::telemetry::lambda_metrics::{RunningInvocation, StartType};

/// How long an invocation waits for an environment that has answered and is about to be free.
const SETTLING: Duration = Duration::from_millis(20);

/// The hold of an invocation on an environment of a fleet. While it exists the invocation counts as a
/// concurrent execution. When it is dropped before it is released, its environment gets no more
/// invocations.
#[derive(Debug)]
pub(crate) struct FleetLease {
    fleet: Arc<Fleet>,
    tenant: Option<TenantId>,
    environment: Uuid,
    is_cold: bool,
    /// Until the invocation is over.
    running: Option<RunningInvocation>,
    is_released: bool,
}

/// Where there is an environment for an invocation.
enum AcquiredEnvironment {
    Existing(Uuid),
    New(Uuid),
}

impl FleetLease {
    /// An environment for this invocation. One that is about to be free is waited for.
    ///
    /// # Errors
    ///
    /// When a limit is reached.
    pub(crate) async fn acquire(
        fleet: &Arc<Fleet>,
        invocation: &Invocation,
    ) -> Result<Self, ThrottleReason> {
        let tenant = invocation.tenant_id.as_ref();
        let (environment, start) = match find(fleet, invocation).await {
            Ok(AcquiredEnvironment::Existing(id)) => (id, StartType::Warm),
            Ok(AcquiredEnvironment::New(id)) => (id, StartType::Cold),
            Err(reason) => {
                trace(invocation, None, "throttle");
                fleet.count(tenant, |counts| counts.throttles += 1);
                fleet.metrics().throttled(tenant);
                return Err(reason);
            }
        };
        let is_cold = start == StartType::Cold;
        trace(invocation, Some(environment), if is_cold { "start" } else { "reuse" });
        Ok(Self {
            fleet: Arc::clone(fleet),
            tenant: tenant.cloned(),
            environment,
            is_cold,
            running: Some(fleet.metrics().begin(tenant, start)),
            is_released: false,
        })
    }

    /// The environment that it is a hold on.
    #[must_use]
    pub(crate) fn environment(&self) -> Uuid {
        self.environment
    }

    /// Whether the environment is not there yet, and is to be started.
    #[must_use]
    pub(crate) fn is_cold(&self) -> bool {
        self.is_cold
    }
}

impl Lease for FleetLease {
    fn answered(&mut self) {
        self.fleet.answered(self.environment);
    }

    fn ended(&mut self, ended: &Ended) {
        self.fleet.count(self.tenant.as_ref(), |counts| {
            counts.invocations += 1;
            counts.errors += u64::from(ended.failure.is_some());
        });
        if let Some(running) = self.running.take() {
            running.end(ended);
        }
    }

    fn release(mut self: Box<Self>) {
        self.fleet.freed(self.environment);
        self.is_released = true;
    }
}

impl Drop for FleetLease {
    fn drop(&mut self) {
        if !self.is_released {
            self.fleet.forget(self.environment);
        }
    }
}

/// Finds an environment, or waits for one that is about to be free.
async fn find(
    fleet: &Fleet,
    invocation: &Invocation,
) -> Result<AcquiredEnvironment, ThrottleReason> {
    let mut acceptable = if invocation.cold { Acceptable::New } else { Acceptable::Any };
    let end_of_patience = Instant::now() + SETTLING;
    loop {
        let quieter = fleet.quieter();
        let mut given = match fleet.place(invocation.tenant_id.as_ref(), acceptable) {
            Decision::Reuse(id) => return Ok(AcquiredEnvironment::Existing(id)),
            Decision::Start(id) => return Ok(AcquiredEnvironment::New(id)),
            Decision::Throttle(reason) => return Err(reason),
            Decision::Full(reason) => {
                trace(invocation, None, "wait for room");
                timeout_at(end_of_patience.into(), quieter).await.map_err(|_| reason)?;
                continue;
            }
            Decision::Wait(given) => given,
        };
        trace(invocation, None, "wait for an environment");
        if let Ok(Ok(id)) = timeout(SETTLING, &mut given).await {
            return Ok(AcquiredEnvironment::Existing(id));
        }
        // It may have been given one just now.
        let given = fleet.undisturbed(|| {
            given.close();
            given.try_recv()
        });
        if let Ok(id) = given {
            return Ok(AcquiredEnvironment::Existing(id));
        }
        acceptable = Acceptable::IdleOrNew;
    }
}

fn trace(invocation: &Invocation, environment: Option<Uuid>, decision: &str) {
    debug!(
        tenant = invocation.tenant_id.as_ref().map(TenantId::as_str),
        request_id = %invocation.request_id,
        environment = environment.map(tracing::field::display),
        "{decision}"
    );
}

#[cfg(test)]
mod tests;
