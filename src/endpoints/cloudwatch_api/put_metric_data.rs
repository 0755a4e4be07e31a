//! `PutMetricData`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};
use crate::endpoints::cloudwatch_api::input::{self, Dimension, Number, Time};
use crate::telemetry::metric_store::MetricStore;
use crate::telemetry::metric_store::acceptance::check_timestamp;
use crate::telemetry::metric_store::metric::{Datum, MetricId, Observation, StatisticSet, Unit};

/// The most metrics in a request.
const MAXIMUM_METRICS: usize = 1_000;

/// The most different values of one metric in a request.
const MAXIMUM_VALUES: usize = 150;

/// The greatest value, 2^360. The least is its negative.
const GREATEST: f64 = 2.348_542_582_773_833_4e108;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutMetricDataInput {
    namespace: Option<String>,
    metric_data: Option<Vec<MetricDatum>>,
    #[serde(default)]
    entity_metric_data: Vec<EntityMetricData>,
}

/// Metrics of an entity. The entity is ignored: no answer of CloudWatch shows it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntityMetricData {
    #[serde(default)]
    metric_data: Vec<MetricDatum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDatum {
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    timestamp: Option<Time>,
    value: Option<Number>,
    statistic_values: Option<StatisticValues>,
    values: Option<Vec<Number>>,
    counts: Option<Vec<Number>>,
    unit: Option<String>,
    storage_resolution: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticValues {
    sample_count: Option<Number>,
    sum: Option<Number>,
    minimum: Option<Number>,
    maximum: Option<Number>,
}

/// Publishes what a request has. Nothing of it is published when a part of it is wrong.
///
/// # Errors
///
/// With the refusal.
pub(crate) fn run(store: &MetricStore, input: Value) -> Result<AnswerDocument, CloudWatchError> {
    let input: PutMetricDataInput = input::read(input)?;
    let namespace = input::limited(input.namespace, "Namespace", input::NAME_CHARACTERS)?;
    for beginning in ["AWS/", ":"] {
        if namespace.starts_with(beginning) {
            return Err(CloudWatchError::invalid(beginning, "Namespace"));
        }
    }
    if input.metric_data.is_none() && input.entity_metric_data.is_empty() {
        return Err(CloudWatchError::missing("MetricData"));
    }
    let namespace: Arc<str> = namespace.into();
    let now = Timestamp::now();
    let of_entities = input.entity_metric_data.into_iter().flat_map(|of| of.metric_data);
    let metric_data: Vec<_> = input.metric_data.into_iter().flatten().chain(of_entities).collect();
    input::at_most(metric_data.len(), MAXIMUM_METRICS, "MetricData")?;
    let data = metric_data.into_iter().enumerate().map(|(index, datum)| {
        datum.check(Arc::clone(&namespace), &format!("MetricData.member.{}", index + 1), now)
    });
    for datum in data.collect::<Result<Vec<_>, _>>()? {
        store.put(&datum, now);
    }
    Ok(AnswerDocument::Structure(Vec::new()))
}

impl MetricDatum {
    fn check(
        self,
        namespace: Arc<str>,
        path: &str,
        now: Timestamp,
    ) -> Result<Datum, CloudWatchError> {
        let name = self.metric_name.clone();
        let name = input::limited(name, &format!("{path}.MetricName"), input::NAME_CHARACTERS)?;
        let timestamp = timestamp(self.timestamp, path, now)?;
        let unit = input::unit(self.unit.as_deref(), &format!("{path}.Unit"))?;
        match self.storage_resolution.map(|Number(seconds)| seconds) {
            None | Some(1.0 | 60.0) => {}
            Some(other) => {
                let path = format!("{path}.StorageResolution");
                return Err(CloudWatchError::invalid(&other.to_string(), &path));
            }
        }
        let observation = self.observation(path)?;
        let dimensions = input::dimensions(self.dimensions, &format!("{path}.Dimensions"))?;
        let metric = MetricId { namespace, name: name.into(), dimensions };
        Ok(Datum { metric, unit: unit.unwrap_or(Unit::NONE), timestamp, observation })
    }

    fn observation(&self, path: &str) -> Result<Observation, CloudWatchError> {
        match (&self.value, &self.statistic_values, &self.values) {
            (Some(value), None, None) => {
                Ok(Observation::once(number(Some(*value), &format!("{path}.Value"))?))
            }
            (None, Some(set), None) => {
                set.check(&format!("{path}.StatisticValues")).map(Observation::Set)
            }
            (None, None, Some(values)) => self.values(values, path),
            (None, None, None) => Err(CloudWatchError::combination(format!(
                "At least one of the parameters {path}.Value, {path}.Values and \
                 {path}.StatisticValues must be specified."
            ))),
            (value, set, _) => {
                let (one, other) = match (value, set) {
                    (Some(_), Some(_)) => ("Value", "StatisticValues"),
                    (Some(_), None) => ("Value", "Values"),
                    (None, _) => ("StatisticValues", "Values"),
                };
                Err(CloudWatchError::combination(format!(
                    "The parameters {path}.{one} and {path}.{other} are mutually exclusive and \
                     you have specified both."
                )))
            }
        }
    }

    fn values(&self, values: &[Number], path: &str) -> Result<Observation, CloudWatchError> {
        input::at_most(values.len(), MAXIMUM_VALUES, &format!("{path}.Values"))?;
        if self.counts.as_ref().is_some_and(|counts| counts.len() != values.len()) {
            return Err(CloudWatchError::combination(format!(
                "The parameters {path}.Values and {path}.Counts must have the same size."
            )));
        }
        let checked = values.iter().enumerate().map(|(index, value)| {
            let member = index + 1;
            let value = number(Some(*value), &format!("{path}.Values.member.{member}"))?;
            let count = self.counts.as_ref().map_or(Number(1.0), |counts| counts[index]);
            let path = format!("{path}.Counts.member.{member}");
            let count = number(Some(count), &path)?;
            if count < 0.0 {
                return Err(CloudWatchError::invalid(&count.to_string(), &path));
            }
            Ok((value, count))
        });
        checked.collect::<Result<_, _>>().map(Observation::Values)
    }
}

impl StatisticValues {
    fn check(&self, path: &str) -> Result<StatisticSet, CloudWatchError> {
        let set = StatisticSet {
            sample_count: number(self.sample_count, &format!("{path}.SampleCount"))?,
            sum: number(self.sum, &format!("{path}.Sum"))?,
            minimum: number(self.minimum, &format!("{path}.Minimum"))?,
            maximum: number(self.maximum, &format!("{path}.Maximum"))?,
        };
        if set.sample_count <= 0.0 {
            let path = format!("{path}.SampleCount");
            return Err(CloudWatchError::invalid(&set.sample_count.to_string(), &path));
        }
        if set.minimum > set.maximum {
            return Err(CloudWatchError::combination(format!(
                "The parameter {path}.Minimum must be less than or equal to {path}.Maximum."
            )));
        }
        Ok(set)
    }
}

fn number(number: Option<Number>, path: &str) -> Result<f64, CloudWatchError> {
    let Number(value) = number.ok_or_else(|| CloudWatchError::missing(path))?;
    if value.abs() <= GREATEST {
        Ok(value)
    } else {
        Err(CloudWatchError::invalid(&value.to_string(), path))
    }
}

fn timestamp(time: Option<Time>, path: &str, now: Timestamp) -> Result<Timestamp, CloudWatchError> {
    let timestamp = time.map_or(now, |Time(timestamp)| timestamp);
    check_timestamp(timestamp, now).map(|()| timestamp).map_err(|limit| {
        let message =
            format!("The parameter {path}.Timestamp must specify a time no more than {limit}.");
        CloudWatchError::new(CloudWatchErrorKind::InvalidParameterValue, message)
    })
}
