//! What waits for a writing thread: so much and no more. The thread takes it every few milliseconds while
//! there is something, and has to be woken only after a while in which there was nothing.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::telemetry::logs::writer::batch::Batch;

/// How many bytes are written at once, more or less.
const BATCH_BYTES: usize = 64 * 1024;

/// How many bytes may wait to be written to stdout, and as many to files. Lines beyond that are
/// dropped, and counted.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// What waits for a thread, and whether that sleeps.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    state: Mutex<BacklogState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct BacklogState {
    /// What waits. Only the last one is added to.
    batches: VecDeque<Batch>,
    /// An empty batch with memory.
    spare: Batch,
    /// How many bytes wait or are being written.
    bytes: usize,
    /// How many requests wait or are being written.
    requests: usize,
    /// How many requests found no room.
    dropped: usize,
    progress: Progress,
    /// Learns of the end.
    closing: Option<oneshot::Sender<()>>,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// It comes and looks.
    #[default]
    Awake,
    /// It has to be woken.
    Asleep,
    /// It is to write what waits, and to end.
    Closing,
    /// It has ended, and nothing is written any more.
    Ended,
}

impl Backlog {
    /// Adds lines, complete with their ends, that are for a file if they are not for stdout. They are
    /// written by `write` to the end of what waits already.
    pub(crate) fn add(&self, path: Option<&Arc<Path>>, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if state.progress == Progress::Ended {
            // What is logged then has no reader.
            return;
        }
        state.add(path, write);
        if state.progress == Progress::Asleep {
            state.progress = Progress::Awake;
            drop(state);
            self.changed.notify_all();
        }
    }

    /// The next lines to write.
    #[must_use]
    pub(crate) fn take(&self) -> Option<Batch> {
        self.lock().batches.pop_front()
    }

    /// These lines wait no longer.
    pub(crate) fn written(&self, mut batch: Batch) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(batch.bytes.len());
        state.requests -= batch.requests;
        if batch.bytes.capacity() <= 2 * BATCH_BYTES {
            batch.clear();
            state.spare = batch;
        }
    }

    /// Has the thread sleep until there is something to write, or it is time to end.
    pub(crate) fn sleep(&self) {
        let mut state = self.lock();
        if state.batches.is_empty() && state.progress == Progress::Awake {
            state.progress = Progress::Asleep;
            drop(self.changed.wait_while(state, |state| state.progress == Progress::Asleep));
        }
    }

    /// Whether the thread is to write what waits, and to end.
    #[must_use]
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().progress == Progress::Closing
    }

    /// The thread has ended.
    pub(crate) fn ended(&self) {
        let mut state = self.lock();
        state.progress = Progress::Ended;
        if let Some(closing) = state.closing.take() {
            // Whoever closes may have stopped waiting.
            let _ = closing.send(());
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Asks the thread to end. It says so when it has.
    pub(crate) fn close(&self) -> oneshot::Receiver<()> {
        let (closing, closed) = oneshot::channel();
        let mut state = self.lock();
        if state.progress != Progress::Ended {
            state.progress = Progress::Closing;
            state.closing = Some(closing);
        }
        drop(state);
        self.changed.notify_all();
        closed
    }

    /// Asks the thread to end, unless somebody has, and waits for that, but not longer than this.
    pub(crate) fn close_within(&self, patience: Duration) {
        let mut state = self.lock();
        if matches!(state.progress, Progress::Closing | Progress::Ended) {
            return;
        }
        state.progress = Progress::Closing;
        self.changed.notify_all();
        let is_closing = |state: &mut BacklogState| state.progress == Progress::Closing;
        drop(self.changed.wait_timeout_while(state, patience, is_closing));
    }

    /// How many requests were dropped or are not written.
    #[must_use]
    pub(crate) fn unwritten(&self) -> usize {
        let state = self.lock();
        state.dropped + state.requests
    }

    fn lock(&self) -> MutexGuard<'_, BacklogState> {
        // Whoever adds a line may panic in the middle of it: then that is what is written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BacklogState {
    fn add(&mut self, path: Option<&Arc<Path>>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.batches.back().is_none_or(|batch| batch.bytes.len() >= BATCH_BYTES) {
            self.batches.push_back(std::mem::take(&mut self.spare));
        }
        let Some(batch) = self.batches.back_mut() else { return };
        let start = batch.bytes.len();
        write(&mut batch.bytes);
        let added = batch.bytes.len() - start;
        if added == 0 {
            return;
        }
        if self.bytes + added > QUEUE_BYTES {
            batch.bytes.truncate(start);
            self.dropped += 1;
            return;
        }
        self.bytes += added;
        self.requests += 1;
        batch.requests += 1;
        if let Some(path) = path {
            batch.end_file(path);
        }
    }
}
