//! `ListMetrics`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html>

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::CloudWatchError;
use crate::endpoints::cloudwatch_api::input::{self, Dimension};
use crate::telemetry::metric_store::metric::{Dimensions, MetricId};
use crate::telemetry::metric_store::{MetricFilter, MetricStore};

/// How many metrics a page has.
const PAGE: usize = 500;

/// The most filters for dimensions.
const MAXIMUM_FILTERS: usize = 10;

/// The time that `RecentlyActive` stands for. CloudWatch has no other one.
const RECENTLY: (&str, SignedDuration) = ("PT3H", SignedDuration::from_hours(3));

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListMetricsInput {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    recently_active: Option<String>,
    next_token: Option<String>,
}

/// Answers a request.
///
/// # Errors
///
/// With the refusal.
pub(crate) fn run(store: &MetricStore, input: Value) -> Result<AnswerDocument, CloudWatchError> {
    let input: ListMetricsInput = input::read(input)?;
    input::at_most(input.dimensions.len(), MAXIMUM_FILTERS, "Dimensions")?;
    let active_since = match input.recently_active.as_deref() {
        None => None,
        Some(span) if span == RECENTLY.0 => Timestamp::now().checked_sub(RECENTLY.1).ok(),
        Some(other) => return Err(CloudWatchError::invalid(other, "RecentlyActive")),
    };
    let filter = MetricFilter {
        namespace: input.namespace.as_deref(),
        name: input.metric_name.as_deref(),
        dimensions: filters(&input.dimensions)?,
        active_since,
    };
    let after = input.next_token.as_deref().map(read_token).transpose()?;
    // One more than a page tells whether there is another page.
    let mut metrics = store.list(&filter, after.as_ref(), PAGE + 1);
    let goes_on = metrics.len() > PAGE;
    metrics.truncate(PAGE);
    let next = metrics.last().filter(|_| goes_on).map(token);
    let mut answer = vec![("Metrics", AnswerDocument::List(metrics.iter().map(metric).collect()))];
    answer.extend(next.map(|token| ("NextToken", AnswerDocument::Text(token))));
    Ok(AnswerDocument::Structure(answer))
}

fn filters(dimensions: &[Dimension]) -> Result<Vec<(&str, Option<&str>)>, CloudWatchError> {
    let filters = dimensions.iter().enumerate().map(|(index, Dimension { name, value })| {
        let missing = || CloudWatchError::missing(&format!("Dimensions.member.{}.Name", index + 1));
        Ok((name.as_deref().ok_or_else(missing)?, value.as_deref()))
    });
    filters.collect()
}

fn metric(metric: &MetricId) -> AnswerDocument {
    let dimensions = metric.dimensions.iter().map(|(name, value)| {
        AnswerDocument::Structure(vec![
            ("Name", AnswerDocument::text(name)),
            ("Value", AnswerDocument::text(value)),
        ])
    });
    AnswerDocument::Structure(vec![
        ("Namespace", AnswerDocument::text(&*metric.namespace)),
        ("MetricName", AnswerDocument::text(&*metric.name)),
        ("Dimensions", AnswerDocument::List(dimensions.collect())),
    ])
}

/// The token of the next page: the last metric of this one. The next page goes on after it, whatever was
/// published in between.
fn token(metric: &MetricId) -> String {
    let mut texts = vec![&*metric.namespace, &*metric.name];
    texts.extend(metric.dimensions.iter().flat_map(|(name, value)| [name, value]));
    BASE64_URL_SAFE_NO_PAD.encode(Value::from(texts).to_string())
}

fn read_token(token: &str) -> Result<MetricId, CloudWatchError> {
    let invalid = || CloudWatchError::invalid(token, "NextToken");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let texts: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    let texts: Vec<Arc<str>> = texts.into_iter().map(Arc::from).collect();
    let [namespace, name, dimensions @ ..] = &texts[..] else { return Err(invalid()) };
    let (pairs, []) = dimensions.as_chunks() else { return Err(invalid()) };
    let pairs = pairs.iter().map(|[name, value]| (Arc::clone(name), Arc::clone(value)));
    Ok(MetricId {
        namespace: Arc::clone(namespace),
        name: Arc::clone(name),
        dimensions: Dimensions::new(pairs),
    })
}
