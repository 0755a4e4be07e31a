//! CloudWatch Logs Insights: runs a query over a log group and waits until it is complete.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html>

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{QueryStatistics, QueryStatus};
use jiff::Timestamp;

use crate::client::aws;
use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::system::text::one_line;

/// What the service is called in errors.
const NAME: &str = "CloudWatch Logs";

/// How long to wait between two looks at a query that runs.
const PAUSE: Duration = Duration::from_millis(500);

/// The most rows that a query is asked for.
pub(crate) const ROWS: u16 = 10_000;

/// A client of Logs Insights.
#[derive(Debug)]
pub(crate) struct Insights {
    client: Client,
    place: String,
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

impl Insights {
    /// The client of AWS: a local server has no Logs Insights.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn for_target(target: &Target) -> Result<Self, QueryError> {
        let (config, place) = match target {
            Target::Local { .. } => Target::Aws(aws::AwsOptions::default()).service(NAME).await?,
            Target::Aws(_) => target.service(NAME).await?,
        };
        Ok(Self { client: Client::new(&config), place })
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
        let call = self.client.start_query().log_group_name(log_group).query_string(query);
        let call = call
            .start_time(range.start.as_second())
            .end_time(range.end.as_second())
            .limit(i32::from(ROWS));
        let started = call.send().await.map_err(|error| QueryError::new(&self.place, &error))?;
        let id = started.query_id().unwrap_or_default();
        loop {
            let call = self.client.get_query_results().query_id(id);
            let output = call.send().await.map_err(|error| QueryError::new(&self.place, &error))?;
            let bytes_scanned = output.statistics().map_or(0.0, QueryStatistics::bytes_scanned);
            progress(bytes_scanned);
            match output.status() {
                Some(QueryStatus::Complete) => {
                    let rows = output.results().iter().map(|row| {
                        let fields = row.iter().filter_map(|field| {
                            Some((field.field()?.to_owned(), field.value()?.to_owned()))
                        });
                        fields.collect()
                    });
                    return Ok(InsightsAnswer { rows: rows.collect(), bytes_scanned });
                }
                Some(QueryStatus::Running | QueryStatus::Scheduled) => {
                    tokio::time::sleep(PAUSE).await;
                }
                status => {
                    let status = status.map_or("unknown status", QueryStatus::as_str);
                    let (place, status) = (self.place.clone(), one_line(status));
                    return Err(QueryError::NotCompleted { place, status });
                }
            }
        }
    }
}
