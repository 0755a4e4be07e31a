//! When an asynchronous invocation is tried again, and when it is given up: AWS's two schedules as
//! one pure decision, which is told the time.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::time::Duration;

use crate::lambda::quotas;

/// What is configured for the function (`PutFunctionEventInvokeConfig`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// How often an event is tried again after a function error, 0 to 2.
    pub(crate) maximum_retry_attempts: u32,
    /// How old an event may become.
    pub(crate) maximum_event_age: Duration,
    /// The wait before the first retry after a function error; the next one is twice as long.
    pub(crate) retry_delay: Duration,
}

/// What has happened to an event so far, the last attempt included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// Attempts that ended in a function error.
    pub(crate) function_errors: u32,
    /// Attempts that did not reach the function: throttles and errors of the service.
    pub(crate) refusals: u32,
}

impl History {
    /// How often the function was run, if the event has not succeeded.
    #[must_use]
    pub(crate) fn invocations(self) -> u32 {
        self.function_errors
    }
}

/// How the last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    /// In an answer.
    Success,
    /// In a function error.
    FunctionError,
    /// Before it reached the function.
    Refused,
}

/// What to do with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this time.
    Retry(Duration),
    /// Deliver the record of its end.
    Deliver(Condition),
}

/// Why an event has come to its end, as the invocation record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The function answered.
    Success,
    /// The last retry ended in a function error.
    RetriesExhausted,
    /// The event would be too old for the next attempt.
    EventAgeExceeded,
}

impl Condition {
    /// The condition as AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
        }
    }
}

impl Schedule {
    /// Decides about an event of this age.
    #[must_use]
    pub(crate) fn next(&self, ended: AttemptEnd, history: History, age: Duration) -> Next {
        let delay = match ended {
            AttemptEnd::Success => return Next::Deliver(Condition::Success),
            AttemptEnd::FunctionError if history.function_errors > self.maximum_retry_attempts => {
                return Next::Deliver(Condition::RetriesExhausted);
            }
            AttemptEnd::FunctionError => doubled(self.retry_delay, history.function_errors),
            AttemptEnd::Refused => doubled(quotas::EVENT_BACKOFF_MINIMUM, history.refusals)
                .min(quotas::EVENT_BACKOFF_MAXIMUM),
        };
        if age + delay > self.maximum_event_age {
            return Next::Deliver(Condition::EventAgeExceeded);
        }
        Next::Retry(delay)
    }
}

/// The `time`-th delay, the first being `first`.
fn doubled(first: Duration, time: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(time.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AttemptEnd, Condition, History, Next, Schedule};

    const AWS: Schedule = Schedule {
        maximum_retry_attempts: 2,
        maximum_event_age: Duration::from_hours(6),
        retry_delay: Duration::from_mins(1),
    };

    fn after(ended: AttemptEnd, errors: u32, refusals: u32, age: Duration) -> Next {
        AWS.next(ended, History { function_errors: errors, refusals }, age)
    }

    #[test]
    fn a_function_error_is_tried_twice_again_after_one_and_two_minutes() {
        let now = Duration::ZERO;
        let minutes = |minutes| Next::Retry(Duration::from_mins(minutes));
        assert_eq!(after(AttemptEnd::FunctionError, 1, 0, now), minutes(1));
        assert_eq!(after(AttemptEnd::FunctionError, 2, 5, now), minutes(2));
        let exhausted = Next::Deliver(Condition::RetriesExhausted);
        assert_eq!(after(AttemptEnd::FunctionError, 3, 0, now), exhausted);
        let none = Schedule { maximum_retry_attempts: 0, ..AWS };
        let history = History { function_errors: 1, refusals: 0 };
        assert_eq!(none.next(AttemptEnd::FunctionError, history, now), exhausted);
    }

    #[test]
    fn a_refusal_backs_off_from_a_second_to_five_minutes_until_the_event_is_too_old() {
        let seconds = |seconds| Next::Retry(Duration::from_secs(seconds));
        for (refusals, delay) in [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (1_000, 300)] {
            assert_eq!(after(AttemptEnd::Refused, 2, refusals, Duration::ZERO), seconds(delay));
        }
        let old = Duration::from_hours(6) - Duration::from_millis(500);
        let exceeded = Next::Deliver(Condition::EventAgeExceeded);
        assert_eq!(after(AttemptEnd::Refused, 0, 1, old), exceeded);
        assert_eq!(after(AttemptEnd::FunctionError, 1, 0, old), exceeded);
        assert_eq!(after(AttemptEnd::Success, 0, 0, old), Next::Deliver(Condition::Success));
    }
}
