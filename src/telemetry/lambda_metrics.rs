//! What Lambda publishes to CloudWatch about the invocations of a function, and what mtl publishes
//! besides: which metrics, under which dimensions, and what counts as what and when.
//!
//! The definitions are AWS's:
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>. That each of its
//! metrics is published by tenant too is mtl's own: AWS documents no dimension `TenantId`.

use std::time::Duration;

use jiff::Timestamp;

use crate::lambda::function::TenantId;
use crate::lambda::invocation::Ended;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::metric_store::{
    Concurrency, FunctionId, InvocationRows, LambdaMetric, MetricStore, Observed, minute,
};

/// Publishes the metrics of an account: of each function, and of all together.
#[derive(Debug)]
pub(crate) struct AccountMetrics {
    store: MetricStore,
}

/// Publishes the metrics of one function. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct LambdaMetrics {
    store: MetricStore,
    function: FunctionId,
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
    store: MetricStore,
    /// Found once, when it began.
    rows: InvocationRows,
    started: Timestamp,
    /// How many invocations there were with it when it began.
    concurrency: Concurrency,
    start: StartType,
}

impl AccountMetrics {
    /// Publishes to this store.
    #[must_use]
    pub(crate) fn new(store: MetricStore) -> Self {
        Self { store }
    }

    /// Publishes what happens to the function of this name.
    #[must_use]
    pub(crate) fn function(&self, function_name: &str) -> LambdaMetrics {
        LambdaMetrics { store: self.store.clone(), function: self.store.function(function_name) }
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
        let (rows, concurrency) = self.store.begin(self.function, tenant_id);
        let store = self.store.clone();
        RunningInvocation { store, rows, started: Timestamp::now(), concurrency, start }
    }

    /// An invocation was throttled. It counts neither as an invocation nor as an error.
    pub(crate) fn throttled(&self, tenant_id: Option<&TenantId>) {
        self.record(tenant_id, LambdaMetric::Throttles, 1.0);
    }

    /// An environment was started.
    pub(crate) fn environment_created(&self, tenant_id: Option<&TenantId>) {
        self.record(tenant_id, LambdaMetric::EnvironmentsCreated, 1.0);
    }

    /// An event was accepted into the queue.
    pub(crate) fn event_received(&self, tenant_id: Option<&TenantId>) {
        self.record(tenant_id, LambdaMetric::AsyncEventsReceived, 1.0);
    }

    /// An event that was accepted so long ago goes to the function, for the first time or again.
    pub(crate) fn event_leaves(&self, tenant_id: Option<&TenantId>, age: Duration) {
        self.record(tenant_id, LambdaMetric::AsyncEventAge, milliseconds(age));
    }

    /// An event was given up without success.
    pub(crate) fn event_dropped(&self, tenant_id: Option<&TenantId>) {
        self.record(tenant_id, LambdaMetric::AsyncEventsDropped, 1.0);
    }

    fn record(&self, tenant_id: Option<&TenantId>, metric: LambdaMetric, value: f64) {
        let values = &[(metric, Some(value))];
        let observed = Observed { minute: minute(Timestamp::now()), values, concurrency: None };
        self.store.record_of(self.function, tenant_id, &observed);
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
        let cold = f64::from(u8::from(self.start == StartType::Cold));
        let init = report.init_duration.map(milliseconds);
        let memory = report.max_memory_used_mb.map(count);
        let values = [
            (LambdaMetric::Invocations, Some(1.0)),
            (LambdaMetric::Errors, Some(error)),
            (LambdaMetric::Throttles, Some(0.0)),
            (LambdaMetric::Duration, Some(milliseconds(report.duration))),
            (LambdaMetric::ColdStarts, Some(cold)),
            (LambdaMetric::BilledDuration, Some(count(report.billed_ms()))),
            (LambdaMetric::InitDuration, init),
            (LambdaMetric::MaxMemoryUsed, memory),
        ];
        self.store.record(
            self.rows,
            &Observed {
                minute: minute(self.started),
                values: &values,
                concurrency: Some(self.concurrency),
            },
        );
    }
}

impl Drop for RunningInvocation {
    fn drop(&mut self) {
        self.store.end(self.rows);
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
