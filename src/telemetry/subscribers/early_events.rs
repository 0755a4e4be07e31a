//! The events from before an extension subscribes. It gets them when it does.

use std::collections::VecDeque;

use crate::telemetry::subscribers::event::TelemetryEvent;

/// The most that is kept, in bytes. Beyond that the oldest events are forgotten.
const EARLY_BYTES: usize = 1024 * 1024;

/// The events so far.
#[derive(Debug, Default)]
pub(crate) struct EarlyEvents {
    events: VecDeque<TelemetryEvent>,
    bytes: usize,
}

impl EarlyEvents {
    /// Keeps an event.
    pub(crate) fn keep(&mut self, event: TelemetryEvent) {
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.bytes > EARLY_BYTES {
            let Some(first) = self.events.pop_front() else { return };
            self.bytes -= first.bytes();
        }
    }

    /// What is kept, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &TelemetryEvent> {
        self.events.iter()
    }
}
