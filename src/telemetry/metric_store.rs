//! An in-memory CloudWatch: what is published, by metric and minute, and the statistics of it. Knows
//! neither Lambda nor how it is asked over HTTP.
//!
//! It keeps one-minute points of the last 24 hours, and no more than 256 MB of them: beyond that the
//! oldest minutes of all metrics are dropped early.

pub(crate) mod acceptance;
mod distribution;
pub(crate) mod metric;
mod series;
pub(crate) mod statistic;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use distribution::Distribution;
use metric::{Datum, MetricId, Unit};
use series::{Minute, Series};
use statistic::Statistic;

/// How long points are kept.
pub(crate) const RETENTION_MINUTES: Minute = 24 * 60;

/// How many bytes the points and the names of all metrics may have, about.
pub(crate) const CAPACITY_BYTES: usize = 256 * 1024 * 1024;

/// What a metric costs besides its texts: the entry of the map and the series.
const METRIC_BYTES: usize = 256;

/// All that is published. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct MetricStore {
    /// Never held across an await.
    shared: Arc<Mutex<Store>>,
}

#[derive(Debug)]
struct Store {
    metrics: BTreeMap<MetricId, Vec<Series>>,
    capacity: usize,
    bytes: usize,
    refused: u64,
}

/// What is asked of one metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// The metric.
    pub(crate) metric: &'a MetricId,
    /// Only what was published in this unit.
    pub(crate) unit: Option<Unit>,
    /// When the first period begins; the minute in which it falls belongs to it.
    pub(crate) start: Timestamp,
    /// The first moment that is not asked for.
    pub(crate) end: Timestamp,
    /// The length of a period in seconds. One shorter than a minute is told of whole minutes.
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

/// Which metrics are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter<'a> {
    /// Those of this namespace.
    pub(crate) namespace: Option<&'a str>,
    /// Those of this name.
    pub(crate) name: Option<&'a str>,
    /// Those that have all of these dimensions, with this value where one is given.
    pub(crate) dimensions: Vec<(&'a str, Option<&'a str>)>,
    /// Those for which something was published since.
    pub(crate) active_since: Option<Timestamp>,
}

impl Filter<'_> {
    fn matches(&self, metric: &MetricId) -> bool {
        let has = |(name, value): &(&str, Option<&str>)| {
            let found = metric.dimensions.get(name);
            found.is_some() && (value.is_none() || found == *value)
        };
        self.namespace.is_none_or(|namespace| *metric.namespace == *namespace)
            && self.name.is_none_or(|name| *metric.name == *name)
            && self.dimensions.iter().all(has)
    }
}

impl Default for MetricStore {
    fn default() -> Self {
        Self::with_capacity(CAPACITY_BYTES)
    }
}

impl MetricStore {
    /// A store that keeps about this many bytes.
    #[must_use]
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let store = Store { metrics: BTreeMap::new(), capacity, bytes: 0, refused: 0 };
        Self { shared: Arc::new(Mutex::new(store)) }
    }

    /// Adds what was observed. What is older than the retention is forgotten at once, as is a new
    /// metric for which there is no room even when only this minute's points are kept.
    pub(crate) fn put(&self, datum: &Datum, now: Timestamp) {
        self.store().put(datum, minute(now));
    }

    /// A point for each period in which something was published, oldest first; where it was published
    /// in several units, one for each of them.
    #[must_use]
    pub(crate) fn points(&self, query: &Query<'_>) -> Vec<Point> {
        let store = self.store();
        let Some(series) = store.metrics.get(query.metric) else { return Vec::new() };
        let asked =
            series.iter().filter(|series| query.unit.is_none_or(|unit| unit == series.unit));
        let mut points: Vec<Point> = asked.flat_map(|series| periods(series, query)).collect();
        points.sort_by_key(|point| (point.start, point.unit));
        points
    }

    /// The metrics that match, in a stable order, after this one and no more than `limit`.
    #[must_use]
    pub(crate) fn list(
        &self,
        filter: &Filter<'_>,
        after: Option<&MetricId>,
        limit: usize,
    ) -> Vec<MetricId> {
        let since = filter.active_since.map(minute);
        let is_active = |series: &[Series]| {
            since.is_none_or(|since| series.iter().any(|series| series.last() >= Some(since)))
        };
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let store = self.store();
        let metrics = store.metrics.range::<MetricId, _>(range);
        let matching =
            metrics.filter(|(metric, series)| filter.matches(metric) && is_active(series));
        matching.take(limit).map(|(metric, _)| metric.clone()).collect()
    }

    /// How many metrics there are, about how many bytes they have, and how often something was
    /// published for which there was no room.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize, u64) {
        let store = self.store();
        (store.metrics.len(), store.bytes, store.refused)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic in the middle of a change would leave a wrong count of bytes and nothing worse.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn put(&mut self, datum: &Datum, now: Minute) {
        let minute = minute(datum.timestamp);
        if minute <= now - RETENTION_MINUTES {
            return;
        }
        if self.bytes >= self.capacity {
            self.make_room(now);
        }
        match self.metrics.get_mut(&datum.metric) {
            Some(series) => self.bytes += add(series, datum, minute),
            None if self.bytes < self.capacity => {
                let mut series = Vec::with_capacity(1);
                self.bytes += METRIC_BYTES + text_bytes(&datum.metric);
                self.bytes += add(&mut series, datum, minute);
                self.metrics.insert(datum.metric.clone(), series);
            }
            None => self.refused += 1,
        }
    }

    /// Forgets what is too old, and then as many of the oldest minutes as make an eighth free; but
    /// never this minute's points.
    fn make_room(&mut self, now: Minute) {
        self.drop_before(now - RETENTION_MINUTES + 1);
        let room = self.capacity - self.capacity / 8;
        if self.bytes <= room {
            return;
        }
        let mut points_of: BTreeMap<Minute, usize> = BTreeMap::new();
        for minute in self.metrics.values().flatten().flat_map(Series::minutes) {
            *points_of.entry(minute).or_default() += 1;
        }
        let points: usize = points_of.values().sum();
        // Points differ in size, but over minutes of all metrics they are much the same.
        let surplus = points * (self.bytes - room) / self.bytes.max(1);
        let mut dropped = 0;
        let first_kept = points_of.into_iter().find_map(|(minute, count)| {
            dropped += count;
            (dropped > surplus).then_some(minute + 1)
        });
        self.drop_before(first_kept.map_or(now, |minute| minute.min(now)));
    }

    fn drop_before(&mut self, minute: Minute) {
        let mut bytes = 0;
        self.metrics.retain(|metric, series| {
            for series in &mut *series {
                series.drop_before(minute);
            }
            series.retain(|series| series.last().is_some());
            let points: usize = series.iter().map(Series::bytes).sum();
            let kept = !series.is_empty();
            bytes += if kept { METRIC_BYTES + text_bytes(metric) + points } else { 0 };
            kept
        });
        self.bytes = bytes;
    }
}

fn add(series: &mut Vec<Series>, datum: &Datum, minute: Minute) -> usize {
    let index = series.iter().position(|series| series.unit == datum.unit).unwrap_or_else(|| {
        series.push(Series::new(datum.unit));
        series.len() - 1
    });
    series[index].add(minute, &datum.observation)
}

fn text_bytes(metric: &MetricId) -> usize {
    let dimensions: usize = metric.dimensions.iter().map(|(_, value)| value.len() + 64).sum();
    metric.name.len() + dimensions
}

fn minute(time: Timestamp) -> Minute {
    time.as_second().div_euclid(60)
}

/// The points of a series by the periods of a query. Periods follow one another from the start, and
/// not from multiples of their length, as the points that CloudWatch answers show: those of five
/// minutes that are asked for from 10:53 are at 10:53, 10:58 and 11:03.
fn periods(series: &Series, query: &Query<'_>) -> Vec<Point> {
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

#[cfg(test)]
mod tests;
