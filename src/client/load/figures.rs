//! The figures of some invocations of a load while they are counted: of one tenant, or of all.

use std::collections::BTreeSet;
use std::time::Duration;

use sketches_ddsketch::{Config, DDSketch};

use crate::client::load::end::End;
use crate::client::load::report::{Latency, LoadRow};

/// The figures of some invocations.
pub(crate) struct LoadFigures {
    ok: u64,
    function_errors: u64,
    throttles: u64,
    transport_errors: u64,
    /// `None` as soon as it can't be told.
    cold_starts: Option<u64>,
    environments: BTreeSet<String>,
    /// Of answers, in milliseconds, at most 1 % off.
    latencies: DDSketch,
}

impl Default for LoadFigures {
    fn default() -> Self {
        Self {
            ok: 0,
            function_errors: 0,
            throttles: 0,
            transport_errors: 0,
            cold_starts: Some(0),
            environments: BTreeSet::new(),
            latencies: DDSketch::new(Config::defaults()),
        }
    }
}

impl LoadFigures {
    /// Counts an invocation.
    pub(crate) fn add(&mut self, latency: Duration, end: &End) {
        match end {
            End::Answered { is_error, environment, is_cold } => {
                let counter = if *is_error { &mut self.function_errors } else { &mut self.ok };
                *counter += 1;
                self.latencies.add(latency.as_secs_f64() * 1_000.0);
                if let Some(environment) = environment
                    && !self.environments.contains(environment)
                {
                    self.environments.insert(environment.clone());
                }
                self.cold_starts =
                    self.cold_starts.zip(*is_cold).map(|(n, cold)| n + u64::from(cold));
            }
            End::Throttled => self.throttles += 1,
            End::Failed(_) => self.transport_errors += 1,
        }
    }

    /// How many the function answered without an error.
    #[must_use]
    pub(crate) fn ok(&self) -> u64 {
        self.ok
    }

    /// How many the function answered, with or without an error.
    #[must_use]
    pub(crate) fn answered(&self) -> u64 {
        self.ok + self.function_errors
    }

    /// How many have ended.
    #[must_use]
    pub(crate) fn requests(&self) -> u64 {
        self.ok + self.function_errors + self.throttles + self.transport_errors
    }

    /// The figures as the report of a load of this time has them.
    #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
    #[must_use]
    pub(crate) fn row(&self, elapsed: Duration) -> LoadRow {
        let environments = self.environments.len();
        LoadRow {
            requests: self.requests(),
            ok: self.ok,
            function_errors: self.function_errors,
            throttles: self.throttles,
            transport_errors: self.transport_errors,
            rate: (self.requests() - self.transport_errors) as f64
                / elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
            latency: self.latency(),
            cold_starts: self.cold_starts,
            environments: (environments > 0).then_some(environments),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
    fn latency(&self) -> Latency {
        let (least, most) = (self.latencies.min(), self.latencies.max());
        let quantile = |at: f64| {
            let at = nearest_rank(at, self.latencies.count());
            let value = self.latencies.quantile(at).ok().flatten();
            // Being 1 % off it may be outside of what was measured.
            value.map(|value| value.min(most.unwrap_or(value)).max(least.unwrap_or(value)))
        };
        let mean = self.latencies.sum().map(|sum| sum / self.latencies.count() as f64);
        Latency {
            mean,
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: most,
        }
    }
}

/// The quantile by which a sketch finds the value of nearest rank: the smallest one that is not smaller
/// than so many of `count` values. A sketch rounds its ranks down.
#[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
fn nearest_rank(at: f64, count: usize) -> f64 {
    let rank = (at * count as f64).ceil().max(1.0) - 1.0;
    let last = (count as f64 - 1.0).max(1.0);
    ((rank + 0.5) / last).min(1.0)
}
