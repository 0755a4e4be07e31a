//! The metrics that others publish: any namespace, name and dimensions, each with its own points.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::telemetry::metric_store::filter::MetricFilter;
use crate::telemetry::metric_store::metric::{Datum, MetricId};
use crate::telemetry::metric_store::query::{MetricQuery, Point, periods};
use crate::telemetry::metric_store::series::{Minute, Series};

/// What a metric costs besides its texts: its id, the entry of the map and the series.
pub(crate) const METRIC_BYTES: usize = 256;

/// What a text costs besides its characters: the counts of who shares it, and where it is noted.
const TEXT_BYTES: usize = 32;

/// All metrics, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct PublishedMetrics {
    metrics: BTreeMap<Arc<MetricId>, Vec<Series>>,
}

/// What came of adding something.
#[derive(Debug)]
pub(crate) struct Growth {
    /// By how many bytes the metrics grew.
    pub(crate) bytes: usize,
    /// The metric, if it has a point of the minute that it had not before.
    pub(crate) pointed: Option<Arc<MetricId>>,
}

impl PublishedMetrics {
    /// Whether there is a point of this minute, to which adding costs little or nothing.
    #[must_use]
    pub(crate) fn has(&self, datum: &Datum, minute: Minute) -> bool {
        let mut series = self.metrics.get(&datum.metric).into_iter().flatten();
        series.any(|series| series.unit == datum.unit && series.has(minute))
    }

    /// Adds what was observed in a minute.
    pub(crate) fn add(&mut self, datum: &Datum, minute: Minute) -> Growth {
        if let Some(all) = self.metrics.get_mut(&datum.metric) {
            let (bytes, is_new) = add(all, datum, minute);
            let key = || self.metrics.get_key_value(&datum.metric).map(|(key, _)| Arc::clone(key));
            return Growth { bytes, pointed: is_new.then(key).flatten() };
        }
        let mut all = Vec::with_capacity(1);
        let (bytes, is_new) = add(&mut all, datum, minute);
        if !is_new {
            return Growth { bytes: 0, pointed: None };
        }
        let metric = Arc::new(datum.metric.clone());
        let bytes = bytes + metric_bytes(&metric);
        self.metrics.insert(Arc::clone(&metric), all);
        Growth { bytes, pointed: Some(metric) }
    }

    /// Drops the points of a metric up to this minute, and the metric too if it has no more. Returns
    /// how many bytes that frees.
    pub(crate) fn drop_until(&mut self, metric: &MetricId, minute: Minute) -> usize {
        let Some(all) = self.metrics.get_mut(metric) else { return 0 };
        let freed: usize = all.iter_mut().map(|series| series.drop_until(minute)).sum();
        if all.iter().any(|series| series.last().is_some()) {
            return freed;
        }
        self.metrics.remove(metric);
        freed + metric_bytes(metric)
    }

    /// A point for each period in which something was published.
    #[must_use]
    pub(crate) fn points(&self, query: &MetricQuery<'_>) -> Vec<Point> {
        let all = self.metrics.get(query.metric).into_iter().flatten();
        let asked = all.filter(|series| query.unit.is_none_or(|unit| unit == series.unit));
        let minutes = query.minutes();
        asked
            .flat_map(|series| {
                periods(query, series.unit, series.between(minutes.start, minutes.end))
            })
            .collect()
    }

    /// The metrics that match after this one, in the order of their ids.
    pub(crate) fn list<'a>(
        &'a self,
        filter: &'a MetricFilter<'a>,
        after: Option<&'a MetricId>,
    ) -> impl Iterator<Item = MetricId> + 'a {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let left = self.metrics.range::<MetricId, _>(range);
        let matching = left.filter(|(metric, all)| {
            filter.matches_names(&metric.namespace, &metric.name)
                && filter.matches_dimensions(|name| metric.dimensions.get(name))
                && filter.is_active(all.iter().filter_map(Series::last).max())
        });
        matching.map(|(metric, _)| MetricId::clone(metric))
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.metrics.len()
    }
}

/// Adds to the series of the unit, and returns by how many bytes it grew, and whether by a point.
fn add(all: &mut Vec<Series>, datum: &Datum, minute: Minute) -> (usize, bool) {
    let index = all.iter().position(|series| series.unit == datum.unit).unwrap_or_else(|| {
        all.push(Series::new(datum.unit));
        all.len() - 1
    });
    let is_new = !all[index].has(minute);
    let bytes = all[index].add(minute, &datum.observation);
    (bytes, is_new && all[index].has(minute))
}

/// What a metric costs without its points. Texts that it shares with others are counted for each.
fn metric_bytes(metric: &MetricId) -> usize {
    let dimensions = metric.dimensions.iter().flat_map(|(name, value)| [name, value]);
    let texts = [&*metric.namespace, &*metric.name].into_iter().chain(dimensions);
    METRIC_BYTES + texts.map(|text| text.len() + TEXT_BYTES).sum::<usize>()
}
