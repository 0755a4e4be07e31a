//! `GetMetricStatistics`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html>

use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::CloudWatchError;
use crate::endpoints::cloudwatch_api::input::{self, Dimension, Number, Time};
use crate::telemetry::metric_store::metric::MetricId;
use crate::telemetry::metric_store::statistic::{Statistic, StatisticError};
use crate::telemetry::metric_store::{MetricQuery, MetricStore, Point};

/// The most points that one request gets.
const MAXIMUM_POINTS: i64 = 1_440;

/// The most statistics and extended statistics that one request may name.
const MAXIMUM_STATISTICS: (usize, usize) = (5, 10);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricStatisticsInput {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    start_time: Option<Time>,
    end_time: Option<Time>,
    period: Option<Number>,
    #[serde(default)]
    statistics: Vec<String>,
    #[serde(default)]
    extended_statistics: Vec<String>,
    unit: Option<String>,
}

/// Answers a request. The points are in the order of time, though AWS promises no order.
///
/// # Errors
///
/// With the refusal.
pub(crate) fn run(store: &MetricStore, input: Value) -> Result<AnswerDocument, CloudWatchError> {
    let input: GetMetricStatisticsInput = input::read(input)?;
    let namespace = input::required(input.namespace, "Namespace")?;
    let name = input::required(input.metric_name, "MetricName")?;
    let Range { start, end } = input::window(input.start_time, input.end_time)?;
    let period = input.period.ok_or_else(|| CloudWatchError::missing("Period"))?;
    let period = input::period(period, "Period")?;
    let unit = input::unit(input.unit.as_deref(), "Unit")?;
    let statistics = statistics(&input.statistics, &input.extended_statistics)?;
    let points = (end.as_second() - start.as_second()).div_euclid(i64::from(period));
    if points > MAXIMUM_POINTS {
        return Err(CloudWatchError::combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may reduce \
             the datapoints requested by increasing Period, or decreasing the time range.",
            grouped(points),
            grouped(MAXIMUM_POINTS)
        )));
    }
    let dimensions = input::dimensions(input.dimensions, "Dimensions")?;
    let metric = MetricId { namespace: namespace.into(), name: name.as_str().into(), dimensions };
    let points = store.points(&MetricQuery { metric: &metric, unit, start, end, period });
    let datapoints = points.iter().map(|point| datapoint(point, &statistics));
    Ok(AnswerDocument::Structure(vec![
        ("Label", AnswerDocument::Text(name)),
        ("Datapoints", AnswerDocument::List(datapoints.collect())),
    ]))
}

/// A number with commas between its thousands.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The statistics asked for: the member that each of them is, and how the caller writes it.
struct Wanted {
    plain: Vec<(&'static str, Statistic)>,
    extended: Vec<(String, Statistic)>,
}

fn statistics(plain: &[String], extended: &[String]) -> Result<Wanted, CloudWatchError> {
    if plain.is_empty() && extended.is_empty() {
        return Err(CloudWatchError::combination(
            "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
        ));
    }
    if !plain.is_empty() && !extended.is_empty() {
        return Err(CloudWatchError::combination(
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have \
             specified both.",
        ));
    }
    input::at_most(plain.len(), MAXIMUM_STATISTICS.0, "Statistics")?;
    input::at_most(extended.len(), MAXIMUM_STATISTICS.1, "ExtendedStatistics")?;
    let plain = plain.iter().enumerate().map(|(index, text)| {
        member(text).ok_or_else(|| {
            CloudWatchError::invalid(text, &format!("Statistics.member.{}", index + 1))
        })
    });
    let extended = extended.iter().enumerate().map(|(index, text)| {
        let path = format!("ExtendedStatistics.member.{}", index + 1);
        match text.parse() {
            Ok(statistic @ Statistic::Percentile(_)) => Ok((text.clone(), statistic)),
            Err(error @ StatisticError::NotEmulated) => {
                Err(CloudWatchError::combination(format!("{path} is {text}: {error}.")))
            }
            Ok(_) | Err(StatisticError::Unknown) => Err(CloudWatchError::invalid(text, &path)),
        }
    });
    Ok(Wanted {
        plain: plain.collect::<Result<_, _>>()?,
        extended: extended.collect::<Result<_, _>>()?,
    })
}

fn member(text: &str) -> Option<(&'static str, Statistic)> {
    let members = [
        ("SampleCount", Statistic::SampleCount),
        ("Average", Statistic::Average),
        ("Sum", Statistic::Sum),
        ("Minimum", Statistic::Minimum),
        ("Maximum", Statistic::Maximum),
    ];
    members.into_iter().find(|(name, _)| *name == text)
}

fn datapoint(point: &Point, wanted: &Wanted) -> AnswerDocument {
    let mut members = vec![("Timestamp", AnswerDocument::Timestamp(point.start))];
    members.extend(wanted.plain.iter().filter_map(|(member, statistic)| {
        Some((*member, AnswerDocument::Number(point.value(*statistic)?)))
    }));
    let extended = wanted.extended.iter().filter_map(|(name, statistic)| {
        Some((name.clone(), AnswerDocument::Number(point.value(*statistic)?)))
    });
    if !wanted.extended.is_empty() {
        members.push(("ExtendedStatistics", AnswerDocument::Map(extended.collect())));
    }
    members.push(("Unit", AnswerDocument::text(point.unit.as_str())));
    AnswerDocument::Structure(members)
}
