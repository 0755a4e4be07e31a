//! Metrics in the embedded metric format: what a function publishes by writing a JSON object to its
//! output, as CloudWatch Logs extracts it.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::telemetry::metric_store::MetricStore;
use crate::telemetry::metric_store::acceptance::check_timestamp;
use crate::telemetry::metric_store::metric::{Datum, Dimensions, MetricId, Observation, Unit};

/// How many metrics a directive may define.
const METRICS: usize = 100;

/// How many values a metric may have in one line.
const VALUES: usize = 100;

/// How many dimensions a set may have.
const DIMENSIONS: usize = 30;

/// How long the value of a dimension may be, in characters.
const DIMENSION_VALUE: usize = 1024;

#[derive(Deserialize)]
struct EmbeddedMetrics {
    #[serde(rename = "_aws")]
    metadata: EmbeddedMetadata,
    /// Where the values of the metrics and dimensions are.
    #[serde(flatten)]
    members: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EmbeddedMetadata {
    /// In milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: Vec<MetricDirective>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDirective {
    namespace: String,
    dimensions: Vec<Vec<String>>,
    metrics: Vec<MetricDefinition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDefinition {
    name: String,
    unit: Option<String>,
}

/// Publishes the metrics that a line of output has, if it has any.
pub(crate) fn publish(line: &str, store: &MetricStore) {
    // Cheaper than to parse whatever a function writes.
    if !line.trim_start().starts_with('{') || !line.contains("\"_aws\"") {
        return;
    }
    let now = Timestamp::now();
    for datum in extract(line, now) {
        store.put(&datum, now);
    }
}

/// The metrics that a line of output publishes now. Most lines publish none, and one that breaks the rules
/// of the format is, as on AWS, a line like any other.
fn extract(line: &str, now: Timestamp) -> Vec<Datum> {
    data(line, now).unwrap_or_default()
}

fn data(line: &str, now: Timestamp) -> Option<Vec<Datum>> {
    let document: EmbeddedMetrics = serde_json::from_str(line).ok()?;
    let timestamp = Timestamp::from_millisecond(document.metadata.timestamp).ok()?;
    check_timestamp(timestamp, now).ok()?;
    let mut data = Vec::new();
    for directive in &document.metadata.cloud_watch_metrics {
        data.extend(published(directive, &document.members, timestamp)?);
    }
    Some(data)
}

/// What one directive publishes: each of its metrics under each of its sets of dimensions. `None` for
/// one that breaks the rules.
fn published(
    directive: &MetricDirective,
    members: &Map<String, Value>,
    timestamp: Timestamp,
) -> Option<Vec<Datum>> {
    if directive.namespace.is_empty() || directive.metrics.len() > METRICS {
        return None;
    }
    let namespace: Arc<str> = directive.namespace.as_str().into();
    let sets: Option<Vec<Dimensions>> =
        directive.dimensions.iter().map(|names| dimensions(names, members)).collect();
    let sets = sets?;
    let mut data = Vec::new();
    for definition in &directive.metrics {
        let unit = definition.unit.as_deref().map_or(Ok(Unit::NONE), str::parse).ok()?;
        // What is defined and not there is not published.
        let Some(value) = members.get(&definition.name) else { continue };
        let observation = Observation::Values(values(value)?);
        let name: Arc<str> = definition.name.as_str().into();
        data.extend(sets.iter().map(|dimensions| {
            let (namespace, name) = (Arc::clone(&namespace), Arc::clone(&name));
            let metric = MetricId { namespace, name, dimensions: dimensions.clone() };
            Datum { metric, unit, timestamp, observation: observation.clone() }
        }));
    }
    Some(data)
}

fn dimensions(names: &[String], members: &Map<String, Value>) -> Option<Dimensions> {
    if names.len() > DIMENSIONS {
        return None;
    }
    let pairs: Option<Vec<_>> = names
        .iter()
        .map(|name| {
            let value = members.get(name)?.as_str()?;
            let fits = (1..=DIMENSION_VALUE).contains(&value.chars().count());
            fits.then(|| (name.as_str().into(), value.into()))
        })
        .collect();
    pairs.map(Dimensions::new)
}

/// A number, or an array of them, each with how often it is there.
fn values(value: &Value) -> Option<Vec<(f64, f64)>> {
    let once = |value: &Value| Some((value.as_f64()?, 1.0));
    match value {
        Value::Array(values) if values.len() <= VALUES => values.iter().map(once).collect(),
        value => Some(vec![once(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use crate::telemetry::metric_store::metric::{Datum, Observation};

    /// The milliseconds at which the lines are written, and at which what is in them was observed.
    const NOW: i64 = 1_795_392_000_000;

    fn extract(line: &str) -> Vec<Datum> {
        super::extract(line, Timestamp::from_millisecond(NOW).unwrap())
    }

    fn line(change: impl FnOnce(&mut Value)) -> String {
        let mut line = json!({
            "_aws": {
                "Timestamp": NOW,
                "CloudWatchMetrics": [{
                    "Namespace": "Shop",
                    "Dimensions": [["Tenant", "Page"], ["Tenant"], []],
                    "Metrics": [{ "Name": "Orders", "Unit": "Count" }, { "Name": "Sizes" }],
                }],
            },
            "Tenant": "alice",
            "Page": "cart",
            "Orders": 2,
            "Sizes": [1.5, 1.5, 3],
        });
        change(&mut line);
        line.to_string()
    }

    #[test]
    fn each_metric_is_published_under_each_set_of_dimensions() {
        let data = extract(&line(|_| {}));
        let dimensions: Vec<Vec<_>> =
            data.iter().map(|datum| datum.metric.dimensions.iter().collect()).collect();
        let sets = [vec![("Page", "cart"), ("Tenant", "alice")], vec![("Tenant", "alice")], vec![]];
        assert_eq!(dimensions, [sets.clone(), sets].concat());
        assert_eq!(data[0].observation, Observation::once(2.0));
        let sizes = vec![(1.5, 1.0), (1.5, 1.0), (3.0, 1.0)];
        assert_eq!(data[3].observation, Observation::Values(sizes));
        assert_eq!((data[0].unit.as_str(), data[3].unit.as_str()), ("Count", "None"));
        assert_eq!((&*data[3].metric.namespace, &*data[3].metric.name), ("Shop", "Sizes"));
        assert_eq!(data[0].timestamp.as_second(), 1_795_392_000);
    }

    #[test]
    fn what_breaks_the_rules_publishes_nothing() {
        type Change = fn(&mut Value);
        let broken: [Change; 9] = [
            |line| line["_aws"]["Timestamp"] = json!("now"),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] = json!(""),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!("Tenant"),
            |line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = json!("count"),
            |line| line["Tenant"] = json!(7),
            |line| line["Tenant"] = json!(""),
            |line| line["Page"] = json!("x".repeat(1025)),
            |line| line["Orders"] = json!("2"),
            |line| line["Sizes"] = json!(vec![1; 101]),
        ];
        for change in broken {
            let line = line(change);
            assert_eq!(extract(&line), [], "{line}");
        }
        for other in ["", "{}", "\"_aws\"", "{\"_aws\": 1}", "x {\"_aws\": {}}"] {
            assert_eq!(extract(other), [], "{other}");
        }
    }

    #[test]
    fn what_is_too_old_or_too_far_ahead_is_not_published() {
        const HOUR: i64 = 3_600_000;
        let at = |timestamp: i64| line(|line| line["_aws"]["Timestamp"] = json!(timestamp));
        for taken in [NOW - 14 * 24 * HOUR, NOW + 2 * HOUR] {
            assert_eq!(extract(&at(taken)).len(), 6, "{taken}");
        }
        for other in [NOW - 14 * 24 * HOUR - 1, NOW + 2 * HOUR + 1] {
            assert_eq!(extract(&at(other)), [], "{other}");
        }
    }

    #[test]
    fn what_is_defined_and_not_there_is_left_out() {
        let data = extract(&line(|line| drop(line.as_object_mut().unwrap().remove("Orders"))));
        assert!(data.iter().all(|datum| &*datum.metric.name == "Sizes"));
        assert_eq!(data.len(), 3);
    }
}
