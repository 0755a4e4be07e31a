//! What mtl publishes of one account, function or tenant: a point for each minute with something in it,
//! with a cell for each metric.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::lambda_table::cell::Cell;
use crate::telemetry::metric_store::lambda_table::lambda_metric::LambdaMetric;
use crate::telemetry::metric_store::series::{INDEX_BYTES, Minute};

/// What a point has, without what its cells have elsewhere.
pub(crate) const POINT_BYTES: usize = size_of::<RowPoint>() + INDEX_BYTES;

/// The points of a row, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// How many invocations run now. A row of which some do is not forgotten.
    pub(crate) running: u32,
    points: VecDeque<RowPoint>,
}

#[derive(Debug)]
struct RowPoint {
    minute: Minute,
    cells: [Cell; LambdaMetric::ALL.len()],
}

impl Row {
    /// Whether there is a point for this minute.
    #[must_use]
    pub(crate) fn has(&self, minute: Minute) -> bool {
        // What comes is nearly always of the last minute.
        self.points.iter().rev().find(|point| point.minute <= minute).map(|point| point.minute)
            == Some(minute)
    }

    /// Adds values to the point of a minute, and returns by how many bytes the row grew.
    pub(crate) fn add(
        &mut self,
        minute: Minute,
        values: impl Iterator<Item = (LambdaMetric, f64)>,
    ) -> usize {
        let place = self.points.iter().rposition(|point| point.minute <= minute);
        let (index, mut grown) = match place {
            Some(index) if self.points[index].minute == minute => (index, 0),
            earlier => self.insert(earlier.map_or(0, |index| index + 1), minute),
        };
        let cells = &mut self.points[index].cells;
        for (metric, value) in values {
            grown += cells[metric as usize].add(value);
        }
        grown
    }

    /// Makes a point, and returns where it is and by how many bytes the row grew.
    fn insert(&mut self, index: usize, minute: Minute) -> (usize, usize) {
        let before = self.points.capacity();
        // Most tenants have one point, and doubling would leave half of what many of them have unused.
        if self.points.len() == before {
            self.points.reserve_exact(before / 8 + 1);
        }
        self.points.insert(index, RowPoint { minute, cells: Default::default() });
        (index, (self.points.capacity() - before) * POINT_BYTES)
    }

    /// What was observed of a metric, by minute from `start` up to and without `end`.
    pub(crate) fn between(
        &self,
        metric: LambdaMetric,
        start: Minute,
        end: Minute,
    ) -> impl Iterator<Item = (Minute, Cow<'_, Distribution>)> {
        let first = self.points.partition_point(|point| point.minute < start);
        let asked = self.points.range(first..).take_while(move |point| point.minute < end);
        asked.filter_map(move |point| {
            Some((point.minute, point.cells[metric as usize].distribution()?))
        })
    }

    /// When something was last observed of a metric.
    #[must_use]
    pub(crate) fn last(&self, metric: LambdaMetric) -> Option<Minute> {
        let observed = |point: &&RowPoint| !point.cells[metric as usize].is_empty();
        self.points.iter().rev().find(observed).map(|point| point.minute)
    }

    /// Drops the points up to this minute, and returns how many bytes that frees.
    pub(crate) fn drop_until(&mut self, minute: Minute) -> usize {
        let before = self.points.capacity();
        let mut freed = 0;
        while let Some(point) = self.points.pop_front_if(|point| point.minute <= minute) {
            freed += point.cells.iter().map(Cell::heap_bytes).sum::<usize>();
        }
        // Not each time: that would move all that is kept for each point that goes.
        if self.points.len() <= before / 2 {
            self.points.shrink_to_fit();
        }
        freed + (before - self.points.capacity()) * POINT_BYTES
    }

    /// Whether nothing would be lost without it.
    #[must_use]
    pub(crate) fn is_idle(&self) -> bool {
        self.running == 0 && self.points.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{LambdaMetric, Row};

    #[test]
    fn it_frees_what_it_grew_by() {
        let mut row = Row::default();
        let mut grown = 0;
        for step in 0..500_i32 {
            let minute = 30 - i64::from(step % 7);
            grown += row.add(minute, [(LambdaMetric::Duration, f64::from(step))].into_iter());
        }
        assert!(row.has(24) && row.has(30) && !row.has(23) && !row.has(31));
        assert_eq!(row.between(LambdaMetric::Duration, 26, 29).count(), 3);
        assert_eq!(row.between(LambdaMetric::Errors, 26, 29).count(), 0);
        assert_eq!(row.last(LambdaMetric::Duration), Some(30));
        assert_eq!(row.drop_until(25) + row.drop_until(30), grown);
        assert!(row.is_idle());
    }
}
