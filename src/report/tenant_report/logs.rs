//! What the JSON platform logs tell about tenants where no metric does: the query for CloudWatch Logs
//! Insights, and the figures that follow from its rows.

use std::collections::BTreeMap;

use super::figures::Figures;
use super::function_report::{FunctionReport, TenantReport};
use crate::client::cloudwatch::Points;
use crate::client::insights::Row;
use crate::report::prices::Usage;

/// Asks for a row for each tenant. Only Lambda's own lines are counted: each invocation leaves one report.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report>
pub(crate) const QUERY: &str = "\
filter type = \"platform.report\" and ispresent(record.tenantId)
| fields strcontains(record.status, \"success\") as succeeded
| stats count(*) as invocations, sum(succeeded) as successes, \
avg(record.metrics.durationMs) as average, \
pct(record.metrics.durationMs, 50) as p50, pct(record.metrics.durationMs, 99) as p99, \
count(record.metrics.initDurationMs) as coldStarts, \
sum(record.metrics.billedDurationMs) as billed by record.tenantId as tenant";

/// What the logs tell of a tenant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TenantFigures {
    /// The figures; throttles are in no log.
    pub(crate) figures: Figures,
    /// What AWS charges for. An environment is counted when its init is reported.
    pub(crate) usage: Usage,
}

/// The tenants of the rows; only those in `asked`, unless it is empty.
#[must_use]
pub(crate) fn tenants(rows: &[Row], asked: &[String]) -> BTreeMap<String, TenantFigures> {
    let tenants =
        rows.iter().filter_map(|row| Some((row.get("tenant")?.clone(), tenant_figures(row))));
    tenants.filter(|(tenant, _)| asked.is_empty() || asked.contains(tenant)).collect()
}

fn tenant_figures(row: &Row) -> TenantFigures {
    let number = |field: &str| row.get(field).and_then(|text| text.parse::<f64>().ok());
    let invocations = number("invocations");
    let cold_starts = number("coldStarts");
    let errors = invocations.zip(number("successes")).map(|(all, successes)| all - successes);
    let figures = Figures {
        invocations,
        errors,
        throttles: None,
        average: number("average"),
        p50: number("p50"),
        p99: number("p99"),
        cold_starts,
    };
    let usage = Usage {
        requests: invocations.unwrap_or_default(),
        billed_ms: number("billed").unwrap_or_default(),
        environments: cold_starts.unwrap_or_default(),
    };
    TenantFigures { figures, usage }
}

/// Whether the report has a row for all tenants together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// It has.
    Shown,
    /// It has not, because only some tenants are asked for.
    Hidden,
}

/// The report of a function.
#[must_use]
pub(crate) fn report(
    function: String,
    tenants: &BTreeMap<String, TenantFigures>,
    shown: Total,
) -> FunctionReport {
    let row = |tenant: Option<&String>, figures| TenantReport {
        tenant: tenant.cloned(),
        figures,
        invocations: Points::new(),
        periods: BTreeMap::new(),
    };
    let has_total = shown == Total::Shown && !tenants.is_empty();
    FunctionReport {
        function,
        tenants: tenants.iter().map(|(tenant, found)| row(Some(tenant), found.figures)).collect(),
        total: has_total.then(|| row(None, total(tenants))),
    }
}

/// The figures of all tenants together. There are no percentiles, which don't follow from those of each.
fn total(tenants: &BTreeMap<String, TenantFigures>) -> Figures {
    let sum = |figure: fn(&Figures) -> Option<f64>| {
        let figures = tenants.values().filter_map(|tenant| figure(&tenant.figures));
        figures.reduce(|one, other| one + other)
    };
    let invocations = sum(|figures| figures.invocations);
    let duration = sum(|figures| Some(figures.average? * figures.invocations?));
    Figures {
        invocations,
        errors: sum(|figures| figures.errors),
        average: duration.zip(invocations).map(|(duration, invocations)| duration / invocations),
        cold_starts: sum(|figures| figures.cold_starts),
        ..Figures::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Total, report, tenants};

    fn row(fields: &[(&str, &str)]) -> Row {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn rows_are_figures() {
        let rows = [
            row(&[
                ("tenant", "alice"),
                ("invocations", "4"),
                ("successes", "3"),
                ("average", "10.5"),
                ("p50", "9"),
                ("p99", "20"),
                ("coldStarts", "1"),
                ("billed", "90"),
            ]),
            row(&[("tenant", "bob"), ("invocations", "1"), ("successes", "1"), ("average", "0.5")]),
            row(&[("invocations", "7")]),
        ];
        let found = tenants(&rows, &[]);
        assert_eq!(found.len(), 2);
        let alice = found["alice"];
        assert_eq!((alice.figures.errors, alice.figures.throttles), (Some(1.0), None));
        assert_eq!((alice.usage.billed_ms, alice.usage.environments), (90.0, 1.0));
        let report = report("f".to_owned(), &found, Total::Shown);
        let total = report.total.unwrap().figures;
        assert_eq!((total.invocations, total.average, total.p99), (Some(5.0), Some(8.5), None));
        assert_eq!(tenants(&rows, &["bob".to_owned()]).len(), 1);
    }
}
