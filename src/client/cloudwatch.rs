//! CloudWatch, on AWS or in `mtl serve`, through its SDK: which metrics there are, and their
//! values. No other file uses the types of CloudWatch's SDK.

use std::cell::Cell;
use std::error::Error as StdError;
use std::ops::Range;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::http::HttpResponse;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{self, DimensionFilter, MetricDataQuery, MetricStat};
use jiff::Timestamp;

use crate::client::query_error::QueryError;
use crate::client::target::Target;

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
    client: Client,
    place: String,
    asked: Cell<Asked>,
}

impl CloudWatch {
    /// The client of a local server, or of AWS.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn for_target(target: &Target) -> Result<Self, QueryError> {
        let (config, place) = target.service("CloudWatch").await?;
        Ok(Self::new(Client::new(&config), place))
    }

    fn new(client: Client, place: String) -> Self {
        Self { client, place, asked: Cell::default() }
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
        let filters = dimensions.iter().map(|(name, value)| {
            DimensionFilter::builder().name(*name).set_value(value.map(str::to_owned)).build()
        });
        let filters: Vec<_> = filters.collect();
        let mut metrics = Vec::new();
        let mut token = None;
        loop {
            self.count(0);
            let call = self.client.list_metrics().namespace(namespace);
            let call = call.set_metric_name(name.map(str::to_owned)).set_next_token(token);
            let call = call.set_dimensions(Some(filters.clone()));
            let page = call.send().await.map_err(|error| self.error(&error))?;
            metrics.extend(page.metrics().iter().map(metric));
            token = page.next_token;
            if token.is_none() {
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
        let queries = queries.iter().enumerate().map(|(index, query)| sdk_query(index, query));
        let queries: Vec<_> = queries.collect();
        let mut token = None;
        loop {
            self.count(std::mem::take(&mut metrics_left));
            let call = self.client.get_metric_data().set_metric_data_queries(Some(queries.clone()));
            let call = call.start_time(date_time(range.start)).end_time(date_time(range.end));
            let call = call.scan_by(types::ScanBy::TimestampAscending).set_next_token(token);
            let page = call.send().await.map_err(|error| self.error(&error))?;
            for result in page.metric_data_results() {
                let index = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
                let Some(points) = index.and_then(|index| points.get_mut(index)) else { continue };
                let values = result.timestamps().iter().zip(result.values());
                points.extend(values.filter_map(|(time, value)| {
                    Some((Timestamp::from_second(time.secs()).ok()?, *value))
                }));
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    fn count(&self, metrics: u64) {
        let Asked { requests, metrics: before } = self.asked.get();
        self.asked.set(Asked { requests: requests + 1, metrics: before + metrics });
    }

    fn error<E>(&self, error: &SdkError<E, HttpResponse>) -> QueryError
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        QueryError::new(&self.place, error)
    }
}

fn metric(metric: &types::Metric) -> Metric {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let dimensions = metric.dimensions().iter();
    Metric {
        namespace: text(metric.namespace()),
        name: text(metric.metric_name()),
        dimensions: dimensions
            .map(|dimension| (text(dimension.name()), text(dimension.value())))
            .collect(),
    }
}

fn sdk_query(index: usize, query: &Query) -> MetricDataQuery {
    let Query { metric, statistic, period } = query;
    let dimensions = metric
        .dimensions
        .iter()
        .map(|(name, value)| types::Dimension::builder().name(name).value(value).build());
    let metric = types::Metric::builder()
        .namespace(&metric.namespace)
        .metric_name(&metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let period = i32::try_from(*period).unwrap_or(i32::MAX);
    let statistic = MetricStat::builder().metric(metric).period(period).stat(statistic).build();
    MetricDataQuery::builder().id(format!("q{index}")).metric_stat(statistic).build()
}

fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}
