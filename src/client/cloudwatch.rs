//! CloudWatch, on AWS or in `mtl serve`: which metrics there are, and their values. No other file
//! uses its messages.

mod messages;

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::client::query_error::QueryError;
use crate::client::service::{Service, ServiceModel};
use crate::client::target::Target;
use messages::{
    Dimension, GetMetricDataInput, GetMetricDataOutput, ListMetricsInput, ListMetricsOutput,
    MetricDataQuery, MetricDataResult, MetricStat, NamedMetric,
};

/// <https://docs.aws.amazon.com/general/latest/gr/cw_region.html>
const CLOUDWATCH: ServiceModel = ServiceModel {
    id: "CloudWatch",
    agent: "cloudwatch",
    host: "monitoring",
    target: "GraniteServiceVersion20100801",
    content_type: "application/x-amz-json-1.0",
};

/// The most queries in one request of `GetMetricData`.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const QUERIES: usize = 500;

/// A metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its name.
    pub(crate) name: String,
    /// Its dimensions, all of them.
    pub(crate) dimensions: Vec<(String, String)>,
}

impl Metric {
    /// The value of a dimension.
    #[must_use]
    pub(crate) fn dimension(&self, name: &str) -> Option<&str> {
        let found = self.dimensions.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A statistic of a metric, by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The metric.
    pub(crate) metric: Metric,
    /// The statistic, as CloudWatch writes it.
    pub(crate) statistic: String,
    /// In seconds.
    pub(crate) period: u32,
}

/// A value for each period that has one, oldest first.
pub(crate) type Points = Vec<(Timestamp, f64)>;

/// What CloudWatch was asked for, which on AWS is what it charges for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// How many requests were sent.
    pub(crate) requests: u64,
    /// How many metrics `GetMetricData` was asked for. Up to five statistics of one count once.
    pub(crate) metrics: u64,
}

/// A client of CloudWatch.
#[derive(Debug)]
pub(crate) struct CloudWatch {
    service: Service,
    asked: Cell<Asked>,
}

impl CloudWatch {
    /// The client of a local server, or of AWS.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn for_target(target: &Target) -> Result<Self, QueryError> {
        let (config, place) = target.service(CLOUDWATCH.id).await?;
        Ok(Self { service: Service::new(&CLOUDWATCH, &config, place), asked: Cell::default() })
    }

    /// What was asked for until now.
    #[must_use]
    pub(crate) fn asked(&self) -> Asked {
        self.asked.get()
    }

    /// The metrics of a namespace, of this name if one is given, that have all of these dimensions,
    /// with this value where one is given.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(crate) async fn list(
        &self,
        namespace: &str,
        name: Option<&str>,
        dimensions: &[(&str, Option<&str>)],
    ) -> Result<Vec<Metric>, QueryError> {
        let dimensions = dimensions.iter().map(|&(name, value)| Dimension {
            name: Cow::Borrowed(name),
            value: value.map(Cow::Borrowed),
        });
        let dimensions = dimensions.collect();
        let mut input =
            ListMetricsInput { namespace, metric_name: name, dimensions, next_token: None };
        let mut metrics = Vec::new();
        loop {
            self.count(0);
            let page: ListMetricsOutput = self.service.call("ListMetrics", &input).await?;
            metrics.extend(page.metrics.into_iter().map(metric));
            input.next_token = page.next_token;
            if input.next_token.is_none() {
                return Ok(metrics);
            }
        }
    }

    /// The points of each query between two times, in the order of the queries. Tells how many
    /// queries are answered.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub(crate) async fn data(
        &self,
        queries: &[Query],
        range: Range<Timestamp>,
        mut answered: impl FnMut(usize),
    ) -> Result<Vec<Points>, QueryError> {
        let mut points = vec![Points::new(); queries.len()];
        for (batch, queries) in queries.chunks(QUERIES).enumerate() {
            let points = &mut points[batch * QUERIES..][..queries.len()];
            self.batch(queries, &range, points).await?;
            answered(batch * QUERIES + queries.len());
        }
        Ok(points)
    }

    async fn batch(
        &self,
        queries: &[Query],
        range: &Range<Timestamp>,
        points: &mut [Points],
    ) -> Result<(), QueryError> {
        let mut metrics: Vec<_> =
            queries.iter().map(|query| (&query.metric, query.period)).collect();
        metrics.sort_unstable();
        metrics.dedup();
        let mut metrics_left = metrics.len() as u64;
        let mut input = GetMetricDataInput {
            metric_data_queries: queries.iter().enumerate().map(data_query).collect(),
            start_time: range.start.as_second(),
            end_time: range.end.as_second(),
            scan_by: "TimestampAscending",
            next_token: None,
        };
        loop {
            self.count(std::mem::take(&mut metrics_left));
            let page: GetMetricDataOutput = self.service.call("GetMetricData", &input).await?;
            for result in page.metric_data_results {
                let index = result.id.strip_prefix('q').and_then(|id| id.parse::<usize>().ok());
                let Some(points) = index.and_then(|index| points.get_mut(index)) else { continue };
                points.extend(values(&result));
            }
            input.next_token = page.next_token;
            if input.next_token.is_none() {
                return Ok(());
            }
        }
    }

    fn count(&self, metrics: u64) {
        let Asked { requests, metrics: before } = self.asked.get();
        self.asked.set(Asked { requests: requests + 1, metrics: before + metrics });
    }
}

fn metric(metric: NamedMetric<'_>) -> Metric {
    let dimensions = metric.dimensions.into_iter().map(|dimension| {
        (dimension.name.into_owned(), dimension.value.unwrap_or_default().into_owned())
    });
    Metric {
        namespace: metric.namespace.into_owned(),
        name: metric.metric_name.into_owned(),
        dimensions: dimensions.collect(),
    }
}

fn data_query((index, query): (usize, &Query)) -> MetricDataQuery<'_> {
    let Query { metric, statistic, period } = query;
    let dimensions = metric.dimensions.iter().map(|(name, value)| Dimension {
        name: Cow::Borrowed(name),
        value: Some(Cow::Borrowed(value)),
    });
    let metric = NamedMetric {
        namespace: Cow::Borrowed(&metric.namespace),
        metric_name: Cow::Borrowed(&metric.name),
        dimensions: dimensions.collect(),
    };
    let metric_stat = MetricStat { metric, period: *period, stat: statistic };
    MetricDataQuery { id: format!("q{index}"), metric_stat }
}

fn values(result: &MetricDataResult) -> impl Iterator<Item = (Timestamp, f64)> {
    let values = result.timestamps.iter().zip(&result.values);
    values.filter_map(|(seconds, value)| {
        let since = SignedDuration::try_from_secs_f64(seconds.0.floor()).ok()?;
        Some((Timestamp::UNIX_EPOCH.checked_add(since).ok()?, value.0))
    })
}
