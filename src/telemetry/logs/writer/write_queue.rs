//! The way to one of the writing threads.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::time::timeout;

use crate::telemetry::logs::writer::backlog::Backlog;
use crate::telemetry::logs::writer::output::LogOutput;

/// How long lines wait for others, so that all are written at once.
const GATHERING: Duration = Duration::from_millis(5);

/// How often a thread looks for lines in vain before it has to be woken for the next.
const IDLE_TURNS: u32 = 10;

/// How long a thread has to write what waits when it is to end: its stdout may not be read by anybody.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to one thread. Cloning is cheap. The thread ends when it is closed or the last clone is
/// dropped, as happens in a panic; what waits is written before.
#[derive(Clone, Debug)]
pub(crate) struct WriteQueue(Arc<BacklogOwner>);

#[derive(Debug)]
struct BacklogOwner(Arc<Backlog>);

impl Drop for BacklogOwner {
    fn drop(&mut self) {
        self.0.close_within(CLOSE_TIMEOUT);
    }
}

impl WriteQueue {
    /// Starts the thread that writes to stdout.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn for_stdout(stdout: impl Write + Send + 'static) -> io::Result<Self> {
        Self::start("stdout", LogOutput::Stdout(Some(Box::new(stdout))))
    }

    /// Starts the thread that writes to files.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn for_files() -> io::Result<Self> {
        Self::start("log-files", LogOutput::Files { has_warned: false })
    }

    fn start(name: &str, output: LogOutput) -> io::Result<Self> {
        let backlog = Arc::new(Backlog::default());
        let taken = Arc::clone(&backlog);
        thread::Builder::new().name(name.to_owned()).spawn(move || run(&taken, output))?;
        Ok(Self(Arc::new(BacklogOwner(backlog))))
    }

    /// Queues lines, complete with their ends, and for a file if they are not for stdout. What they
    /// are is written by `write` to the end of what waits.
    pub(crate) fn add(&self, path: Option<&Arc<Path>>, write: impl FnOnce(&mut Vec<u8>)) {
        self.0.0.add(path, write);
    }

    /// Writes what is queued, for a second at the most, and ends the thread. Returns how many
    /// requests were dropped or could not be written in time since the start.
    pub(crate) async fn close(&self) -> usize {
        let _ = timeout(CLOSE_TIMEOUT, self.0.0.close()).await;
        self.0.0.unwritten()
    }
}

/// Writes what comes, until it is asked to end.
fn run(backlog: &Backlog, mut output: LogOutput) {
    let mut idle_turns = IDLE_TURNS;
    loop {
        if idle_turns >= IDLE_TURNS {
            backlog.sleep();
        }
        gather();
        // Asked before what waits is taken, so that nothing is left behind.
        let is_closing = backlog.is_closing();
        idle_turns += 1;
        while let Some(batch) = backlog.take() {
            output.write(&batch);
            backlog.written(batch);
            idle_turns = 0;
        }
        if is_closing {
            return backlog.ended();
        }
    }
}

/// Unlike waiting for a condition, this needs no lock, which others would find taken.
#[expect(clippy::disallowed_methods, reason = "this thread serves nobody")]
fn gather() {
    thread::sleep(GATHERING);
}
