//! The points of one metric: one for every minute in which something was published.

use std::borrow::Cow;
use std::collections::VecDeque;

use jiff::Timestamp;

use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::metric::{Observation, Unit};

/// Minutes since the beginning of 1970.
pub(crate) type Minute = i64;

/// The minute of a moment.
#[must_use]
pub(crate) fn minute(time: Timestamp) -> Minute {
    time.as_second().div_euclid(60)
}

/// What the index of minutes has of a point: where it is, and the room that the list grows into.
pub(crate) const INDEX_BYTES: usize = 16;

/// What a point has, without what it has elsewhere.
const POINT_BYTES: usize = size_of::<(Minute, Distribution)>() + INDEX_BYTES;

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
    ) -> impl Iterator<Item = (Minute, Cow<'_, Distribution>)> {
        let first = self.points.partition_point(|(minute, _)| *minute < start);
        let asked = self.points.range(first..).take_while(move |(minute, _)| *minute < end);
        asked.map(|(minute, distribution)| (*minute, Cow::Borrowed(distribution)))
    }

    /// Whether there is a point for this minute.
    #[must_use]
    pub(crate) fn has(&self, minute: Minute) -> bool {
        let place = self.points.iter().rev().find(|(other, _)| *other <= minute);
        place.is_some_and(|(other, _)| *other == minute)
    }

    /// Drops the points up to this minute, and returns how many bytes that frees.
    pub(crate) fn drop_until(&mut self, minute: Minute) -> usize {
        let before = self.points.capacity();
        let mut freed = 0;
        while let Some((_, point)) = self.points.pop_front_if(|(other, _)| *other <= minute) {
            freed += point.heap_bytes();
        }
        // Not each time: that would move all that is kept for each point that goes.
        if self.points.len() <= before / 2 {
            self.points.shrink_to_fit();
        }
        freed + (before - self.points.capacity()) * POINT_BYTES
    }

    /// When something was last published.
    #[must_use]
    pub(crate) fn last(&self) -> Option<Minute> {
        self.points.back().map(|(minute, _)| *minute)
    }

    /// About how many bytes its points have.
    #[cfg(test)]
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
        let between = |series: &Series, start, end| {
            series.between(start, end).map(|(minute, _)| minute).collect::<Vec<_>>()
        };
        assert_eq!(between(&series, 0, 10), [1, 3, 4, 5, 9]);
        assert_eq!(between(&series, 3, 9), [3, 4, 5]);
        assert!(series.has(4) && !series.has(6));
        series.drop_until(4);
        assert_eq!(between(&series, 0, 10), [5, 9]);
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
        assert_eq!(series.drop_until(1), grown);
    }
}
