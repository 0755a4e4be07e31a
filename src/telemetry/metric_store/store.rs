//! The metrics that are kept, and how much room they have.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::telemetry::metric_store::filter::MetricFilter;
use crate::telemetry::metric_store::metric::{Datum, MetricId};
use crate::telemetry::metric_store::query::{MetricQuery, Point, periods};
use crate::telemetry::metric_store::series::{Minute, Series};

/// How long points are kept.
const RETENTION_MINUTES: Minute = 24 * 60;

/// How many bytes the points and the names of all metrics may have, about.
pub(crate) const CAPACITY_BYTES: usize = 256 * 1024 * 1024;

/// What a metric costs besides its texts: the entry of the map and the series.
pub(crate) const METRIC_BYTES: usize = 256;

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
        self.lock().put(datum, minute(now));
    }

    /// A point for each period in which something was published, oldest first; where it was published
    /// in several units, one for each of them.
    #[must_use]
    pub(crate) fn points(&self, query: &MetricQuery<'_>) -> Vec<Point> {
        let store = self.lock();
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
        filter: &MetricFilter<'_>,
        after: Option<&MetricId>,
        limit: usize,
    ) -> Vec<MetricId> {
        let since = filter.active_since.map(minute);
        let is_active = |series: &[Series]| {
            since.is_none_or(|since| series.iter().any(|series| series.last() >= Some(since)))
        };
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let store = self.lock();
        let metrics = store.metrics.range::<MetricId, _>(range);
        let matching =
            metrics.filter(|(metric, series)| filter.matches(metric) && is_active(series));
        matching.take(limit).map(|(metric, _)| metric.clone()).collect()
    }

    /// How many metrics there are, about how many bytes they have, and how often something was
    /// published for which there was no room.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize, u64) {
        let store = self.lock();
        (store.metrics.len(), store.bytes, store.refused)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
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
