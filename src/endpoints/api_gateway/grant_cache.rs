//! The answers of authorizers that still count.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::endpoints::api_gateway::authorizer::Authorizer;
use crate::endpoints::api_gateway::grant::Grant;

/// Answers that still count, by authorizer and identity.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<HashMap<GrantKey, (Instant, Grant)>>);

/// The name of an authorizer, and what it was asked about.
type GrantKey = (String, Vec<String>);

/// How many answers are kept.
const KEPT: usize = 10_000;

impl Grants {
    /// The answer that an authorizer gave for this identity, while it counts.
    #[must_use]
    pub(crate) fn get(&self, authorizer: &Authorizer, identity: &[String]) -> Option<Grant> {
        let key = (authorizer.name.clone(), identity.to_vec());
        let (until, grant) = self.kept().get(&key).cloned()?;
        (Instant::now() < until).then_some(grant)
    }

    /// Keeps an answer for as long as it counts.
    pub(crate) fn keep(&self, authorizer: &Authorizer, identity: Vec<String>, grant: Grant) {
        // An authorizer without identity sources can't tell callers apart.
        if authorizer.ttl.is_zero() || identity.is_empty() {
            return;
        }
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            let now = Instant::now();
            kept.retain(|_, (until, _)| now < *until);
        }
        if kept.len() < KEPT {
            let until = Instant::now() + authorizer.ttl;
            kept.insert((authorizer.name.clone(), identity), (until, grant));
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<GrantKey, (Instant, Grant)>> {
        // Each change of the map is one step, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
