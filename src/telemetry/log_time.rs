//! Moments as AWS's log lines, telemetry and invocation records have them: UTC with milliseconds.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A moment as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogTime(Timestamp);

/// This moment.
#[must_use]
pub(crate) fn now() -> LogTime {
    at(Timestamp::now())
}

/// A moment.
#[must_use]
pub(crate) fn at(moment: Timestamp) -> LogTime {
    LogTime(moment)
}

impl Display for LogTime {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        // It has five times fewer instructions than a format that is read each time.
        write!(formatter, "{:.3}", self.0)
    }
}

impl Serialize for LogTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::at;

    #[test]
    fn a_moment_has_three_decimals_that_are_cut_and_not_rounded() {
        for nanoseconds in [0, 999_999, 1_000_000, 123_456_789, 999_999_999] {
            let moment = Timestamp::new(1_795_392_000, nanoseconds).unwrap();
            let format = moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
            assert_eq!(at(moment).to_string(), format);
        }
        assert_eq!(at(Timestamp::UNIX_EPOCH).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
