//! Any statistics of any metrics, for people and programs. Knows no requests.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::number::{count, exact};
use super::sparkline::sparkline;
use super::table::{name, table, width};
use crate::report::tenant_report::custom::{MetricValues, Subject};
use crate::report::tenant_report::window::Window;

/// The columns of a sparkline: the fewest that it is worth, and the most in a pipe.
const SPARKLINE: (usize, usize) = (8, 60);

/// A row for each metric, and a sparkline of the first statistic.
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
    let room = columns.map_or(SPARKLINE.1, |columns| columns.saturating_sub(width(&natural) + 2));
    if room < SPARKLINE.0 {
        return natural;
    }
    head.push("OVER TIME");
    let rows = found.iter().map(|found| {
        let mut cells = cells(found);
        cells.push(sparkline(&course(found, window), room));
        cells
    });
    let last = head.len() - 1;
    table(&head, rows.collect(), &[1, last])
}

fn course(found: &MetricValues, window: &Window) -> Vec<Option<f64>> {
    let value = |period: Timestamp| {
        found.series.iter().find(|(time, _)| *time == period).map(|(_, value)| *value)
    };
    window.periods().map(value).collect()
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
            "byPeriod": course(found, window),
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

/// The fields of all rows after their head.
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
