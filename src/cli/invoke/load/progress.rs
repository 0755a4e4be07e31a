//! What a person sees while a load runs: one line on a terminal, nothing where stderr is none.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::client::load::LoadProgress;

/// The line.
#[derive(Debug)]
pub(super) struct LoadProgressBar {
    bar: ProgressBar,
    requests: Option<u64>,
    duration: Option<Duration>,
}

impl LoadProgressBar {
    /// For a load of so many invocations, or of so long.
    pub(super) fn new(requests: Option<u64>, duration: Option<Duration>) -> Self {
        let length = requests.or_else(|| duration.map(milliseconds)).unwrap_or_default();
        let bar = ProgressBar::new(length);
        let style = ProgressStyle::with_template("{bar:30} {msg}, {eta} left");
        let bar = match style {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        };
        Self { bar, requests, duration }
    }

    /// Shows how many are done, and how many of them badly.
    #[expect(clippy::cast_precision_loss, reason = "a person sees three digits")]
    pub(super) fn show(&self, far: LoadProgress) {
        let LoadProgress { done, bad, elapsed } = far;
        let rate = done as f64 / elapsed.as_secs_f64().max(0.001);
        self.bar.set_message(format!("{done} done, {rate:.0}/s, {bad} not well"));
        match (self.requests, self.duration) {
            (None, Some(_)) => self.bar.set_position(milliseconds(elapsed)),
            _ => self.bar.set_position(done),
        }
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
