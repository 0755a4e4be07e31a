//! What waits for one of the writing threads: so much and no more.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::telemetry::logs::writer::thread::{LogOutput, Waiting, WriteRequest, run};

/// How many bytes may wait to be written to stdout, and as many to files. Lines beyond that are
/// dropped, and counted.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// How long [`WriteQueue::close`] waits for the thread, whose stdout may not be read by anybody.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The way to one thread. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct WriteQueue {
    requests: Sender<WriteRequest>,
    waiting: Arc<Waiting>,
    /// How many requests found no room.
    dropped: Arc<AtomicUsize>,
}

impl WriteQueue {
    /// Starts the thread that writes to stdout.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn for_stdout(stdout: impl Write + Send + 'static) -> io::Result<Self> {
        Self::start("stdout", LogOutput::to_stdout(stdout))
    }

    /// Starts the thread that writes to files.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn for_files() -> io::Result<Self> {
        Self::start("log-files", LogOutput::to_files())
    }

    fn start(name: &str, output: LogOutput) -> io::Result<Self> {
        let (requests, received) = mpsc::channel();
        let waiting = Arc::new(Waiting::default());
        let counted = Arc::clone(&waiting);
        let run = move || run(&received, output, &counted);
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { requests, waiting, dropped: Arc::default() })
    }

    /// Queues lines, complete with their ends, and for a file if they are not for stdout.
    pub(crate) fn send(&self, path: Option<PathBuf>, lines: String) {
        if self.waiting.add(lines.len()) > QUEUE_BYTES {
            self.waiting.remove(1, lines.len());
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The thread ends only after `close`; what is logged then has no reader.
        let _ = self.requests.send(WriteRequest::Lines { path, lines });
    }

    /// Writes what is queued, for a second at the most, and ends the thread. Returns how many
    /// requests were dropped or could not be written in time since the start.
    pub(crate) async fn close(&self) -> usize {
        let (done, closed) = oneshot::channel();
        if self.requests.send(WriteRequest::Close(done)).is_ok() {
            let _ = timeout(CLOSE_TIMEOUT, closed).await;
        }
        self.dropped.load(Ordering::Relaxed) + self.waiting.requests()
    }
}
