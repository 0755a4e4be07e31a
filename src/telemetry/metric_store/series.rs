//! The points of one metric: one for every minute in which something was published.

use std::collections::VecDeque;

use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::metric::{Observation, Unit};

/// Minutes since the beginning of 1970.
pub(crate) type Minute = i64;

/// What a point has, without what it has elsewhere.
const POINT_BYTES: usize = size_of::<(Minute, Distribution)>();

/// The points of a metric in one unit, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The unit of all of them.
    pub(crate) unit: Unit,
    points: VecDeque<(Minute, Distribution)>,
}

impl Series {
    /// A series without points.
    #[must_use]
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, points: VecDeque::new() }
    }

    /// Adds what was observed in a minute, and returns by how many bytes it grew.
    pub(crate) fn add(&mut self, minute: Minute, observation: &Observation) -> usize {
        // What comes is nearly always of the last minute.
        let index = self.points.iter().rposition(|(other, _)| *other <= minute);
        if let Some(index) = index
            && self.points[index].0 == minute
        {
            let point = &mut self.points[index].1;
            let before = point.heap_bytes();
            point.add(observation);
            return point.heap_bytes().saturating_sub(before);
        }
        let Some(point) = Distribution::new(observation) else { return 0 };
        let before = self.points.capacity();
        // Doubling would leave half of what thousands of metrics have unused.
        if self.points.len() == before {
            self.points.reserve_exact(before / 8 + 4);
        }
        let grown = (self.points.capacity() - before) * POINT_BYTES + point.heap_bytes();
        self.points.insert(index.map_or(0, |index| index + 1), (minute, point));
        grown
    }

    /// The points of the minutes from `start` up to and without `end`.
    pub(crate) fn between(
        &self,
        start: Minute,
        end: Minute,
    ) -> impl Iterator<Item = &(Minute, Distribution)> {
        let first = self.points.partition_point(|(minute, _)| *minute < start);
        self.points.range(first..).take_while(move |(minute, _)| *minute < end)
    }

    /// The minutes that have a point.
    pub(crate) fn minutes(&self) -> impl Iterator<Item = Minute> {
        self.points.iter().map(|(minute, _)| *minute)
    }

    /// Drops the points of all minutes before this one.
    pub(crate) fn drop_before(&mut self, minute: Minute) {
        let kept = self.points.partition_point(|(other, _)| *other < minute);
        self.points.drain(..kept);
        self.points.shrink_to_fit();
    }

    /// When something was last published.
    #[must_use]
    pub(crate) fn last(&self) -> Option<Minute> {
        self.points.back().map(|(minute, _)| *minute)
    }

    /// About how many bytes its points have.
    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        let heap: usize = self.points.iter().map(|(_, point)| point.heap_bytes()).sum();
        heap + self.points.capacity() * POINT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::Series;
    use crate::telemetry::metric_store::metric::{Observation, Unit};

    #[test]
    fn points_are_in_the_order_of_time_however_they_come() {
        let mut series = Series::new(Unit::COUNT);
        for minute in [5, 3, 5, 9, 4, 1] {
            series.add(minute, &Observation::once(1.0));
        }
        assert_eq!(series.minutes().collect::<Vec<_>>(), [1, 3, 4, 5, 9]);
        let between: Vec<_> = series.between(3, 9).map(|(minute, _)| *minute).collect();
        assert_eq!(between, [3, 4, 5]);
        series.drop_before(5);
        assert_eq!(series.minutes().collect::<Vec<_>>(), [5, 9]);
        assert_eq!(series.last(), Some(9));
    }

    #[test]
    fn what_it_grows_by_is_what_it_has() {
        let mut series = Series::new(Unit::COUNT);
        let mut grown = 0;
        for step in 0..200 {
            grown +=
                series.add(step % 2, &Observation::once(f64::from(u8::try_from(step).unwrap())));
        }
        assert_eq!(grown, series.bytes());
    }
}
