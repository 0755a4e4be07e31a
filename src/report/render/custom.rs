//! Any statistics of any metrics, for people and programs.

use serde_json::{Value, json};

use super::number::{count, exact};
use super::sparkline::{FEWEST_COLUMNS, PIPED_COLUMNS, sparkline};
use super::table::{name, table, width};
use crate::report::tenant_report::custom::{MetricValues, Subject};
use crate::report::tenant_report::window::Window;

/// A table with a row for each metric. If so many columns have room for it, a sparkline shows the first
/// statistic over time.
#[must_use]
pub(crate) fn text(
    found: &[MetricValues],
    subject: &Subject,
    window: &Window,
    columns: Option<usize>,
) -> String {
    let mut head = vec!["METRIC", "DIMENSIONS"];
    head.extend(subject.statistics.iter().map(String::as_str));
    let cells = |found: &MetricValues| {
        let mut cells = vec![name(&found.metric.name, 64), name(&dimensions(found), 120)];
        cells.extend(found.values.iter().map(|value| count(*value)));
        cells
    };
    let natural = table(&head, found.iter().map(cells).collect(), &[1]);
    let room = columns.map_or(PIPED_COLUMNS, |columns| columns.saturating_sub(width(&natural) + 2));
    if room < FEWEST_COLUMNS {
        return natural;
    }
    head.push("OVER TIME");
    let rows = found.iter().map(|found| {
        let mut cells = cells(found);
        cells.push(sparkline(&window.by_period(&found.series), room));
        cells
    });
    let last = head.len() - 1;
    table(&head, rows.collect(), &[1, last])
}

fn dimensions(found: &MetricValues) -> String {
    let pairs = found.metric.dimensions.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

/// All metrics as one JSON document.
#[must_use]
pub(crate) fn json(found: &[MetricValues], subject: &Subject, window: &Window) -> Value {
    let metrics = found.iter().map(|found| {
        let dimensions = found.metric.dimensions.iter();
        let statistics = subject.statistics.iter().zip(&found.values);
        json!({
            "metric": found.metric.name,
            "dimensions": dimensions.map(|(name, value)| (name.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
            "statistics": statistics.map(|(name, value)| (name.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>(),
            "byPeriod": window.by_period(&found.series),
        })
    });
    json!({
        "namespace": subject.namespace,
        "start": window.start.to_string(),
        "end": window.end.to_string(),
        "periodSeconds": window.period,
        "metrics": metrics.collect::<Vec<_>>(),
    })
}

/// The rows of a file: the names of the fields, then those of each metric.
#[must_use]
pub(crate) fn rows(found: &[MetricValues], subject: &Subject) -> Vec<Vec<String>> {
    let mut head = vec!["metric".to_owned(), "dimensions".to_owned()];
    head.extend(subject.statistics.iter().cloned());
    let row = |found: &MetricValues| {
        let mut fields = vec![found.metric.name.clone(), dimensions(found)];
        fields.extend(found.values.iter().map(|value| exact(*value)));
        fields
    };
    std::iter::once(head).chain(found.iter().map(row)).collect()
}
