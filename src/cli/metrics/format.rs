//! How the metrics of tenants are printed: the form, and the order.

use clap::ValueEnum;

use crate::report::tenant_report::TenantReport;

/// What is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Aligned columns
    #[default]
    Table,
    /// Fields with a tab between them
    Plain,
    /// One JSON document
    Json,
    /// Comma-separated values
    Csv,
}

/// The column to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// By name
    Tenant,
    /// The busiest first
    #[default]
    Invocations,
    /// Those that failed most often first
    Errors,
    /// Those that failed for the largest part first
    ErrorRate,
    /// Those that were throttled most often first
    Throttles,
    /// The slowest on average first
    Average,
    /// The slowest at p50 first
    P50,
    /// The slowest at p99 first
    P99,
    /// Those with the most cold starts first
    ColdStarts,
}

impl Sort {
    /// Puts tenants in order; those of the same rank by name.
    pub(crate) fn apply(self, tenants: &mut [TenantReport]) {
        let rank = |report: &TenantReport| {
            let figures = &report.figures;
            match self {
                Self::Tenant => None,
                Self::Invocations => figures.invocations,
                Self::Errors => figures.errors,
                Self::ErrorRate => figures.error_rate(),
                Self::Throttles => figures.throttles,
                Self::Average => figures.average,
                Self::P50 => figures.p50,
                Self::P99 => figures.p99,
                Self::ColdStarts => figures.cold_starts,
            }
            .unwrap_or(f64::NEG_INFINITY)
        };
        tenants.sort_by(|one, other| {
            rank(other).total_cmp(&rank(one)).then_with(|| one.tenant.cmp(&other.tenant))
        });
    }
}
