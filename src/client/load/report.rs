//! The report of a load, as `-o json` prints it.

use serde::Serialize;

use crate::client::load::secrets::Leak;

/// What came of a load.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadReport {
    /// How long it took.
    pub(crate) seconds: f64,
    /// All tenants together.
    pub(crate) overall: LoadRow,
    /// Each tenant, the worst first: those with failures, then the slowest.
    pub(crate) tenants: Vec<TenantRow>,
    /// Whether tenants were kept apart.
    #[serde(flatten)]
    pub(crate) isolation: Isolation,
    /// The secrets that others saw; absent where none were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) leaks: Option<Vec<Leak>>,
    /// Why it proves nothing that there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) leaks_reason: Option<String>,
    /// How many invocations were due in time, but not begun: all connections were busy.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) not_begun: u64,
    /// How many had no answer yet when the load was stopped, or 30 s after its end.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) unanswered: u64,
    /// Why the first invocation without an answer failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_failure: Option<String>,
}

/// The figures of a tenant.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TenantRow {
    /// The tenant; empty for a function without tenants.
    pub(crate) tenant: String,
    /// Its figures.
    #[serde(flatten)]
    pub(crate) row: LoadRow,
}

/// The figures of some invocations.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadRow {
    /// All that were sent.
    pub(crate) requests: u64,
    /// Those that the function answered well.
    pub(crate) ok: u64,
    /// Those that it answered with an error.
    pub(crate) function_errors: u64,
    /// Those that were throttled.
    pub(crate) throttles: u64,
    /// Those without an answer.
    pub(crate) transport_errors: u64,
    /// How many were answered in a second, throttled ones too.
    pub(crate) rate: f64,
    /// How long answers took.
    pub(crate) latency: Latency,
    /// How many started an environment, where that can be told.
    pub(crate) cold_starts: Option<u64>,
    /// How many environments answered, where that can be told.
    pub(crate) environments: Option<usize>,
}

impl LoadRow {
    /// How bad the figures are, for sorting. One failure weighs more than any latency.
    #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
    #[must_use]
    pub(crate) fn badness(&self) -> f64 {
        let failures = self.function_errors + self.throttles + self.transport_errors;
        failures as f64 * 1e9 + self.latency.p99.unwrap_or_default()
    }
}

/// How long answers took, in milliseconds; absent where there were none.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    /// The mean.
    pub(crate) mean: Option<f64>,
    /// The median.
    pub(crate) p50: Option<f64>,
    /// 90 % took no longer.
    pub(crate) p90: Option<f64>,
    /// 99 % took no longer.
    pub(crate) p99: Option<f64>,
    /// 99.9 % took no longer.
    #[serde(rename = "p99.9")]
    pub(crate) p999: Option<f64>,
    /// The longest.
    pub(crate) max: Option<f64>,
}

/// Whether tenants were kept apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "isolation", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(crate) enum Isolation {
    /// No environment served two tenants.
    Isolated,
    /// At least one environment did.
    Shared {
        /// The environments that served several tenants.
        shared_environments: Vec<SharedEnvironment>,
    },
    /// It can't be told.
    Unknown {
        /// Why.
        isolation_reason: String,
    },
}

/// An environment that served several tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SharedEnvironment {
    /// Its identity.
    pub(crate) environment: String,
    /// The tenants.
    pub(crate) tenants: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
