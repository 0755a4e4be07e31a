//! Which environments answered which tenants, and whether that shows that tenants were kept apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::load::end::End;
use crate::client::load::report::{Isolation, SharedEnvironment};

/// Why nothing can be told of a load without answers.
pub(crate) const NOTHING_ANSWERED: &str = "nothing was answered";
/// Why nothing can be told of a load with a single tenant.
pub(crate) const ONE_TENANT: &str = "only one tenant had answers";

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
#[derive(Debug, Default)]
pub(crate) struct Environments {
    /// What tells them apart.
    identity: Identity,
    /// Which tenants each has served.
    served: BTreeMap<String, BTreeSet<String>>,
    /// How many answers told their environment.
    identified: u64,
    /// How many answers should have told it and did not.
    unidentified: u64,
}

impl Environments {
    /// None yet, to be told apart by this.
    #[must_use]
    pub(crate) fn new(identity: Identity) -> Self {
        Self { identity, ..Self::default() }
    }

    /// Notes which environment answered this tenant.
    pub(crate) fn add(&mut self, tenant: &str, end: &End) {
        match end {
            End::Answered { environment: Some(environment), .. } => {
                self.identified += 1;
                let served = self.served.get(environment);
                if !served.is_some_and(|tenants| tenants.contains(tenant)) {
                    let served = self.served.entry(environment.clone()).or_default();
                    served.insert(tenant.to_owned());
                }
            }
            // A function that failed answers with an error, which has nothing at the pointer.
            End::Answered { is_error: true, .. } if self.identity != Identity::Header => {}
            End::Answered { environment: None, .. } => self.unidentified += 1,
            End::Throttled | End::Failed(_) => {}
        }
    }

    /// Whether so many tenants were kept apart. Tenants that share an environment are never isolated. That
    /// no tenants share one says something only where every answer told its environment, and where there
    /// was more than one tenant.
    #[must_use]
    pub(crate) fn isolation(&self, tenants: usize) -> Isolation {
        let shared: Vec<SharedEnvironment> = self
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
        match self.doubt(tenants) {
            Some(isolation_reason) => Isolation::Unknown { isolation_reason },
            None => Isolation::Isolated,
        }
    }

    /// Why it can't be told whether tenants were kept apart, if it can't.
    fn doubt(&self, tenants: usize) -> Option<String> {
        if self.identified + self.unidentified == 0 {
            return Some(NOTHING_ANSWERED.to_owned());
        }
        self.identity_doubt(tenants).or_else(|| self.reuse_doubt())
    }

    /// What is wrong with what should tell environments apart.
    fn identity_doubt(&self, tenants: usize) -> Option<String> {
        let all = self.unidentified + self.identified;
        match &self.identity {
            Identity::Header if self.unidentified > 0 => Some(
                "the server doesn't say which environment answers; --environment-at can name a \
                 member of the function's answer that does"
                    .to_owned(),
            ),
            Identity::At(pointer) if self.unidentified > 0 => Some(format!(
                "{} of {all} answers have no text or number at `{pointer}`",
                self.unidentified
            )),
            // With one answer for each tenant, the ids of environments would differ too.
            Identity::At(pointer)
                if self.each_answered_once() && self.identified > tenants as u64 =>
            {
                Some(format!(
                    "`{pointer}` differs in each answer, so it may not name the environment"
                ))
            }
            Identity::Header | Identity::At(_) => None,
        }
    }

    /// Why the environments that answered say nothing.
    fn reuse_doubt(&self) -> Option<String> {
        let answered: BTreeSet<&String> = self.served.values().flatten().collect();
        if answered.len() < 2 {
            return Some(ONE_TENANT.to_owned());
        }
        // If every answer comes from a new environment, nothing shows that a tenant keeps its own.
        self.each_answered_once().then(|| {
            "no environment answered twice, so none was seen to stay with its tenant; send more \
             invocations"
                .to_owned()
        })
    }

    fn each_answered_once(&self) -> bool {
        self.served.len() as u64 == self.identified
    }
}
