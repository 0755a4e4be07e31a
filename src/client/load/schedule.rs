//! When each invocation of a load is due, and when there are no more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much a load is, and how fast it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many invocations there are at most.
    pub(crate) requests: Option<u64>,
    /// For how long they are begun.
    pub(crate) duration: Option<Duration>,
    /// How many run at once at most.
    pub(crate) connections: u32,
    /// How many are begun in a second, whether or not earlier ones have ended. Without a rate, each begins
    /// as soon as an earlier one has ended.
    pub(crate) rate: Option<f64>,
}

/// The invocations of a load in their order, each taken once.
#[derive(Debug)]
pub(crate) struct LoadSchedule {
    pace: Pace,
    start: Instant,
    next: AtomicU64,
}

/// An invocation that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    /// Its number, counted from 0.
    pub(crate) number: u64,
    /// When it is to begin.
    at: Instant,
}

impl LoadSchedule {
    /// A load of this pace that begins now.
    #[must_use]
    pub(crate) fn begin(pace: Pace) -> Self {
        Self { pace, start: Instant::now(), next: AtomicU64::new(0) }
    }

    /// How long the load runs until now.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// When no more invocations begin, if that is limited by time.
    #[must_use]
    pub(crate) fn end(&self) -> Option<Instant> {
        self.pace.duration.map(|duration| self.start + duration)
    }

    /// The next invocation; `None` when the load has no more.
    #[must_use]
    pub(crate) fn take(&self) -> Option<Due> {
        let Pace { requests, rate, .. } = &self.pace;
        let end = self.end();
        if end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if requests.is_some_and(|requests| number >= requests) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
        let due = match rate {
            Some(rate) => {
                let after = Duration::try_from_secs_f64(number as f64 / rate).ok()?;
                self.start.checked_add(after)?
            }
            None => Instant::now(),
        };
        end.is_none_or(|end| due < end).then_some(Due { number, at: due })
    }

    /// How many invocations were due at fixed times, but not begun before the end.
    #[must_use]
    pub(crate) fn not_begun(&self) -> u64 {
        self.due_in_all().saturating_sub(self.next.load(Ordering::Relaxed))
    }

    /// How many invocations were due at fixed times until the end.
    #[expect(clippy::cast_possible_truncation, reason = "2^63 invocations take a while")]
    #[expect(clippy::cast_sign_loss, reason = "neither a rate nor a time is negative")]
    fn due_in_all(&self) -> u64 {
        let Pace { requests, duration, rate, .. } = &self.pace;
        let Some((rate, duration)) = rate.zip(*duration) else { return 0 };
        let due = (rate * duration.as_secs_f64()).ceil() as u64;
        requests.map_or(due, |requests| due.min(requests))
    }
}

impl Due {
    /// Waits until it is due, and returns the time from which its latency counts: waiting for a free
    /// connection is the server's slowness, a timer that is late is not.
    pub(crate) async fn wait(self) -> Instant {
        if self.at <= Instant::now() {
            return self.at;
        }
        sleep_until(self.at).await;
        Instant::now()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tokio::time::Instant;

    use super::Due;

    #[test]
    fn what_is_due_is_not_waited_for() {
        // Timers have whole milliseconds, which would be most of the latency of a warm invocation.
        let due = pin!(Due { number: 0, at: Instant::now() }.wait());
        assert!(due.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
