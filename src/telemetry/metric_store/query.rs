//! A question about one metric, and its answer: a point for each period.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;

use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::metric::{MetricId, Unit};
use crate::telemetry::metric_store::series::Minute;
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

    /// Adds what was published elsewhere of the same period.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.distribution.merge(&other.distribution);
    }
}

impl MetricQuery<'_> {
    /// The minutes that are asked for.
    #[must_use]
    pub(crate) fn minutes(&self) -> Range<Minute> {
        let end = self.end.as_second();
        let begun = i64::from(end % 60 != 0);
        self.start.as_second().div_euclid(60)..end.div_euclid(60) + begun
    }
}

/// What was observed minute by minute in one unit, by the periods of a query. Periods follow one another from the start, and
/// not from multiples of their length, as the points that CloudWatch answers show: those of five
/// minutes that are asked for from 10:53 are at 10:53, 10:58 and 11:03.
#[must_use]
pub(crate) fn periods<'a>(
    query: &MetricQuery<'_>,
    unit: Unit,
    minutes: impl Iterator<Item = (Minute, Cow<'a, Distribution>)>,
) -> Vec<Point> {
    let period = i64::from(query.period.max(60));
    let start = query.minutes().start * 60;
    let mut points: Vec<Point> = Vec::new();
    for (minute, distribution) in minutes {
        let begin = start + (minute * 60 - start).div_euclid(period) * period;
        if let Some(point) = points.last_mut().filter(|point| point.start.as_second() == begin) {
            point.distribution.merge(&distribution);
        } else if let Ok(start) = Timestamp::from_second(begin) {
            points.push(Point { start, unit, distribution: distribution.into_owned() });
        }
    }
    points
}
