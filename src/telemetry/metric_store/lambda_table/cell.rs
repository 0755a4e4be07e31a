//! What was observed of one metric of a row in one minute: 16 bytes while all values are the same, as
//! they are in the minute of a tenant's only invocation.

use std::borrow::Cow;

use crate::telemetry::metric_store::distribution::Distribution;

/// What was observed.
#[derive(Clone, Debug, Default)]
pub(crate) enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// One value, so many times.
    Same(f64, u32),
    /// Different values.
    Spread(Box<Distribution>),
}

impl Cell {
    /// Adds a value, and returns by how many bytes the cell grew.
    pub(crate) fn add(&mut self, value: f64) -> usize {
        match self {
            Self::Empty => {
                *self = Self::Same(value, 1);
                0
            }
            Self::Same(known, count) if known.total_cmp(&value).is_eq() && *count < u32::MAX => {
                *count += 1;
                0
            }
            Self::Same(known, count) => {
                let mut distribution = Distribution::same(*known, f64::from(*count));
                distribution.add_value(value, 1.0);
                *self = Self::Spread(Box::new(distribution));
                self.heap_bytes()
            }
            Self::Spread(distribution) => {
                let before = distribution.heap_bytes();
                distribution.add_value(value, 1.0);
                distribution.heap_bytes().saturating_sub(before)
            }
        }
    }

    /// Whether nothing was observed.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// All that was observed, if anything was.
    #[must_use]
    pub(crate) fn distribution(&self) -> Option<Cow<'_, Distribution>> {
        match self {
            Self::Empty => None,
            Self::Same(value, count) => {
                Some(Cow::Owned(Distribution::same(*value, f64::from(*count))))
            }
            Self::Spread(distribution) => Some(Cow::Borrowed(&**distribution)),
        }
    }

    /// About how many bytes it has outside of itself.
    #[must_use]
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Empty | Self::Same(..) => 0,
            Self::Spread(distribution) => size_of::<Distribution>() + distribution.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cell;
    use crate::telemetry::metric_store::statistic::Statistic;

    #[test]
    fn it_tells_what_was_added_and_by_how_much_it_grew() {
        let mut cell = Cell::default();
        assert!(cell.is_empty() && cell.distribution().is_none());
        let mut grown = 0;
        for (step, sum) in [(1.0, 1.0), (1.0, 2.0), (5.0, 7.0), (1.0, 8.0)] {
            grown += cell.add(step);
            let found = cell.distribution().unwrap().value(Statistic::Sum);
            assert_eq!(found, Some(sum));
            assert_eq!(grown, cell.heap_bytes());
        }
        assert_eq!(size_of::<Cell>(), 16);
    }
}
