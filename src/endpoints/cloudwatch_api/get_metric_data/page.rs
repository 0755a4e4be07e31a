//! The pages of a `GetMetricData` answer: points of all results in their order, so many at a time.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};
use crate::endpoints::cloudwatch_api::expression::ResultSeries;
use crate::endpoints::cloudwatch_api::input::Number;

/// The most points in a page.
const MAXIMUM_POINTS: usize = 100_800;

/// Which points of the answer are told.
#[derive(Debug)]
pub(crate) struct Page {
    /// How many were told on the pages before.
    skipped: usize,
    most: usize,
    newest_first: bool,
}

/// What a query came to.
#[derive(Debug)]
pub(crate) struct QueryResult<'a> {
    /// The query.
    pub(crate) id: &'a str,
    /// What the result is called.
    pub(crate) label: String,
    /// The result.
    pub(crate) series: &'a ResultSeries,
}

impl Page {
    /// The page that a request asks for.
    ///
    /// # Errors
    ///
    /// When there is no such page.
    pub(crate) fn new(
        token: Option<&str>,
        most: Option<Number>,
        scan_by: Option<&str>,
    ) -> Result<Self, CloudWatchError> {
        let newest_first = match scan_by {
            None | Some("TimestampDescending") => true,
            Some("TimestampAscending") => false,
            Some(other) => return Err(CloudWatchError::invalid(other, "ScanBy")),
        };
        let most = match most.map(|number| (number.whole(), number)) {
            None => MAXIMUM_POINTS,
            Some((Some(most), _)) if most > 0 => MAXIMUM_POINTS.min(most as usize),
            Some((_, Number(other))) => {
                return Err(CloudWatchError::invalid(&other.to_string(), "MaxDatapoints"));
            }
        };
        let skipped = token.map_or(Ok(0), read_token)?;
        Ok(Self { skipped, most, newest_first })
    }

    /// The answer with the points that are on this page. Results that earlier pages have told completely
    /// are left out.
    #[must_use]
    pub(crate) fn answer(&self, found: Vec<QueryResult<'_>>) -> AnswerDocument {
        let end = self.skipped + self.most;
        let mut results = Vec::new();
        let mut begin = 0;
        let mut goes_on = false;
        for found in found {
            let series = found.series;
            let next = begin + series.len();
            let told = next < self.skipped || (next == self.skipped && self.skipped > 0);
            let reached = begin < end || (series.is_empty() && begin == end);
            goes_on |= next > end;
            if !told && reached {
                let skip = self.skipped.saturating_sub(begin);
                let take = end - begin.max(self.skipped);
                let status = if next <= end { "Complete" } else { "PartialData" };
                results.push(self.result(found, skip..skip + take, status));
            }
            begin = next;
        }
        let mut answer = vec![
            ("MetricDataResults", AnswerDocument::List(results)),
            ("Messages", AnswerDocument::List(Vec::new())),
        ];
        if goes_on {
            let token = BASE64_URL_SAFE_NO_PAD.encode(end.to_string());
            answer.push(("NextToken", AnswerDocument::Text(token)));
        }
        AnswerDocument::Structure(answer)
    }

    /// A result with those of its points that are at these places.
    fn result(
        &self,
        QueryResult { id, label, series }: QueryResult<'_>,
        places: Range<usize>,
        status: &'static str,
    ) -> AnswerDocument {
        let point = |(time, value): (&jiff::Timestamp, &f64)| {
            (AnswerDocument::Timestamp(*time), AnswerDocument::Number(*value))
        };
        let points = series.iter().map(point);
        let (timestamps, values) = if self.newest_first {
            points.rev().skip(places.start).take(places.len()).unzip()
        } else {
            points.skip(places.start).take(places.len()).unzip()
        };
        AnswerDocument::Structure(vec![
            ("Id", AnswerDocument::text(id)),
            ("Label", AnswerDocument::Text(label)),
            ("Timestamps", AnswerDocument::List(timestamps)),
            ("Values", AnswerDocument::List(values)),
            ("StatusCode", AnswerDocument::text(status)),
        ])
    }
}

fn read_token(token: &str) -> Result<usize, CloudWatchError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.parse::<u32>().ok()).map(|skipped| skipped as usize).ok_or_else(
        || {
            CloudWatchError::new(
                CloudWatchErrorKind::InvalidNextToken,
                "The value for parameter NextToken is invalid.",
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::{Number, Page, QueryResult};
    use crate::endpoints::cloudwatch_api::expression::ResultSeries;
    use crate::endpoints::cloudwatch_api::wire::json;

    fn series(points: i64) -> ResultSeries {
        let point = |minute: i64| (Timestamp::from_second(minute * 60).unwrap(), 1.0);
        (0..points).map(point).collect()
    }

    #[test]
    fn all_points_come_once_and_in_order() {
        let all = [("a", series(3)), ("b", series(0)), ("c", series(4)), ("d", series(0))];
        for most in [1, 2, 3, 7, 100] {
            let mut token: Option<String> = None;
            let mut told: Vec<(String, i64)> = Vec::new();
            let mut ids = Vec::new();
            loop {
                let page = Page::new(
                    token.as_deref(),
                    Some(Number(f64::from(most))),
                    Some("TimestampAscending"),
                )
                .unwrap();
                let found =
                    all.iter().map(|(id, series)| QueryResult { id, label: String::new(), series });
                let answer = json::write(&page.answer(found.collect()));
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                for result in answer["MetricDataResults"].as_array().unwrap() {
                    let id = result["Id"].as_str().unwrap();
                    ids.push(id.to_owned());
                    for time in result["Timestamps"].as_array().unwrap() {
                        told.push((id.to_owned(), time.as_i64().unwrap()));
                    }
                    let last = told.last().is_some_and(|last| last == &("c".to_owned(), 180));
                    if last {
                        assert_eq!(result["StatusCode"], json!("Complete"));
                    }
                }
                token = answer["NextToken"].as_str().map(str::to_owned);
                if token.is_none() {
                    break;
                }
            }
            let wanted: Vec<_> =
                [("a", 0), ("a", 60), ("a", 120), ("c", 0), ("c", 60), ("c", 120), ("c", 180)]
                    .map(|(id, time)| (id.to_owned(), time))
                    .to_vec();
            assert_eq!(told, wanted, "{most} at a time");
            ids.dedup();
            assert_eq!(ids, ["a", "b", "c", "d"], "{most} at a time");
        }
        assert!(Page::new(Some("x"), None, None).is_err());
        assert!(Page::new(None, Some(Number(0.0)), None).is_err());
        assert!(Page::new(None, None, Some("x")).is_err());
    }
}
