//! CloudWatch Logs Insights: runs a query over a log group and waits until it is complete.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::client::aws;
use crate::client::query_error::QueryError;
use crate::client::service::{Service, ServiceModel};
use crate::client::target::Target;
use crate::system::text::one_line;

/// <https://docs.aws.amazon.com/general/latest/gr/cwl_region.html>
const LOGS: ServiceModel = ServiceModel {
    id: "CloudWatch Logs",
    agent: "cloudwatchlogs",
    host: "logs",
    target: "Logs_20140328",
    content_type: "application/x-amz-json-1.1",
};

/// How long to wait between two looks at a query that runs.
const PAUSE: Duration = Duration::from_millis(500);

/// The most rows that a query is asked for.
pub(crate) const ROWS: u16 = 10_000;

/// A client of Logs Insights.
#[derive(Debug)]
pub(crate) struct Insights {
    service: Service,
}

/// A row of an answer: values by field. Fields without a value are left out.
pub(crate) type Row = BTreeMap<String, String>;

/// The answer to a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InsightsAnswer {
    /// Its rows.
    pub(crate) rows: Vec<Row>,
    /// How many bytes of logs were read for it, which is what AWS charges for.
    pub(crate) bytes_scanned: f64,
}

/// The parameters of `StartQuery`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StartQueryInput<'a> {
    log_group_name: &'a str,
    query_string: &'a str,
    /// In seconds since 1970, as is the end.
    start_time: i64,
    end_time: i64,
    limit: u16,
}

/// The answer to `StartQuery`, and the parameters of `GetQueryResults`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StartedQuery {
    query_id: String,
}

/// The answer to `GetQueryResults`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct QueryResults {
    status: Option<String>,
    statistics: QueryStatistics,
    results: Vec<Vec<ResultField>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct QueryStatistics {
    bytes_scanned: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResultField {
    field: Option<String>,
    value: Option<String>,
}

impl Insights {
    /// The client of AWS: a local server has no Logs Insights.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn for_target(target: &Target) -> Result<Self, QueryError> {
        let (config, place) = match target {
            Target::Local { .. } => {
                Target::Aws(aws::AwsOptions::default()).service(LOGS.id).await?
            }
            Target::Aws(_) => target.service(LOGS.id).await?,
        };
        Ok(Self { service: Service::new(&LOGS, &config, place) })
    }

    /// Runs a query and waits for its end. Tells how many bytes are read until then.
    ///
    /// # Errors
    ///
    /// When it is refused, or ends without being complete.
    pub(crate) async fn query(
        &self,
        log_group: &str,
        query: &str,
        range: Range<Timestamp>,
        mut progress: impl FnMut(f64),
    ) -> Result<InsightsAnswer, QueryError> {
        let input = StartQueryInput {
            log_group_name: log_group,
            query_string: query,
            start_time: range.start.as_second(),
            end_time: range.end.as_second(),
            limit: ROWS,
        };
        let started: StartedQuery = self.service.call("StartQuery", &input).await?;
        loop {
            let output: QueryResults = self.service.call("GetQueryResults", &started).await?;
            let bytes_scanned = output.statistics.bytes_scanned;
            progress(bytes_scanned);
            match output.status.as_deref() {
                Some("Complete") => {
                    let rows = output.results.into_iter().map(row);
                    return Ok(InsightsAnswer { rows: rows.collect(), bytes_scanned });
                }
                Some("Running" | "Scheduled") => tokio::time::sleep(PAUSE).await,
                status => {
                    let place = self.service.place().to_owned();
                    let status = one_line(status.unwrap_or("unknown status"));
                    return Err(QueryError::NotCompleted { place, status });
                }
            }
        }
    }
}

fn row(fields: Vec<ResultField>) -> Row {
    fields.into_iter().filter_map(|field| Some((field.field?, field.value?))).collect()
}
