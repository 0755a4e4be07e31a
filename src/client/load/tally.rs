//! What comes of the invocations of a load, of all and of each tenant. It has no clock: whoever observed an
//! invocation says how long it took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::client::load::end::End;
use crate::client::load::environments::{Environments, Identity, NOTHING_ANSWERED, ONE_TENANT};
use crate::client::load::figures::LoadFigures;
use crate::client::load::report::{LoadReport, TenantRow};
use crate::client::load::secrets::Leak;

/// One invocation, once it has ended.
#[derive(Clone, Debug)]
pub(crate) struct LoadObservation<'a> {
    /// The tenant that it was for; empty for a function without tenants.
    pub(crate) tenant: &'a str,
    /// From when it was to be sent until its answer was there.
    pub(crate) latency: Duration,
    /// How it ended.
    pub(crate) end: End,
    /// The secrets of others that came with the answer.
    pub(crate) leaks: BTreeSet<Leak>,
}

/// All that was observed.
#[derive(Default)]
pub(crate) struct Tally {
    overall: LoadFigures,
    tenants: BTreeMap<String, LoadFigures>,
    environments: Environments,
    not_begun: u64,
    unanswered: u64,
    leaks: BTreeSet<Leak>,
    first_failure: Option<String>,
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
        let environments = Environments::new(identity);
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

    /// Counts an invocation.
    pub(crate) fn add(&mut self, observation: &LoadObservation<'_>) {
        let LoadObservation { tenant, latency, end, leaks } = observation;
        self.leaks.extend(leaks.iter().cloned());
        self.overall.add(*latency, end);
        // The name of a tenant that is known is not copied: there may be 100,000 answers in a second.
        if let Some(figures) = self.tenants.get_mut(*tenant) {
            figures.add(*latency, end);
        } else {
            self.tenants.entry((*tenant).to_owned()).or_default().add(*latency, end);
        }
        self.environments.add(tenant, end);
        if let End::Failed(reason) = end {
            self.first_failure.get_or_insert_with(|| reason.clone());
        }
    }

    /// How many invocations have ended, and how many of them were not answered well.
    #[must_use]
    pub(crate) fn progress(&self) -> (u64, u64) {
        let all = self.overall.requests();
        (all, all - self.overall.ok())
    }

    /// The report of a load that took this long.
    #[must_use]
    pub(crate) fn report(&self, elapsed: Duration, secrets: SecretsCheck) -> LoadReport {
        let checked = secrets == SecretsCheck::On;
        let mut tenants: Vec<TenantRow> = self
            .tenants
            .iter()
            .map(|(tenant, figures)| TenantRow {
                tenant: tenant.clone(),
                row: figures.row(elapsed),
            })
            .collect();
        tenants.sort_by(|one, other| other.row.badness().total_cmp(&one.row.badness()));
        LoadReport {
            seconds: elapsed.as_secs_f64(),
            overall: self.overall.row(elapsed),
            tenants,
            isolation: self.environments.isolation(self.tenants.len()),
            leaks: checked.then(|| self.leaks.iter().cloned().collect()),
            leaks_reason: self.leaks_doubt().filter(|_| checked && self.leaks.is_empty()),
            not_begun: self.not_begun,
            unanswered: self.unanswered,
            first_failure: self.first_failure.clone(),
        }
    }

    /// Why it says nothing that no secret was found, if it says nothing.
    fn leaks_doubt(&self) -> Option<String> {
        let answered = self.tenants.values().filter(|figures| figures.answered() > 0).count();
        match answered {
            0 => Some(NOTHING_ANSWERED.to_owned()),
            1 => Some(ONE_TENANT.to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::{LoadObservation, SecretsCheck, Tally};
    use crate::client::load::end::End;
    use crate::client::load::environments::Identity;
    use crate::client::load::report::Isolation;

    fn tally(answers: &[(&str, Option<&str>)]) -> Tally {
        counted(Identity::Header, answers)
    }

    fn counted(identity: Identity, answers: &[(&str, Option<&str>)]) -> Tally {
        let mut tally = Tally::new(identity);
        for (tenant, environment) in answers {
            let environment = environment.map(str::to_owned);
            tally.add(&LoadObservation {
                tenant,
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
        tally.add(&LoadObservation { tenant: "b", latency: Duration::ZERO, end, leaks });
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
        tally.add(&LoadObservation { tenant: "slow", latency, end: slow, leaks });
        let latency = Duration::ZERO;
        let (end, leaks) = (End::Throttled, BTreeSet::new());
        tally.add(&LoadObservation { tenant: "throttled", latency, end, leaks });
        let report = tally.report(Duration::from_secs(2), SecretsCheck::Off);
        let order: Vec<_> = report.tenants.iter().map(|row| row.tenant.as_str()).collect();
        assert_eq!(order, ["throttled", "slow", "fine"]);
        assert_eq!((report.overall.requests, report.overall.ok), (4, 3));
        assert!((report.overall.rate - 2.0).abs() < 1e-9);
        let end = End::Failed("lost".to_owned());
        let leaks = BTreeSet::new();
        tally.add(&LoadObservation { tenant: "lost", latency, end, leaks });
        let report = tally.report(Duration::from_secs(2), SecretsCheck::Off);
        assert!((report.overall.rate - 2.0).abs() < 1e-9, "what nobody answered has no rate");
        assert_eq!(report.overall.cold_starts, None, "one answer didn't say");
        let max = report.overall.latency.max.unwrap();
        assert!((max - 1_000.0).abs() < 1e-6, "{max}");
    }
}
