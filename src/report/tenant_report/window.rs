//! The time that a report is about, and the periods it is divided into. Knows no metrics.

use std::ops::Range;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// What CloudWatch keeps: points of this many seconds for so many hours.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
const RETENTION: [(u32, i64); 3] = [(60, 15 * 24), (300, 63 * 24), (3_600, 455 * 24)];

/// The periods to choose from, in seconds.
const PERIODS: [u32; 7] = [60, 300, 900, 3_600, 21_600, 86_400, 604_800];

/// How many periods a report has at most unless one is asked for: enough for a wide terminal.
const MAXIMUM_PERIODS: i64 = 200;

/// The most points that CloudWatch tells of one metric.
const MAXIMUM_POINTS: i64 = 100_800;

/// The time that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its beginning, a whole minute, or five of them or an hour where it is older.
    pub(crate) start: Timestamp,
    /// The first moment after it, a whole minute too: what happens in this minute belongs to it.
    pub(crate) end: Timestamp,
    /// How long a period is, in seconds.
    pub(crate) period: u32,
}

/// Why there is no such window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum WindowError {
    /// It ends before it begins.
    #[error("the start must be before the end")]
    Order,
    /// It begins before everything that CloudWatch keeps.
    #[error("CloudWatch keeps metrics for 455 days")]
    TooOld,
    /// The period is none that CloudWatch has.
    #[error("a period is a multiple of 60 seconds")]
    Period,
    /// So short periods are not kept so long.
    #[error("at the start of this window CloudWatch keeps points of {0} seconds at the least")]
    PeriodTooShort(u32),
    /// There would be too many points.
    #[error("the window has more than 100,800 of these periods")]
    TooManyPeriods,
}

impl Window {
    /// The window between two times, in periods of so many seconds, or in ones that fit.
    ///
    /// # Errors
    ///
    /// When CloudWatch has nothing of it.
    pub(crate) fn new(
        Range { start, end }: Range<Timestamp>,
        period: Option<u32>,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let minute = |minute: i64| Timestamp::from_second(minute * 60);
        let whole = end.as_second() % 60 == 0 && end.subsec_nanosecond() == 0;
        let end =
            if whole { end } else { minute(end.as_second().div_euclid(60) + 1).unwrap_or(end) };
        if start >= end {
            return Err(WindowError::Order);
        }
        let age = now.duration_since(start).as_hours();
        let kept = RETENTION.iter().find(|(_, hours)| age <= *hours);
        let (shortest, _) = *kept.ok_or(WindowError::TooOld)?;
        // CloudWatch rounds the start down to what it keeps, and its points begin there.
        let step = i64::from(shortest);
        let rounded = Timestamp::from_second(start.as_second().div_euclid(step) * step);
        let start = rounded.unwrap_or(start);
        let seconds = end.duration_since(start).as_secs();
        let period = match period {
            Some(period) if period == 0 || period % 60 != 0 => return Err(WindowError::Period),
            Some(period) if period < shortest || period % shortest != 0 => {
                return Err(WindowError::PeriodTooShort(shortest));
            }
            Some(period) if seconds / i64::from(period) > MAXIMUM_POINTS => {
                return Err(WindowError::TooManyPeriods);
            }
            Some(period) => period,
            None => fitting(seconds, shortest),
        };
        Ok(Self { start, end, period })
    }

    /// The window that ends with this minute.
    ///
    /// # Errors
    ///
    /// When CloudWatch has nothing of it.
    pub(crate) fn since(
        since: Duration,
        period: Option<u32>,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let since = SignedDuration::try_from(since).map_err(|_| WindowError::TooOld)?;
        let start = now.checked_sub(since).map_err(|_| WindowError::TooOld)?;
        Self::new(start..now, period, now)
    }

    /// A period that holds the whole window, in seconds: a multiple of the shorter one, so that it is
    /// kept as long.
    #[must_use]
    pub(crate) fn whole(&self) -> u32 {
        let (period, seconds) =
            (i64::from(self.period), self.end.duration_since(self.start).as_secs());
        u32::try_from((seconds / period + 1) * period).unwrap_or(u32::MAX / 86_400 * 86_400)
    }

    /// When each period begins.
    pub(crate) fn periods(&self) -> impl Iterator<Item = Timestamp> {
        let begins = (self.start.as_second()..self.end.as_second()).step_by(self.period as usize);
        begins.filter_map(|second| Timestamp::from_second(second).ok())
    }
}

fn fitting(seconds: i64, shortest: u32) -> u32 {
    let fits =
        |period: &u32| *period >= shortest && seconds / i64::from(*period) <= MAXIMUM_PERIODS;
    PERIODS.into_iter().find(fits).unwrap_or(604_800)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Window, WindowError};

    fn since(hours: u64, period: Option<u32>) -> Result<Window, WindowError> {
        let now = Timestamp::from_second(1_800_000_030).unwrap();
        Window::since(Duration::from_hours(hours), period, now)
    }

    #[test]
    fn the_period_fits_the_window_and_what_is_kept() {
        for (hours, period) in
            [(1, 60), (3, 60), (6, 300), (24, 900), (24 * 7, 3_600), (24 * 30, 21_600)]
        {
            assert_eq!(since(hours, None).unwrap().period, period, "{hours} hours");
        }
        assert_eq!(since(24 * 16, Some(60)), Err(WindowError::PeriodTooShort(300)));
        assert_eq!(since(24 * 64, Some(300)), Err(WindowError::PeriodTooShort(3_600)));
        assert_eq!(since(24 * 456, None), Err(WindowError::TooOld));
        assert_eq!(since(1, Some(61)), Err(WindowError::Period));
        for (hours, step) in [(0, 60), (24 * 16, 300), (24 * 64, 3_600)] {
            assert_eq!(since(hours, None).unwrap().start.as_second() % step, 0, "{hours} hours");
        }
    }

    #[test]
    fn one_period_holds_the_whole_window() {
        for hours in [1, 6, 24 * 20, 24 * 100] {
            let window = since(hours, None).unwrap();
            let seconds = window.end.duration_since(window.start).as_secs();
            assert!(i64::from(window.whole()) >= seconds, "{hours} hours");
            assert_eq!(window.whole() % 60, 0);
        }
        let window = since(1, None).unwrap();
        assert_eq!(window.periods().count(), 61);
        assert_eq!(window.periods().next(), Some(window.start));
    }
}
