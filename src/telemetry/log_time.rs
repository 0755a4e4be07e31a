//! Moments as AWS's log lines, telemetry and invocation records have them: UTC with milliseconds.

use jiff::Timestamp;

/// This moment.
#[must_use]
pub(crate) fn now() -> String {
    at(Timestamp::now())
}

/// A moment.
#[must_use]
pub(crate) fn at(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
