//! A question about one metric, and its answer: a point for each period.

use jiff::Timestamp;

use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::metric::{MetricId, Unit};
use crate::telemetry::metric_store::series::Series;
use crate::telemetry::metric_store::statistic::Statistic;

/// What is asked of one metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricQuery<'a> {
    /// The metric.
    pub(crate) metric: &'a MetricId,
    /// Only what was published in this unit.
    pub(crate) unit: Option<Unit>,
    /// When the first period begins; the minute in which it falls belongs to it.
    pub(crate) start: Timestamp,
    /// The first moment that is not asked for.
    pub(crate) end: Timestamp,
    /// The length of a period in seconds. A shorter one than a minute is taken for a minute.
    pub(crate) period: u32,
}

/// What was observed in one period.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// When the period begins.
    pub(crate) start: Timestamp,
    /// What the values count.
    pub(crate) unit: Unit,
    distribution: Distribution,
}

impl Point {
    /// A statistic of the period. `None` for a percentile that can't be told from what was published.
    #[must_use]
    pub(crate) fn value(&self, statistic: Statistic) -> Option<f64> {
        self.distribution.value(statistic)
    }
}

/// The points of a series by the periods of a query. Periods follow one another from the start, and
/// not from multiples of their length, as the points that CloudWatch answers show: those of five
/// minutes that are asked for from 10:53 are at 10:53, 10:58 and 11:03.
#[must_use]
pub(crate) fn periods(series: &Series, query: &MetricQuery<'_>) -> Vec<Point> {
    let period = i64::from(query.period.max(60));
    let start = query.start.as_second().div_euclid(60) * 60;
    let end = query.end.as_second().div_euclid(60) + i64::from(query.end.as_second() % 60 != 0);
    let mut points: Vec<Point> = Vec::new();
    for (minute, distribution) in series.between(start.div_euclid(60), end) {
        let begin = start + (minute * 60 - start).div_euclid(period) * period;
        if let Some(point) = points.last_mut().filter(|point| point.start.as_second() == begin) {
            point.distribution.merge(distribution);
        } else if let Ok(start) = Timestamp::from_second(begin) {
            points.push(Point { start, unit: series.unit, distribution: distribution.clone() });
        }
    }
    points
}
