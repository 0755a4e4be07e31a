//! `GetMetricData`: queries, what they come to, and the pages of the answer.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

mod page;
mod query;

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::CloudWatchError;
use crate::endpoints::cloudwatch_api::expression::{self, Expression, ResultSeries};
use crate::endpoints::cloudwatch_api::input::{self, Number, Time};
use crate::endpoints::cloudwatch_api::label::LabelSubject;
use crate::telemetry::metric_store::{MetricQuery, MetricStore};
use page::{Page, QueryResult};
use query::{MetricDataQuery, QuerySource};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricDataInput {
    metric_data_queries: Option<Vec<query::MetricDataQueryInput>>,
    start_time: Option<Time>,
    end_time: Option<Time>,
    next_token: Option<String>,
    scan_by: Option<String>,
    max_datapoints: Option<Number>,
}

/// Answers a request.
///
/// # Errors
///
/// With the refusal.
pub(crate) fn run(store: &MetricStore, input: Value) -> Result<AnswerDocument, CloudWatchError> {
    let input: GetMetricDataInput = input::read(input)?;
    let queries = input.metric_data_queries.unwrap_or_default();
    let queries = query::check(queries)?;
    let window = input::window(input.start_time, input.end_time)?;
    let page =
        Page::new(input.next_token.as_deref(), input.max_datapoints, input.scan_by.as_deref())?;
    let results = results(store, &queries, &window)?;
    let returned = queries.iter().filter(|query| query.return_data).map(|query| {
        let series = results.get(&query.id).unwrap_or(&NOTHING);
        QueryResult { id: &query.id, label: label(query, series), series }
    });
    Ok(page.answer(returned.collect()))
}

static NOTHING: ResultSeries = ResultSeries::new();

/// The results of all queries, by id.
fn results(
    store: &MetricStore,
    queries: &[MetricDataQuery],
    window: &Range<Timestamp>,
) -> Result<BTreeMap<String, ResultSeries>, CloudWatchError> {
    let mut results = BTreeMap::new();
    let mut waiting = Vec::new();
    for query in queries {
        match &query.source {
            QuerySource::Metric { metric, period, statistic, unit, .. } => {
                let asked = MetricQuery {
                    metric,
                    unit: *unit,
                    start: window.start,
                    end: window.end,
                    period: *period,
                };
                let points = store.points(&asked).into_iter();
                let series =
                    points.filter_map(|point| Some((point.start, point.value(*statistic)?)));
                results.insert(query.id.clone(), series.collect());
            }
            QuerySource::Expression(expression) => waiting.push((query, expression)),
        }
    }
    add_expressions(&mut results, waiting)?;
    Ok(results)
}

/// Adds the results of expressions, which may refer to each other, to the results of metrics.
fn add_expressions(
    results: &mut BTreeMap<String, ResultSeries>,
    mut waiting: Vec<(&MetricDataQuery, &Expression)>,
) -> Result<(), CloudWatchError> {
    // Each round evaluates the expressions whose operands are known.
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for (query, expression) in waiting {
            if expression.ids().iter().any(|id| !results.contains_key(*id)) {
                later.push((query, expression));
                continue;
            }
            let expression::Value::Series(series) = expression.evaluate(results) else {
                return Err(query.wrong("the expression must refer to a time series"));
            };
            results.insert(query.id.clone(), series);
        }
        if later.len() == before {
            return Err(later[0].0.wrong("it refers to itself"));
        }
        waiting = later;
    }
    Ok(())
}

fn label(query: &MetricDataQuery, series: &ResultSeries) -> String {
    let (default, metric) = match &query.source {
        QuerySource::Metric { metric, statistic_name, period, .. } => {
            (&*metric.name, Some((metric, statistic_name.as_str(), *period)))
        }
        QuerySource::Expression(_) => (query.id.as_str(), None),
    };
    let subject = LabelSubject { default, metric, series };
    query.label.as_ref().map_or_else(|| default.to_owned(), |label| subject.label(label))
}
