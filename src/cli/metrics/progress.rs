//! What a person sees while they wait: a bar, or how much is read. Nothing where stderr is no terminal.

use std::cell::OnceCell;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on a terminal while there is more than one request to wait for.
#[derive(Debug, Default)]
pub(crate) struct QueryProgressBar {
    bar: OnceCell<ProgressBar>,
}

impl QueryProgressBar {
    /// Shows that so many of all are there.
    pub(crate) fn show(&self, answered: usize, all: usize) {
        if answered >= all && self.bar.get().is_none() {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} metrics, {eta} left");
            let bar = ProgressBar::new(all as u64);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        bar.set_length(all as u64);
        bar.set_position(answered as u64);
    }

    /// Shows how many bytes of logs are read until now.
    pub(crate) fn scanned(&self, bytes: f64) {
        let bar = self.bar.get_or_init(ProgressBar::new_spinner);
        bar.set_message(format!("reading logs: {:.1} MB", bytes / 1e6));
        bar.tick();
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
