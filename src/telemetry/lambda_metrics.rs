//! What Lambda publishes to CloudWatch about the invocations of a function, and what mtl publishes
//! besides: which metrics, under which dimensions, and what counts as what and when.
//!
//! The definitions are AWS's:
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>. That each of its
//! metrics is published by tenant too is mtl's own: AWS documents no dimension `TenantId`.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::lambda::function::TenantId;
use crate::lambda::invocation::Ended;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::metric_store::MetricStore;
use crate::telemetry::metric_store::metric::{Datum, Dimensions, MetricId, Observation, Unit};

/// The namespace of the metrics that Lambda has.
pub(crate) const AWS_NAMESPACE: &str = "AWS/Lambda";

/// The namespace of the metrics that only mtl has: `ColdStarts`, `InitDuration`, `BilledDuration`,
/// `EnvironmentsCreated` and `MaxMemoryUsed`.
pub(crate) const OWN_NAMESPACE: &str = "mtl";

/// The name of the dimension that tells tenants apart.
pub(crate) const TENANT_ID: &str = "TenantId";

/// Publishes the metrics of an account: of each function, and of all together.
#[derive(Debug)]
pub(crate) struct AccountMetrics {
    store: MetricStore,
    running: Arc<AtomicU32>,
}

/// Publishes the metrics of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct LambdaMetrics {
    names: Arc<MetricNames>,
}

/// Where the metrics of a function go, and under which names.
#[derive(Debug)]
struct MetricNames {
    store: MetricStore,
    aws: Arc<str>,
    own: Arc<str>,
    /// Across all functions.
    all: Dimensions,
    function: Dimensions,
    /// The version: an invocation without a qualifier is one of the function itself.
    resource: Dimensions,
    function_name: Arc<str>,
    /// How many invocations of the account run.
    running_in_account: Arc<AtomicU32>,
    running: Mutex<RunningInvocations>,
}

/// The invocations of a function that run now.
#[derive(Debug, Default)]
struct RunningInvocations {
    all: u32,
    by_tenant: HashMap<TenantId, u32>,
}

/// How many invocations run at one time.
#[derive(Clone, Copy, Debug)]
struct Concurrency {
    in_account: u32,
    of_function: u32,
    of_tenant: u32,
}

/// Whether an invocation has an environment that was there before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartType {
    /// It has a new one.
    Cold,
    /// It has one that was there.
    Warm,
}

/// A running invocation; dropping it ends it.
#[derive(Debug)]
pub(crate) struct RunningInvocation {
    metrics: LambdaMetrics,
    tenant_id: Option<TenantId>,
    started: Timestamp,
    /// How many invocations there were with it when it began.
    concurrency: Concurrency,
    start: StartType,
}

impl AccountMetrics {
    /// Publishes to this store.
    #[must_use]
    pub(crate) fn new(store: MetricStore) -> Self {
        Self { store, running: Arc::default() }
    }

    /// Publishes what happens to the function of this name.
    #[must_use]
    pub(crate) fn function(&self, function_name: &str) -> LambdaMetrics {
        let function_name: Arc<str> = function_name.into();
        let name = ("FunctionName".into(), Arc::clone(&function_name));
        let resource = ("Resource".into(), Arc::clone(&function_name));
        let names = MetricNames {
            store: self.store.clone(),
            aws: AWS_NAMESPACE.into(),
            own: OWN_NAMESPACE.into(),
            all: Dimensions::default(),
            function: Dimensions::new([name.clone()]),
            resource: Dimensions::new([name, resource]),
            function_name,
            running_in_account: Arc::clone(&self.running),
            running: Mutex::default(),
        };
        LambdaMetrics { names: Arc::new(names) }
    }
}

impl LambdaMetrics {
    /// An invocation has got its environment.
    #[must_use]
    pub(crate) fn begin(
        &self,
        tenant_id: Option<&TenantId>,
        start: StartType,
    ) -> RunningInvocation {
        let in_account = self.names.running_in_account.fetch_add(1, Relaxed) + 1;
        let mut running = self.running();
        running.all += 1;
        let of_tenant = tenant_id.map(|tenant_id| {
            let count = running.by_tenant.entry(tenant_id.clone()).or_default();
            *count += 1;
            *count
        });
        RunningInvocation {
            metrics: self.clone(),
            tenant_id: tenant_id.cloned(),
            started: Timestamp::now(),
            concurrency: Concurrency {
                in_account,
                of_function: running.all,
                of_tenant: of_tenant.unwrap_or(running.all),
            },
            start,
        }
    }

    /// An invocation was throttled. It counts neither as an invocation nor as an error.
    pub(crate) fn throttled(&self, tenant_id: Option<&TenantId>) {
        self.publication(tenant_id, Timestamp::now()).aws("Throttles", Unit::COUNT, 1.0);
    }

    /// An environment was started.
    pub(crate) fn environment_created(&self, tenant_id: Option<&TenantId>) {
        let publication = self.publication(tenant_id, Timestamp::now());
        publication.own("EnvironmentsCreated", Unit::COUNT, 1.0);
    }

    /// An event was accepted into the queue.
    pub(crate) fn event_received(&self, tenant_id: Option<&TenantId>) {
        let publication = self.publication(tenant_id, Timestamp::now());
        publication.aws("AsyncEventsReceived", Unit::COUNT, 1.0);
    }

    /// An event that was accepted so long ago goes to the function, for the first time or again.
    pub(crate) fn event_leaves(&self, tenant_id: Option<&TenantId>, age: Duration) {
        let publication = self.publication(tenant_id, Timestamp::now());
        publication.aws("AsyncEventAge", Unit::MILLISECONDS, milliseconds(age));
    }

    /// An event was given up without success.
    pub(crate) fn event_dropped(&self, tenant_id: Option<&TenantId>) {
        let publication = self.publication(tenant_id, Timestamp::now());
        publication.aws("AsyncEventsDropped", Unit::COUNT, 1.0);
    }

    fn publication(&self, tenant_id: Option<&TenantId>, timestamp: Timestamp) -> Publication<'_> {
        let names = &*self.names;
        let tenant = tenant_id.map(|tenant_id| {
            let function = ("FunctionName".into(), Arc::clone(&names.function_name));
            Dimensions::new([function, (TENANT_ID.into(), tenant_id.to_arc())])
        });
        Publication { names, timestamp, tenant }
    }

    fn running(&self) -> MutexGuard<'_, RunningInvocations> {
        // Counts go up and down in single steps: a panic elsewhere leaves nothing half done.
        self.names.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningInvocation {
    /// The invocation is over: publishes what is told of it, as of when it began. One that failed
    /// without the function's doing is, as on AWS, neither an invocation nor an error.
    pub(crate) fn end(self, ended: &Ended) {
        let error = match &ended.failure {
            Some(Failure::Service(_)) => return,
            Some(_) => 1.0,
            None => 0.0,
        };
        let report = &ended.report;
        let publication = self.metrics.publication(self.tenant_id.as_ref(), self.started);
        publication.aws("Invocations", Unit::COUNT, 1.0);
        publication.aws("Errors", Unit::COUNT, error);
        publication.aws("Throttles", Unit::COUNT, 0.0);
        publication.aws("Duration", Unit::MILLISECONDS, milliseconds(report.duration));
        publication.concurrent_executions(self.concurrency);
        let cold = u8::from(self.start == StartType::Cold);
        publication.own("ColdStarts", Unit::COUNT, f64::from(cold));
        publication.own("BilledDuration", Unit::MILLISECONDS, count(report.billed_ms()));
        if let Some(init) = report.init_duration {
            publication.own("InitDuration", Unit::MILLISECONDS, milliseconds(init));
        }
        if let Some(memory) = report.max_memory_used_mb {
            publication.own("MaxMemoryUsed", Unit::MEGABYTES, count(memory));
        }
    }
}

impl Drop for RunningInvocation {
    fn drop(&mut self) {
        self.metrics.names.running_in_account.fetch_sub(1, Relaxed);
        let mut running = self.metrics.running();
        running.all -= 1;
        let Some(tenant_id) = &self.tenant_id else { return };
        if let Some(count) = running.by_tenant.get_mut(tenant_id) {
            *count -= 1;
            if *count == 0 {
                running.by_tenant.remove(tenant_id);
            }
        }
    }
}

/// What is published at one time of one invocation or event.
struct Publication<'a> {
    names: &'a MetricNames,
    timestamp: Timestamp,
    /// The dimensions of its tenant.
    tenant: Option<Dimensions>,
}

impl Publication<'_> {
    /// A metric of Lambda, under all sets of dimensions that Lambda has for it, and by tenant.
    fn aws(&self, name: &str, unit: Unit, value: f64) {
        let MetricNames { aws, all, function, resource, .. } = self.names;
        let sets = [Some(all), Some(function), Some(resource), self.tenant.as_ref()];
        let sets = sets.into_iter().flatten();
        self.publish(aws, name, unit, sets.map(|dimensions| (dimensions, value)));
    }

    /// A metric that only mtl has.
    fn own(&self, name: &str, unit: Unit, value: f64) {
        let MetricNames { own, function, .. } = self.names;
        let sets = [Some(function), self.tenant.as_ref()].into_iter().flatten();
        self.publish(own, name, unit, sets.map(|dimensions| (dimensions, value)));
    }

    /// The one metric whose value is not the same for the account, the function and the tenant.
    fn concurrent_executions(&self, concurrency: Concurrency) {
        let MetricNames { aws, all, function, resource, .. } = self.names;
        let Concurrency { in_account, of_function, of_tenant } = concurrency;
        let sets = [(all, in_account), (function, of_function), (resource, of_function)];
        let tenant = self.tenant.as_ref().map(|dimensions| (dimensions, of_tenant));
        let sets = sets.into_iter().chain(tenant).map(|(set, value)| (set, f64::from(value)));
        self.publish(aws, "ConcurrentExecutions", Unit::COUNT, sets);
    }

    fn publish<'b>(
        &self,
        namespace: &Arc<str>,
        name: &str,
        unit: Unit,
        values: impl Iterator<Item = (&'b Dimensions, f64)>,
    ) {
        let name: Arc<str> = name.into();
        let now = Timestamp::now();
        for (dimensions, value) in values {
            let metric = MetricId {
                namespace: Arc::clone(namespace),
                name: Arc::clone(&name),
                dimensions: dimensions.clone(),
            };
            let observation = Observation::once(value);
            let datum = Datum { metric, unit, timestamp: self.timestamp, observation };
            self.names.store.put(&datum, now);
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "nothing here comes near 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
