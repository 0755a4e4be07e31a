//! The report on tenants for programs: JSON, CSV, and lines of fields with a tab between them.

use serde_json::{Value, json};

use super::number::exact;
use crate::report::tenant_report::figures::Figures;
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{FunctionReport, TenantReport};
use crate::system::text::one_line;

const HEAD: [&str; 10] = [
    "function",
    "tenant",
    "invocations",
    "errors",
    "errorRate",
    "throttles",
    "averageMs",
    "p50Ms",
    "p99Ms",
    "coldStarts",
];

/// All functions as one JSON document. What was not published is null.
#[must_use]
pub(crate) fn json(reports: &[FunctionReport], window: &Window) -> Value {
    let functions = reports.iter().map(|report| {
        json!({
            "function": report.function,
            "tenants": report.tenants.iter().map(|row| tenant(row, window)).collect::<Vec<_>>(),
            "total": report.total.as_ref().map(|row| tenant(row, window)),
        })
    });
    json!({
        "start": window.start.to_string(),
        "end": window.end.to_string(),
        "periodSeconds": window.period,
        "functions": functions.collect::<Vec<_>>(),
    })
}

fn tenant(row: &TenantReport, window: &Window) -> Value {
    let mut value = figures(&row.figures);
    value["tenant"] = json!(row.tenant);
    value["invocationsByPeriod"] = json!(window.by_period(&row.invocations));
    if !row.periods.is_empty() {
        let periods = row.periods.iter().map(|(time, period)| {
            let mut value = figures(period);
            value["start"] = json!(time.to_string());
            value
        });
        value["periods"] = periods.collect();
    }
    value
}

fn figures(figures: &Figures) -> Value {
    json!({
        "invocations": figures.invocations,
        "errors": figures.errors,
        "errorRate": figures.error_rate(),
        "throttles": figures.throttles,
        "durationMs": {
            "average": figures.average,
            "p50": figures.p50,
            "p99": figures.p99,
        },
        "coldStarts": figures.cold_starts,
    })
}

/// The rows of a file: the names of the fields, then those of each tenant. The row of all tenants together
/// has no tenant.
#[must_use]
pub(crate) fn rows(reports: &[FunctionReport]) -> Vec<Vec<String>> {
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for report in reports {
        rows.extend(report.tenants.iter().chain(&report.total).map(|row| {
            let Figures { invocations, errors, throttles, average, p50, p99, cold_starts } =
                row.figures;
            let numbers = [
                invocations,
                errors,
                row.figures.error_rate(),
                throttles,
                average,
                p50,
                p99,
                cold_starts,
            ];
            let mut fields = vec![report.function.clone(), row.tenant.clone().unwrap_or_default()];
            fields.extend(numbers.map(exact));
            fields
        }));
    }
    rows
}

/// The rows as CSV. A name that a spreadsheet would take for a formula has an apostrophe before it.
#[must_use]
pub(crate) fn csv(rows: &[Vec<String>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory does not fail.
        let _ = writer.write_record(row.iter().map(|field| harmless(field)));
    }
    String::from_utf8_lossy(&writer.into_inner().unwrap_or_default()).into_owned()
}

fn harmless(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@']) && field.parse::<f64>().is_err();
    if is_formula { format!("'{field}") } else { field.to_owned() }
}

/// The rows with a tab between their fields.
#[must_use]
pub(crate) fn plain(rows: &[Vec<String>]) -> String {
    let escaped = |field: &String| one_line(field);
    let line = |row: &Vec<String>| row.iter().map(escaped).collect::<Vec<_>>().join("\t") + "\n";
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{csv, plain};

    #[test]
    fn names_are_no_formulas_and_no_commands() {
        let row = |fields: [&str; 3]| fields.map(str::to_owned).to_vec();
        let rows = [row(["=1+1", "a,b", "-1.5"]), row(["-x", "\u{1b}", "@y"])];
        assert_eq!(csv(&rows), "'=1+1,\"a,b\",-1.5\n'-x,\u{1b},'@y\n");
        assert_eq!(plain(&rows), "=1+1\ta,b\t-1.5\n-x\t\\u{1b}\t@y\n");
    }
}
