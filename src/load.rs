//! What comes of a load of invocations: counts, latencies and environments, of all and of each tenant, and
//! whether tenants were kept apart. Knows no requests and no clock.

pub mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use sketches_ddsketch::{Config, DDSketch};

use secrets::Leak;

/// One invocation, once it has ended.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The tenant that it was for; empty for a function without tenants.
    pub tenant: String,
    /// From when it was to be sent until its answer was there.
    pub latency: Duration,
    /// How it ended.
    pub end: End,
    /// The secrets of others that came with the answer.
    pub leaks: BTreeSet<Leak>,
}

/// How an invocation ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The function answered.
    Answered {
        /// Whether with an error.
        is_error: bool,
        /// The environment that ran it, if that can be told.
        environment: Option<String>,
        /// Whether that environment was started for it, if that can be told.
        is_cold: Option<bool>,
    },
    /// It was throttled.
    Throttled,
    /// There was no answer of the function; what there was.
    Failed(String),
}

/// All that was observed.
#[derive(Default)]
pub struct Tally {
    overall: Group,
    tenants: BTreeMap<String, Group>,
    /// Which tenants each environment has served.
    environments: BTreeMap<String, BTreeSet<String>>,
    unidentified: u64,
    leaks: BTreeSet<Leak>,
    first_failure: Option<String>,
}

struct Group {
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

impl Default for Group {
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

impl Tally {
    /// Counts an invocation.
    pub fn add(&mut self, observation: &Observation) {
        let Observation { tenant, latency, end, leaks } = observation;
        self.leaks.extend(leaks.iter().cloned());
        self.overall.add(*latency, end);
        self.tenants.entry(tenant.clone()).or_default().add(*latency, end);
        match end {
            End::Answered { environment: Some(environment), .. } => {
                let served = self.environments.entry(environment.clone()).or_default();
                served.insert(tenant.clone());
            }
            End::Answered { environment: None, .. } => self.unidentified += 1,
            End::Throttled => {}
            End::Failed(reason) => {
                self.first_failure.get_or_insert_with(|| reason.clone());
            }
        }
    }

    /// How many invocations have ended, and how many of them were not answered well.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let all = self.overall.requests();
        (all, all - self.overall.ok)
    }

    /// What came of it in this time.
    #[must_use]
    pub fn report(&self, elapsed: Duration) -> LoadReport {
        let mut tenants: Vec<TenantRow> = self
            .tenants
            .iter()
            .map(|(tenant, group)| TenantRow { tenant: tenant.clone(), row: group.row(elapsed) })
            .collect();
        tenants.sort_by(|one, other| other.row.badness().total_cmp(&one.row.badness()));
        let shared: Vec<SharedEnvironment> = self
            .environments
            .iter()
            .filter(|(_, tenants)| tenants.len() > 1)
            .map(|(environment, tenants)| SharedEnvironment {
                environment: environment.clone(),
                tenants: tenants.iter().cloned().collect(),
            })
            .collect();
        let (isolation, isolation_reason) = self.verdict(&shared);
        LoadReport {
            seconds: elapsed.as_secs_f64(),
            overall: self.overall.row(elapsed),
            tenants,
            isolation,
            isolation_reason,
            shared_environments: shared,
            leaks: self.leaks.iter().cloned().collect(),
            first_failure: self.first_failure.clone(),
        }
    }

    /// Tenants that share an environment are never isolated; that none do says something only where every
    /// answer told its environment.
    fn verdict(&self, shared: &[SharedEnvironment]) -> (Isolation, Option<String>) {
        let unknown = |reason: &str| (Isolation::Unknown, Some(reason.to_owned()));
        if !shared.is_empty() {
            return (Isolation::Shared, None);
        }
        if self.environments.is_empty() && self.unidentified == 0 {
            return unknown("nothing was answered");
        }
        if self.unidentified > 0 {
            return unknown(
                "the server doesn't say which environment answers; --environment-at names what of \
                 the function's answer does",
            );
        }
        if self.tenants.len() < 2 {
            return unknown("there was one tenant only");
        }
        (Isolation::Isolated, None)
    }
}

impl Group {
    fn add(&mut self, latency: Duration, end: &End) {
        match end {
            End::Answered { is_error, environment, is_cold } => {
                let counter = if *is_error { &mut self.function_errors } else { &mut self.ok };
                *counter += 1;
                self.latencies.add(latency.as_secs_f64() * 1_000.0);
                self.environments.extend(environment.clone());
                self.cold_starts =
                    self.cold_starts.zip(*is_cold).map(|(n, cold)| n + u64::from(cold));
            }
            End::Throttled => self.throttles += 1,
            End::Failed(_) => self.transport_errors += 1,
        }
    }

    fn requests(&self) -> u64 {
        self.ok + self.function_errors + self.throttles + self.transport_errors
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
    fn row(&self, elapsed: Duration) -> Row {
        let quantile = |at: f64| {
            let at = nearest_rank(at, self.latencies.count());
            self.latencies.quantile(at).ok().flatten()
        };
        let mean = self.latencies.sum().map(|sum| sum / self.latencies.count() as f64);
        let known = !self.environments.is_empty();
        Row {
            requests: self.requests(),
            ok: self.ok,
            function_errors: self.function_errors,
            throttles: self.throttles,
            transport_errors: self.transport_errors,
            rate: self.requests() as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
            latency: Latency {
                mean,
                p50: quantile(0.5),
                p90: quantile(0.9),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: self.latencies.max(),
            },
            cold_starts: self.cold_starts,
            environments: known.then_some(self.environments.len()),
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

/// What came of a load.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport {
    /// How long it took.
    pub seconds: f64,
    /// All tenants together.
    pub overall: Row,
    /// Each tenant, the worst first: those with failures, then the slowest.
    pub tenants: Vec<TenantRow>,
    /// Whether tenants were kept apart.
    pub isolation: Isolation,
    /// Why that isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation_reason: Option<String>,
    /// The environments that served several tenants.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_environments: Vec<SharedEnvironment>,
    /// The secrets that others saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// Why the first invocation that had no answer had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<String>,
}

/// The figures of a tenant.
#[derive(Clone, Debug, Serialize)]
pub struct TenantRow {
    /// The tenant; empty for a function without tenants.
    pub tenant: String,
    /// Its figures.
    #[serde(flatten)]
    pub row: Row,
}

/// The figures of some invocations.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// All that were sent.
    pub requests: u64,
    /// Those that the function answered well.
    pub ok: u64,
    /// Those that it answered with an error.
    pub function_errors: u64,
    /// Those that were throttled.
    pub throttles: u64,
    /// Those without an answer.
    pub transport_errors: u64,
    /// How many there were in a second.
    pub rate: f64,
    /// How long answers took.
    pub latency: Latency,
    /// How many started an environment, where that can be told.
    pub cold_starts: Option<u64>,
    /// How many environments answered, where that can be told.
    pub environments: Option<usize>,
}

impl Row {
    /// Failures weigh more than any time.
    #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
    fn badness(&self) -> f64 {
        let failures = self.function_errors + self.throttles + self.transport_errors;
        failures as f64 * 1e9 + self.latency.p99.unwrap_or_default()
    }
}

/// How long answers took, in milliseconds; absent where there were none.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: Option<f64>,
    /// The median.
    pub p50: Option<f64>,
    /// 90 % took no longer.
    pub p90: Option<f64>,
    /// 99 % took no longer.
    pub p99: Option<f64>,
    /// 99.9 % took no longer.
    #[serde(rename = "p99.9")]
    pub p999: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

/// Whether tenants were kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// No environment served two tenants.
    Isolated,
    /// One did.
    Shared,
    /// It can't be told.
    Unknown,
}

/// An environment that served several tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedEnvironment {
    /// Its identity.
    pub environment: String,
    /// The tenants.
    pub tenants: Vec<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::{End, Isolation, Observation, Tally};

    fn tally(answers: &[(&str, Option<&str>)]) -> Tally {
        let mut tally = Tally::default();
        for (tenant, environment) in answers {
            let environment = environment.map(str::to_owned);
            tally.add(&Observation {
                tenant: (*tenant).to_owned(),
                latency: Duration::from_millis(10),
                end: End::Answered { is_error: false, environment, is_cold: Some(false) },
                leaks: BTreeSet::new(),
            });
        }
        tally
    }

    fn verdict(answers: &[(&str, Option<&str>)]) -> Isolation {
        tally(answers).report(Duration::from_secs(1)).isolation
    }

    #[test]
    fn isolation_is_claimed_only_where_it_was_seen() {
        let (a, b) = (("a", Some("1")), ("b", Some("2")));
        assert_eq!(verdict(&[a, b, a]), Isolation::Isolated);
        assert_eq!(verdict(&[a, b, ("b", Some("1"))]), Isolation::Shared);
        assert_eq!(verdict(&[a, b, ("b", None)]), Isolation::Unknown);
        assert_eq!(verdict(&[("a", None), ("b", Some("1")), ("c", Some("1"))]), Isolation::Shared);
        assert_eq!(verdict(&[a, a]), Isolation::Unknown);
        assert_eq!(verdict(&[]), Isolation::Unknown);
    }

    #[test]
    fn the_worst_tenant_comes_first() {
        let mut tally = tally(&[("fine", Some("1")), ("slow", Some("2"))]);
        let slow = End::Answered { is_error: false, environment: None, is_cold: None };
        let latency = Duration::from_secs(1);
        let leaks = BTreeSet::new();
        tally.add(&Observation { tenant: "slow".to_owned(), latency, end: slow, leaks });
        let latency = Duration::ZERO;
        let (end, leaks) = (End::Throttled, BTreeSet::new());
        tally.add(&Observation { tenant: "throttled".to_owned(), latency, end, leaks });
        let report = tally.report(Duration::from_secs(2));
        let order: Vec<_> = report.tenants.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(order, ["throttled", "slow", "fine"]);
        assert_eq!((report.overall.requests, report.overall.ok), (4, 3));
        assert!((report.overall.rate - 2.0).abs() < 1e-9);
        assert_eq!(report.overall.cold_starts, None, "one answer didn't say");
        let max = report.overall.latency.max.unwrap();
        assert!((max - 1_000.0).abs() < 1e-6, "{max}");
    }
}
