//! How fast a function may start environments: a bucket of units that come back continuously. `now`
//! comes in from outside.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>

use std::time::Instant;

use crate::lambda::quotas;

/// The starts that a function has left, at most [`quotas::SCALING_ENVIRONMENTS`].
#[derive(Debug)]
pub(crate) struct ScalingBucket {
    units: f64,
    at: Instant,
}

impl ScalingBucket {
    /// A full bucket.
    #[must_use]
    pub(crate) fn new(now: Instant) -> Self {
        Self { units: f64::from(quotas::SCALING_ENVIRONMENTS), at: now }
    }

    /// Takes a unit, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let full = f64::from(quotas::SCALING_ENVIRONMENTS);
        let rate = full / quotas::SCALING_INTERVAL.as_secs_f64();
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.units = (self.units + passed * rate).min(full);
        self.at = now;
        let enough = self.units >= 1.0;
        if enough {
            self.units -= 1.0;
        }
        enough
    }
}
