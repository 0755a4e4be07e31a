//! All that was observed in one period, in a few dozen bytes where it can be.

use std::fmt::{self, Debug, Formatter};

use sketches_ddsketch::{Config, DDSketch};

use crate::telemetry::metric_store::metric::{Observation, StatisticSet};
use crate::telemetry::metric_store::statistic::Statistic;

/// How far a percentile may be from the exact one, as a part of it, once more than [`FEW`] different
/// values were observed: 1 %. Up to that many it is exact.
pub(crate) const PERCENTILE_ERROR: f64 = 0.01;

/// How many different values are kept as they are.
pub(crate) const FEW: usize = 32;

/// How many bins a sketch has at the most. At 1 % they span eighteen powers of ten; where values
/// span more, the smallest ones share a bin.
const BINS: u32 = 2048;

/// Smaller values count as 0.
const SMALLEST: f64 = 1e-9;

/// What was observed.
#[derive(Clone)]
pub(crate) struct Distribution {
    summary: StatisticSet,
    values: Values,
}

/// The values behind the summary.
#[derive(Clone)]
enum Values {
    /// All are the same: the minimum, which is the maximum.
    Same,
    /// Different ones, each with how often it was observed.
    Few(Vec<(f64, f64)>),
    /// Many.
    Many(Box<DDSketch>),
    /// Only their summary is known.
    Unknown,
}

impl Debug for Distribution {
    /// Sketches can't be shown.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Distribution").field(&self.summary).finish_non_exhaustive()
    }
}

impl Distribution {
    /// What was observed first. `None` for an observation of nothing.
    #[must_use]
    pub(crate) fn new(observation: &Observation) -> Option<Self> {
        let values = match observation {
            Observation::Set(set) => return Self::of_set(set),
            Observation::Values(values) => values,
        };
        let mut observed = values.iter().filter(|(_, count)| *count > 0.0);
        let &(value, count) = observed.next()?;
        let mut distribution = Self::same(value, count);
        for (value, count) in observed {
            distribution.add_value(*value, *count);
        }
        Some(distribution)
    }

    /// One value, observed so many times.
    #[must_use]
    pub(crate) fn same(value: f64, count: f64) -> Self {
        let summary = StatisticSet {
            sample_count: count,
            sum: value * count,
            minimum: value,
            maximum: value,
        };
        Self { summary, values: Values::Same }
    }

    fn of_set(set: &StatisticSet) -> Option<Self> {
        let same = set.minimum.total_cmp(&set.maximum).is_eq();
        let values = if same { Values::Same } else { Values::Unknown };
        (set.sample_count > 0.0).then_some(Self { summary: *set, values })
    }

    /// Adds what was observed besides.
    pub(crate) fn add(&mut self, observation: &Observation) {
        match observation {
            Observation::Values(values) => {
                for (value, count) in values.iter().filter(|(_, count)| *count > 0.0) {
                    self.add_value(*value, *count);
                }
            }
            Observation::Set(set) => {
                if let Some(other) = Self::of_set(set) {
                    self.merge(&other);
                }
            }
        }
    }

    /// Adds a value that was observed so many times.
    pub(crate) fn add_value(&mut self, value: f64, count: f64) {
        self.spread();
        match &mut self.values {
            Values::Few(few) => insert(few, value, count),
            Values::Many(sketch) => sketch.add_with_count(value, whole(count)),
            Values::Same | Values::Unknown => {}
        }
        self.add_summary(&StatisticSet {
            sample_count: count,
            sum: value * count,
            minimum: value,
            maximum: value,
        });
        self.settle();
    }

    /// Adds all of another period.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.spread();
        match (&mut self.values, &other.values) {
            (_, Values::Unknown) => self.values = Values::Unknown,
            (Values::Few(few), Values::Same) => {
                insert(few, other.summary.minimum, other.summary.sample_count);
            }
            (Values::Many(sketch), Values::Same) => {
                sketch.add_with_count(other.summary.minimum, whole(other.summary.sample_count));
            }
            (Values::Few(few), Values::Few(others)) => {
                for (value, count) in others {
                    insert(few, *value, *count);
                }
            }
            (Values::Many(sketch), Values::Few(others)) => {
                for (value, count) in others {
                    sketch.add_with_count(*value, whole(*count));
                }
            }
            (Values::Few(few), Values::Many(others)) => {
                let mut sketch = others.clone();
                for (value, count) in &*few {
                    sketch.add_with_count(*value, whole(*count));
                }
                self.values = Values::Many(sketch);
            }
            (Values::Many(sketch), Values::Many(others)) => {
                // Only sketches of another configuration can't be merged, and there are none.
                let _ = sketch.merge(others);
            }
            (Values::Same | Values::Unknown, _) => {}
        }
        self.add_summary(&other.summary);
        self.settle();
    }

    /// Makes room for a value that may differ.
    fn spread(&mut self) {
        if matches!(self.values, Values::Same) {
            let only = (self.summary.minimum, self.summary.sample_count);
            self.values = Values::Few(vec![only]);
        }
    }

    /// Takes the smallest form that tells the same.
    fn settle(&mut self) {
        let Values::Few(few) = &self.values else { return };
        if few.len() == 1 {
            self.values = Values::Same;
        } else if few.len() > FEW {
            let mut sketch = DDSketch::new(Config::new(PERCENTILE_ERROR, BINS, SMALLEST));
            for (value, count) in few {
                sketch.add_with_count(*value, whole(*count));
            }
            self.values = Values::Many(Box::new(sketch));
        }
    }

    fn add_summary(&mut self, other: &StatisticSet) {
        self.summary.sample_count += other.sample_count;
        self.summary.sum += other.sum;
        self.summary.minimum = self.summary.minimum.min(other.minimum);
        self.summary.maximum = self.summary.maximum.max(other.maximum);
    }

    /// A statistic. `None` for a percentile where only a summary was published of values that are
    /// not all the same, as on CloudWatch.
    #[must_use]
    pub(crate) fn value(&self, statistic: Statistic) -> Option<f64> {
        let summary = &self.summary;
        Some(match statistic {
            Statistic::SampleCount => summary.sample_count,
            Statistic::Average => summary.sum / summary.sample_count,
            Statistic::Sum => summary.sum,
            Statistic::Minimum => summary.minimum,
            Statistic::Maximum => summary.maximum,
            Statistic::Percentile(percent) => self.percentile(percent)?,
        })
    }

    /// The least observed value that is not less than so many percent of all: the nearest rank.
    fn percentile(&self, percent: f64) -> Option<f64> {
        let count = self.summary.sample_count;
        // A rank that is whole but for an error of rounding is that one, and not the next.
        let rank = percent * count / 100.0;
        let rank = (rank - rank * 1e-12).ceil().max(1.0);
        match &self.values {
            Values::Same => Some(self.summary.minimum),
            Values::Unknown => None,
            Values::Few(few) => {
                let mut sorted: Vec<_> = few.iter().collect();
                sorted.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
                let mut passed = 0.0;
                let at_rank = sorted.iter().find(|(_, count)| {
                    passed += count;
                    passed >= rank
                });
                Some(at_rank.map_or(self.summary.maximum, |(value, _)| *value))
            }
            Values::Many(sketch) => {
                // The sketch rounds its own rank, `q * (count - 1)`, down: half a rank more makes
                // sure that it is this one.
                let q = ((rank - 0.5) / (count - 1.0)).clamp(0.0, 1.0);
                let value = sketch.quantile(q).ok().flatten()?;
                Some(value.clamp(self.summary.minimum, self.summary.maximum))
            }
        }
    }

    /// About how many bytes it has outside of itself.
    #[must_use]
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.values {
            Values::Same | Values::Unknown => 0,
            Values::Few(few) => few.capacity() * size_of::<(f64, f64)>(),
            Values::Many(sketch) => size_of::<DDSketch>() + sketch.length() * size_of::<u64>(),
        }
    }
}

fn insert(few: &mut Vec<(f64, f64)>, value: f64, count: f64) {
    match few.iter_mut().find(|(other, _)| other.total_cmp(&value).is_eq()) {
        Some((_, known)) => *known += count,
        None => few.push((value, count)),
    }
}

/// Sketches count whole observations.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, rounded up")]
fn whole(count: f64) -> u64 {
    count.ceil() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, proptest};

    use super::{Distribution, FEW, PERCENTILE_ERROR};
    use crate::telemetry::metric_store::metric::{Observation, StatisticSet};
    use crate::telemetry::metric_store::statistic::Statistic;

    fn of(values: &[f64]) -> Distribution {
        let mut values = values.iter().map(|value| Observation::once(*value));
        let mut distribution = Distribution::new(&values.next().unwrap()).unwrap();
        values.for_each(|value| distribution.add(&value));
        distribution
    }

    #[test]
    fn few_values_are_exact() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let distribution = of(&values);
        for (percent, exact) in [(0.0, 1.0), (50.0, 5.0), (90.0, 9.0), (99.0, 10.0), (100.0, 10.0)]
        {
            let found = distribution.value(Statistic::Percentile(percent));
            assert_eq!(found, Some(exact), "p{percent}");
        }
        assert_eq!(distribution.value(Statistic::Average), Some(5.5));
        assert_eq!(distribution.value(Statistic::SampleCount), Some(10.0));
    }

    #[test]
    fn a_whole_rank_is_not_rounded_up() {
        for (percent, count, rank) in [(7.0, 300, 21.0), (99.9, 1_000, 999.0), (29.0, 100, 29.0)] {
            let counted = |value: f64, count: f64| Observation::Values(vec![(value, count)]);
            let mut distribution = Distribution::new(&counted(1.0, rank)).unwrap();
            distribution.add(&counted(2.0, f64::from(count) - rank));
            assert_eq!(distribution.value(Statistic::Percentile(percent)), Some(1.0), "p{percent}");
        }
    }

    #[test]
    fn zeros_and_ones_need_no_more_than_a_pair() {
        let distribution = of(&[0.0, 0.0, 1.0, 0.0]);
        assert_eq!(distribution.value(Statistic::Sum), Some(1.0));
        assert!(of(&[1.0; 1_000]).heap_bytes() == 0);
        assert!(distribution.heap_bytes() < 128);
    }

    #[test]
    fn a_summary_has_percentiles_only_if_all_are_the_same() {
        let set = |minimum| {
            Observation::Set(StatisticSet { sample_count: 2.0, sum: 4.0, minimum, maximum: 2.0 })
        };
        let same = Distribution::new(&set(2.0)).unwrap();
        assert_eq!(same.value(Statistic::Percentile(99.0)), Some(2.0));
        let mut mixed = of(&[7.0]);
        mixed.add(&set(1.0));
        assert_eq!(mixed.value(Statistic::Percentile(99.0)), None);
        assert_eq!(mixed.value(Statistic::Maximum), Some(7.0));
        mixed.add(&Observation::once(3.0));
        assert_eq!(mixed.value(Statistic::Percentile(99.0)), None);
        assert_eq!(mixed.value(Statistic::SampleCount), Some(4.0));
    }

    #[test]
    fn nothing_is_no_observation() {
        assert!(Distribution::new(&Observation::Values(vec![(1.0, 0.0)])).is_none());
        let counted = Distribution::new(&Observation::Values(vec![(1.0, 0.0), (2.0, 3.0)]));
        assert_eq!(counted.unwrap().value(Statistic::Sum), Some(6.0));
    }

    proptest! {
        #[test]
        fn percentiles_are_within_the_bound(
            mut values in prop::collection::vec(0.001_f64..1e6, 1..400),
            cut in 0_usize..400,
            percent in 0_u8..=100,
        ) {
            let cut = cut.min(values.len() - 1);
            let mut distribution = of(&values[..=cut]);
            if cut + 1 < values.len() {
                distribution.merge(&of(&values[cut + 1..]));
            }
            values.sort_unstable_by(f64::total_cmp);
            let rank = (usize::from(percent) * values.len()).div_ceil(100).max(1);
            let exact = values[rank - 1];
            let bound = if values.len() > FEW { exact * PERCENTILE_ERROR } else { 0.0 };
            let percentile = Statistic::Percentile(f64::from(percent));
            let found = distribution.value(percentile).unwrap();
            assert!((found - exact).abs() <= bound + 1e-9, "{found} for {exact}");
        }
    }
}
