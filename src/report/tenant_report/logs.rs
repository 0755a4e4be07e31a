//! What the JSON platform logs tell about tenants, where no metric does: the query of Logs Insights,
//! and the figures that follow from its rows. Knows no requests.

use std::collections::BTreeMap;

use super::figures::Figures;
use super::{FunctionReport, TenantReport};
use crate::client::cloudwatch::Points;
use crate::client::insights::Row;
use crate::report::prices::Usage;

/// A row for each tenant. Only Lambda's own lines are counted: each invocation leaves one report.
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

/// What a row tells of a tenant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TenantFigures {
    /// The figures; throttles are in no log.
    pub(crate) figures: Figures,
    /// What AWS charges for. An environment is counted when its init is reported.
    pub(crate) usage: Usage,
}

/// The tenants of the rows, those that are asked for if any are.
#[must_use]
pub(crate) fn tenants(rows: &[Row], asked: &[String]) -> BTreeMap<String, TenantFigures> {
    let tenants = rows.iter().filter_map(|row| Some((row.get("tenant")?.clone(), found(row))));
    tenants.filter(|(tenant, _)| asked.is_empty() || asked.contains(tenant)).collect()
}

fn found(row: &Row) -> TenantFigures {
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
    Shown,
    Hidden,
}

/// The report of a function. All tenants together have no percentiles: they don't follow from those of
/// each.
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
    let all = || tenants.values().map(|found| found.figures);
    let sum = |figure: fn(&Figures) -> Option<f64>| {
        all().filter_map(|figures| figure(&figures)).reduce(|one, other| one + other)
    };
    let weighted = all()
        .filter_map(|figures| Some(figures.average? * figures.invocations?))
        .reduce(|one, other| one + other);
    let invocations = sum(|figures| figures.invocations);
    let total = Figures {
        invocations,
        errors: sum(|figures| figures.errors),
        average: weighted.zip(invocations).map(|(weighted, all)| weighted / all),
        cold_starts: sum(|figures| figures.cold_starts),
        ..Figures::default()
    };
    FunctionReport {
        function,
        tenants: tenants.iter().map(|(tenant, found)| row(Some(tenant), found.figures)).collect(),
        total: (shown == Total::Shown && !tenants.is_empty()).then(|| row(None, total)),
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
