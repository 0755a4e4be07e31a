//! What comes of the invocations of a load: counts, latencies and environments, of all and of each tenant,
//! and whether tenants were kept apart. Knows no requests and no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sketches_ddsketch::{Config, DDSketch};

use crate::client::load::report::{
    Isolation, Latency, LoadReport, LoadRow, SharedEnvironment, TenantRow,
};
use crate::client::load::secrets::Leak;

/// One invocation, once it has ended.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    /// The tenant that it was for; empty for a function without tenants.
    pub(crate) tenant: String,
    /// From when it was to be sent until its answer was there.
    pub(crate) latency: Duration,
    /// How it ended.
    pub(crate) end: End,
    /// The secrets of others that came with the answer.
    pub(crate) leaks: BTreeSet<Leak>,
}

/// How an invocation ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
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

/// What tells environments apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The server's own header.
    #[default]
    Header,
    /// What the function's answer has at this JSON pointer.
    At(String),
}

/// What is known of the environments that answered.
#[derive(Default)]
struct Environments {
    /// What tells them apart.
    identity: Identity,
    /// Which tenants each has served.
    served: BTreeMap<String, BTreeSet<String>>,
    /// Answers with an identity.
    identified: u64,
    /// Answers that should have one.
    unidentified: u64,
}

/// All that was observed.
#[derive(Default)]
pub(crate) struct Tally {
    overall: Group,
    tenants: BTreeMap<String, Group>,
    environments: Environments,
    not_begun: u64,
    unanswered: u64,
    leaks: BTreeSet<Leak>,
    first_failure: Option<String>,
}

const NOTHING_ANSWERED: &str = "nothing was answered";
const ONE_TENANT: &str = "only one tenant had answers";

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

/// Whether the secrets of other tenants were looked for in the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretsCheck {
    On,
    Off,
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub(crate) fn new(identity: Identity) -> Self {
        let environments = Environments { identity, ..Environments::default() };
        Self { environments, ..Self::default() }
    }

    /// An invocation was due, but not begun in time.
    pub(crate) fn not_begun(&mut self, count: u64) {
        self.not_begun += count;
    }

    /// An invocation had no answer when the load ended.
    pub(crate) fn unanswered(&mut self) {
        self.unanswered += 1;
    }

    /// Secrets were found, whatever the invocation came to.
    fn found(&mut self, leaks: &BTreeSet<Leak>) {
        self.leaks.extend(leaks.iter().cloned());
    }

    /// Counts an invocation.
    pub(crate) fn add(&mut self, observation: &Observation) {
        let Observation { tenant, latency, end, leaks } = observation;
        self.found(leaks);
        self.overall.add(*latency, end);
        self.tenants.entry(tenant.clone()).or_default().add(*latency, end);
        match end {
            End::Answered { environment: Some(environment), .. } => {
                self.environments.identified += 1;
                let served = self.environments.served.entry(environment.clone()).or_default();
                served.insert(tenant.clone());
            }
            // The answer of a function that failed is not its usual one.
            End::Answered { is_error: true, .. }
                if self.environments.identity != Identity::Header => {}
            End::Answered { environment: None, .. } => self.environments.unidentified += 1,
            End::Throttled => {}
            End::Failed(reason) => {
                self.first_failure.get_or_insert_with(|| reason.clone());
            }
        }
    }

    /// How many invocations have ended, and how many of them were not answered well.
    #[must_use]
    pub(crate) fn progress(&self) -> (u64, u64) {
        let all = self.overall.requests();
        (all, all - self.overall.ok)
    }

    /// What came of it in this time.
    #[must_use]
    pub(crate) fn report(&self, elapsed: Duration, secrets: SecretsCheck) -> LoadReport {
        let checked = secrets == SecretsCheck::On;
        let mut tenants: Vec<TenantRow> = self
            .tenants
            .iter()
            .map(|(tenant, group)| TenantRow { tenant: tenant.clone(), row: group.row(elapsed) })
            .collect();
        tenants.sort_by(|one, other| other.row.badness().total_cmp(&one.row.badness()));
        LoadReport {
            seconds: elapsed.as_secs_f64(),
            overall: self.overall.row(elapsed),
            tenants,
            isolation: self.isolation(),
            leaks: checked.then(|| self.leaks.iter().cloned().collect()),
            leaks_reason: self.leaks_doubt().filter(|_| checked && self.leaks.is_empty()),
            not_begun: self.not_begun,
            unanswered: self.unanswered,
            first_failure: self.first_failure.clone(),
        }
    }

    /// Tenants that share an environment are never isolated; that none do says something only where every
    /// answer told its environment, and there was more than one tenant to tell apart.
    fn isolation(&self) -> Isolation {
        let shared: Vec<SharedEnvironment> = self
            .environments
            .served
            .iter()
            .filter(|(_, tenants)| tenants.len() > 1)
            .map(|(environment, tenants)| SharedEnvironment {
                environment: environment.clone(),
                tenants: tenants.iter().cloned().collect(),
            })
            .collect();
        if !shared.is_empty() {
            return Isolation::Shared { shared_environments: shared };
        }
        match self.doubt() {
            Some(isolation_reason) => Isolation::Unknown { isolation_reason },
            None => Isolation::Isolated,
        }
    }

    /// Why that no secret was found says nothing.
    fn leaks_doubt(&self) -> Option<String> {
        let answered =
            self.tenants.values().filter(|group| group.ok + group.function_errors > 0).count();
        match answered {
            0 => Some(NOTHING_ANSWERED.to_owned()),
            1 => Some(ONE_TENANT.to_owned()),
            _ => None,
        }
    }

    fn doubt(&self) -> Option<String> {
        if self.environments.identified + self.environments.unidentified == 0 {
            return Some(NOTHING_ANSWERED.to_owned());
        }
        match &self.environments.identity {
            Identity::Header if self.environments.unidentified > 0 => {
                return Some(
                    "the server doesn't say which environment answers; --environment-at names what \
                     of the function's answer does"
                        .to_owned(),
                );
            }
            Identity::At(pointer) if self.environments.unidentified > 0 => {
                let (without, all) = (
                    self.environments.unidentified,
                    self.environments.unidentified + self.environments.identified,
                );
                return Some(format!(
                    "{without} of {all} answers have no text or number at `{pointer}`"
                ));
            }
            // With one answer for each tenant it would be so for environments too.
            Identity::At(pointer)
                if self.environments.served.len() as u64 == self.environments.identified
                    && self.environments.identified > self.tenants.len() as u64 =>
            {
                return Some(format!(
                    "`{pointer}` is another in each answer, so it may not be of the environment"
                ));
            }
            Identity::Header | Identity::At(_) => {}
        }
        let answered: BTreeSet<&String> = self.environments.served.values().flatten().collect();
        if answered.len() < 2 {
            return Some(ONE_TENANT.to_owned());
        }
        // Each answer came from an environment that was new: it would also where tenants share them.
        (self.environments.served.len() as u64 == self.environments.identified).then(|| {
            "no environment answered twice, so none was seen to be kept for its tenant; send more \
             invocations"
                .to_owned()
        })
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
    fn row(&self, elapsed: Duration) -> LoadRow {
        let (least, most) = (self.latencies.min(), self.latencies.max());
        let quantile = |at: f64| {
            let at = nearest_rank(at, self.latencies.count());
            let value = self.latencies.quantile(at).ok().flatten();
            // Being 1 % off it may be outside of what was measured.
            value.map(|value| value.min(most.unwrap_or(value)).max(least.unwrap_or(value)))
        };
        let mean = self.latencies.sum().map(|sum| sum / self.latencies.count() as f64);
        let known = !self.environments.is_empty();
        LoadRow {
            requests: self.requests(),
            ok: self.ok,
            function_errors: self.function_errors,
            throttles: self.throttles,
            transport_errors: self.transport_errors,
            rate: (self.requests() - self.transport_errors) as f64
                / elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
            latency: Latency {
                mean,
                p50: quantile(0.5),
                p90: quantile(0.9),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: most,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::{End, Identity, Observation, SecretsCheck, Tally};
    use crate::client::load::report::Isolation;

    fn tally(answers: &[(&str, Option<&str>)]) -> Tally {
        counted(Identity::Header, answers)
    }

    fn counted(identity: Identity, answers: &[(&str, Option<&str>)]) -> Tally {
        let mut tally = Tally::new(identity);
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

    fn verdict(tally: &Tally) -> &'static str {
        match tally.report(Duration::from_secs(1), SecretsCheck::Off).isolation {
            Isolation::Isolated => "isolated",
            Isolation::Shared { .. } => "shared",
            Isolation::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn isolation_is_claimed_only_where_it_was_seen() {
        let (a, b) = (("a", Some("1")), ("b", Some("2")));
        assert_eq!(verdict(&tally(&[a, b, a])), "isolated");
        assert_eq!(verdict(&tally(&[a, b, ("b", Some("1"))])), "shared");
        assert_eq!(verdict(&tally(&[a, b, ("b", None)])), "unknown");
        let one_did_not_say = [("a", None), ("b", Some("1")), ("c", Some("1"))];
        assert_eq!(verdict(&tally(&one_did_not_say)), "shared");
        assert_eq!(verdict(&tally(&[a, a])), "unknown");
        assert_eq!(verdict(&tally(&[])), "unknown");
    }

    #[test]
    fn a_tenant_without_answers_proves_nothing() {
        let mut tally = tally(&[("a", Some("1"))]);
        let (end, leaks) = (End::Throttled, BTreeSet::new());
        tally.add(&Observation { tenant: "b".to_owned(), latency: Duration::ZERO, end, leaks });
        assert_eq!(verdict(&tally), "unknown");
    }

    #[test]
    fn what_is_new_in_each_answer_is_no_environment() {
        let at = || Identity::At("/id".to_owned());
        let new = [("a", Some("1")), ("b", Some("2")), ("a", Some("3")), ("b", Some("4"))];
        assert_eq!(verdict(&counted(at(), &new)), "unknown");
        assert_eq!(verdict(&counted(at(), &new[..2])), "unknown");
        let kept = [("a", Some("1")), ("b", Some("2")), ("a", Some("1")), ("b", Some("2"))];
        assert_eq!(verdict(&counted(at(), &kept)), "isolated");
        assert_eq!(verdict(&tally(&new)), "unknown", "none was used twice");
    }

    #[test]
    fn a_leak_check_says_nothing_without_answers_of_two_tenants() {
        let reason =
            |tally: &Tally| tally.report(Duration::from_secs(1), SecretsCheck::On).leaks_reason;
        assert_eq!(reason(&tally(&[])).as_deref(), Some("nothing was answered"));
        let one = tally(&[("a", Some("1")), ("a", Some("1"))]);
        assert_eq!(reason(&one).as_deref(), Some("only one tenant had answers"));
        assert_eq!(reason(&tally(&[("a", Some("1")), ("b", Some("2"))])), None);
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
        let report = tally.report(Duration::from_secs(2), SecretsCheck::Off);
        let order: Vec<_> = report.tenants.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(order, ["throttled", "slow", "fine"]);
        assert_eq!((report.overall.requests, report.overall.ok), (4, 3));
        assert!((report.overall.rate - 2.0).abs() < 1e-9);
        let end = End::Failed("lost".to_owned());
        let leaks = BTreeSet::new();
        tally.add(&Observation { tenant: "lost".to_owned(), latency, end, leaks });
        let report = tally.report(Duration::from_secs(2), SecretsCheck::Off);
        assert!((report.overall.rate - 2.0).abs() < 1e-9, "what nobody answered has no rate");
        assert_eq!(report.overall.cold_starts, None, "one answer didn't say");
        let max = report.overall.latency.max.unwrap();
        assert!((max - 1_000.0).abs() < 1e-6, "{max}");
    }
}
