//! When something may have been observed that is published now.
//!
//! The same holds for `PutMetricData` and for metrics that are embedded in logs:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// How old an observation may be.
const OLDEST: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How far ahead the clock of who publishes may be.
const FARTHEST_AHEAD: SignedDuration = SignedDuration::from_hours(2);

/// Why CloudWatch does not take an observation. The text says what it may be at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum TimestampError {
    /// It is too old.
    #[error("two weeks in the past")]
    TooOld,
    /// It is yet to come.
    #[error("two hours in the future")]
    TooFarAhead,
}

/// Checks when something was observed that is published now.
///
/// # Errors
///
/// When it is too long ago or too far ahead.
pub(crate) fn check_timestamp(observed: Timestamp, now: Timestamp) -> Result<(), TimestampError> {
    let age = now.duration_since(observed);
    if age > OLDEST {
        Err(TimestampError::TooOld)
    } else if -age > FARTHEST_AHEAD {
        Err(TimestampError::TooFarAhead)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{TimestampError, check_timestamp};

    #[test]
    fn two_weeks_ago_and_in_two_hours_are_the_bounds() {
        let now = Timestamp::from_second(1_795_392_000).unwrap();
        let second = SignedDuration::from_secs(1);
        let (oldest, last) =
            (now - SignedDuration::from_hours(14 * 24), now + SignedDuration::from_hours(2));
        assert_eq!(check_timestamp(oldest, now), Ok(()));
        assert_eq!(check_timestamp(oldest - second, now), Err(TimestampError::TooOld));
        assert_eq!(check_timestamp(last, now), Ok(()));
        assert_eq!(check_timestamp(last + second, now), Err(TimestampError::TooFarAhead));
    }
}
