//! The queries of a `GetMetricData` request, and what is wrong with them.

use std::collections::HashSet;

use serde::Deserialize;

use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};
use crate::endpoints::cloudwatch_api::expression::{Expression, ExpressionError, parse};
use crate::endpoints::cloudwatch_api::input::{self, Dimension, Flag, Number};
use crate::telemetry::metric_store::metric::{MetricId, Unit};
use crate::telemetry::metric_store::statistic::{Statistic, StatisticError};

/// The most queries in a request.
const MAXIMUM_QUERIES: usize = 500;

/// The most characters of an id.
const ID_CHARACTERS: usize = 255;

/// The most characters of an expression.
const EXPRESSION_CHARACTERS: usize = 2_048;

/// A query as it came.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MetricDataQueryInput {
    id: Option<String>,
    metric_stat: Option<MetricStat>,
    expression: Option<String>,
    label: Option<String>,
    return_data: Option<Flag>,
    period: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat {
    metric: Option<MetricInput>,
    period: Option<Number>,
    stat: Option<String>,
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricInput {
    namespace: Option<String>,
    #[serde(rename = "MetricName")]
    name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

/// A query.
#[derive(Debug)]
pub(crate) struct MetricDataQuery {
    /// How other queries and the answer call it.
    pub(crate) id: String,
    /// What it asks for.
    pub(crate) source: QuerySource,
    /// What its result is called.
    pub(crate) label: Option<String>,
    /// Whether its result is in the answer.
    pub(crate) return_data: bool,
}

/// What a query asks for.
#[derive(Debug)]
pub(crate) enum QuerySource {
    /// A statistic of a metric.
    Metric {
        /// The metric.
        metric: MetricId,
        /// In seconds.
        period: u32,
        /// The statistic.
        statistic: Statistic,
        /// As it was written.
        statistic_name: String,
        /// Only what was published in this unit.
        unit: Option<Unit>,
    },
    /// Arithmetic over other results.
    Expression(Expression),
}

impl MetricDataQuery {
    /// The refusal for what is wrong with its expression.
    #[must_use]
    pub(crate) fn wrong(&self, what: &str) -> CloudWatchError {
        wrong_expression(&self.id, what)
    }
}

fn wrong_expression(id: &str, what: impl std::fmt::Display) -> CloudWatchError {
    CloudWatchError::validation(format!("Error in expression '{id}': {what}"))
}

/// Checks the queries of a request.
///
/// # Errors
///
/// With the first thing that is wrong.
pub(crate) fn check(
    queries: Vec<MetricDataQueryInput>,
) -> Result<Vec<MetricDataQuery>, CloudWatchError> {
    if queries.is_empty() {
        return Err(CloudWatchError::missing("MetricDataQueries"));
    }
    input::at_most(queries.len(), MAXIMUM_QUERIES, "MetricDataQueries")?;
    let numbered = queries.into_iter().enumerate();
    let queries = numbered
        .map(|(index, query)| query.check(&format!("MetricDataQueries.member.{}", index + 1)));
    let queries = queries.collect::<Result<Vec<MetricDataQuery>, _>>()?;
    let mut ids = HashSet::new();
    if !queries.iter().all(|query| ids.insert(query.id.as_str())) {
        return Err(CloudWatchError::validation(
            "The values for parameter id in MetricDataQueries are not unique.",
        ));
    }
    for query in &queries {
        let QuerySource::Expression(expression) = &query.source else { continue };
        if let Some(unknown) = expression.ids().into_iter().find(|id| !ids.contains(id)) {
            return Err(query.wrong(&format!("undefined variable: {unknown}")));
        }
    }
    if !queries.iter().any(|query| query.return_data) {
        return Err(CloudWatchError::validation(
            "At least one of the MetricDataQueries must have ReturnData set to true.",
        ));
    }
    Ok(queries)
}

impl MetricDataQueryInput {
    fn check(self, path: &str) -> Result<MetricDataQuery, CloudWatchError> {
        let id = input::required(self.id, &format!("{path}.Id"))?;
        if !is_id(&id) {
            return Err(CloudWatchError::validation(format!(
                "The value '{id}' for parameter {path}.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if let Some(period) = self.period {
            input::period(period, &format!("{path}.Period"))?;
        }
        let source = match (self.metric_stat, self.expression) {
            (Some(metric), None) => metric.check(&format!("{path}.MetricStat"))?,
            (None, Some(text)) => expression(&id, &text)?,
            (Some(_), Some(_)) => {
                return Err(CloudWatchError::combination(format!(
                    "The parameters {path}.Expression and {path}.MetricStat are mutually \
                     exclusive and you have specified both."
                )));
            }
            (None, None) => {
                return Err(CloudWatchError::combination(format!(
                    "At least one of the parameters {path}.Expression and {path}.MetricStat must \
                     be specified."
                )));
            }
        };
        let return_data = self.return_data.is_none_or(|Flag(flag)| flag);
        Ok(MetricDataQuery { id, source, label: self.label, return_data })
    }
}

impl MetricStat {
    fn check(self, path: &str) -> Result<QuerySource, CloudWatchError> {
        let metric =
            self.metric.ok_or_else(|| CloudWatchError::missing(&format!("{path}.Metric")))?;
        let namespace = input::required(metric.namespace, &format!("{path}.Metric.Namespace"))?;
        let name = input::required(metric.name, &format!("{path}.Metric.MetricName"))?;
        let dimensions =
            input::dimensions(metric.dimensions, &format!("{path}.Metric.Dimensions"))?;
        let period =
            self.period.ok_or_else(|| CloudWatchError::missing(&format!("{path}.Period")))?;
        let period = input::period(period, &format!("{path}.Period"))?;
        let statistic_name = input::required(self.stat, &format!("{path}.Stat"))?;
        let statistic = statistic_name.parse().map_err(|error| match error {
            StatisticError::Unknown => {
                CloudWatchError::invalid(&statistic_name, &format!("{path}.Stat"))
            }
            StatisticError::NotEmulated => CloudWatchError::new(
                CloudWatchErrorKind::InvalidParameterValue,
                format!("The parameter {path}.Stat is {statistic_name}: {error}."),
            ),
        })?;
        let unit = input::unit(self.unit.as_deref(), &format!("{path}.Unit"))?;
        let metric = MetricId { namespace: namespace.into(), name: name.into(), dimensions };
        Ok(QuerySource::Metric { metric, period, statistic, statistic_name, unit })
    }
}

fn expression(id: &str, text: &str) -> Result<QuerySource, CloudWatchError> {
    if text.chars().count() > EXPRESSION_CHARACTERS {
        let message = format!("it has more than {EXPRESSION_CHARACTERS} characters");
        return Err(wrong_expression(id, message));
    }
    let refusal = |error: ExpressionError| wrong_expression(id, error);
    parse(text).map(QuerySource::Expression).map_err(refusal)
}

fn is_id(text: &str) -> bool {
    text.len() <= ID_CHARACTERS
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
