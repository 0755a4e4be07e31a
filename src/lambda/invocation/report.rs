//! The figures of an invocation's REPORT line and of its platform events.

use std::time::Duration;

/// The figures of an invocation's REPORT line, measured until the runtime asks for the next invocation.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// From the start of the invoke phase until the runtime is done.
    pub(crate) duration: Duration,
    /// The init phase before it; only on a cold start whose init succeeded.
    pub(crate) init_duration: Option<Duration>,
    /// The memory size, in MB.
    pub(crate) memory_size_mb: u32,
    /// The most memory the environment has used in its life, in MB; `None` where the system
    /// can't tell.
    pub(crate) max_memory_used_mb: Option<u64>,
    /// How the answer came; `None` if the function failed.
    pub(crate) response: Option<ResponseFigures>,
}

/// How a function answered, as far as platform events tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseFigures {
    /// From the start of the invoke phase to the first byte of the answer.
    pub(crate) latency: Duration,
    /// From the first byte of the answer to the last.
    pub(crate) duration: Duration,
    /// How many bytes the runtime sent.
    pub(crate) bytes: usize,
}

impl Report {
    /// What AWS bills: duration and init, rounded up to the millisecond.
    ///
    /// Init is billed since August 2025:
    /// <https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/>
    #[must_use]
    pub(crate) fn billed_ms(&self) -> u64 {
        let billed = self.duration + self.init_duration.unwrap_or_default();
        u64::try_from(billed.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Report;

    #[test]
    fn billing_rounds_up_and_includes_init() {
        let mut report = Report {
            duration: Duration::from_micros(1_001),
            init_duration: None,
            memory_size_mb: 128,
            max_memory_used_mb: None,
            response: None,
        };
        assert_eq!(report.billed_ms(), 2);
        report.init_duration = Some(Duration::from_micros(999));
        assert_eq!(report.billed_ms(), 2);
        report.init_duration = Some(Duration::from_millis(100));
        assert_eq!(report.billed_ms(), 102);
    }
}
