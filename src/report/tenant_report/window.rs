//! The time that a report is about, and the periods it is divided into.

use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::client::cloudwatch::Points;

/// What CloudWatch keeps: points of this many seconds for so many hours.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
const RETENTION: [(u32, i64); 3] = [(60, 15 * 24), (300, 63 * 24), (3_600, 455 * 24)];

/// The periods to choose from, in seconds.
const PERIODS: [u32; 7] = [60, 300, 900, 3_600, 21_600, 86_400, 604_800];

/// How many periods a report has at most if their length isn't given: enough for a wide terminal.
const MAXIMUM_PERIODS: i64 = 200;

/// The most points that CloudWatch tells of one metric.
const MAXIMUM_POINTS: i64 = 100_800;

/// The time that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Its beginning: a whole minute. A whole five minutes or hour, if CloudWatch keeps no shorter points
    /// of a time so long ago.
    pub(crate) start: Timestamp,
    /// The first moment after it, a whole minute: what happens in the minute before belongs to it.
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
    /// CloudWatch has no such periods.
    #[error("a period is a multiple of 60 seconds")]
    Period,
    /// CloudWatch keeps no points so short for so long, but points of this many seconds.
    #[error("at the start of this window CloudWatch keeps points of {0} seconds at the least")]
    PeriodTooShort(u32),
    /// There would be too many points.
    #[error("the window has more than 100,800 of these periods")]
    TooManyPeriods,
}

impl Window {
    /// The window between two times. A period has so many seconds; if that isn't given, as many as fit the
    /// window.
    ///
    /// # Errors
    ///
    /// When CloudWatch has nothing of it.
    pub(crate) fn new(
        Range { start, end }: Range<Timestamp>,
        period: Option<u32>,
        now: Timestamp,
    ) -> Result<Self, WindowError> {
        let end = end_of_minute(end);
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
            Some(period) => possible(period, seconds, shortest)?,
            None => fitting(seconds, shortest),
        };
        Ok(Self { start, end, period })
    }

    /// The window of this length that ends with the minute of `now`.
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

    /// A period that holds the whole window, in seconds. It is a multiple of the shorter one, so CloudWatch
    /// keeps it as long.
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

    /// The value of each period, `None` where it has none.
    #[must_use]
    pub(crate) fn by_period(&self, points: &Points) -> Vec<Option<f64>> {
        let value =
            |period| points.iter().find(|(time, _)| *time == period).map(|(_, value)| *value);
        self.periods().map(value).collect()
    }
}

/// The first whole minute that isn't before this time.
fn end_of_minute(time: Timestamp) -> Timestamp {
    if time.as_second() % 60 == 0 && time.subsec_nanosecond() == 0 {
        return time;
    }
    Timestamp::from_second((time.as_second().div_euclid(60) + 1) * 60).unwrap_or(time)
}

/// The period that is asked for, if CloudWatch has such ones of a window of so many seconds, of which it
/// keeps points of `shortest` seconds.
fn possible(period: u32, seconds: i64, shortest: u32) -> Result<u32, WindowError> {
    if period == 0 || !period.is_multiple_of(60) {
        return Err(WindowError::Period);
    }
    if period < shortest || !period.is_multiple_of(shortest) {
        return Err(WindowError::PeriodTooShort(shortest));
    }
    if seconds / i64::from(period) > MAXIMUM_POINTS {
        return Err(WindowError::TooManyPeriods);
    }
    Ok(period)
}

/// The shortest period of which a window of so many seconds has no more than enough.
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
