//! What a writing thread does: it takes what waits, and writes as much as it can at once.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use tokio::sync::oneshot;

/// How many bytes are written at once, more or less.
const BATCH_BYTES: usize = 64 * 1024;

/// What is asked of a thread.
#[derive(Debug)]
pub(crate) enum WriteRequest {
    /// To write lines.
    Lines {
        /// The file that they are appended to, if they are not for stdout.
        path: Option<PathBuf>,
        /// The lines, complete with their ends.
        lines: String,
    },
    /// To end, and to say so.
    Close(oneshot::Sender<()>),
}

/// How much waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    bytes: AtomicUsize,
    requests: AtomicUsize,
}

impl Waiting {
    /// One more request of so many bytes waits. Returns how many bytes wait with it.
    pub(crate) fn add(&self, bytes: usize) -> usize {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// So many requests, with so many bytes in all, wait no longer.
    pub(crate) fn remove(&self, requests: usize, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.requests.fetch_sub(requests, Ordering::Relaxed);
    }

    /// How many requests wait.
    #[must_use]
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// Where a thread writes.
pub(crate) struct LogOutput {
    /// `None` where there is none, and once its reader has gone.
    stdout: Option<Box<dyn Write + Send>>,
    /// Whether the user knows that a file can't be written.
    has_warned: bool,
}

impl LogOutput {
    /// Writes to stdout, or to what stands for it.
    #[must_use]
    pub(crate) fn to_stdout(stdout: impl Write + Send + 'static) -> Self {
        Self { stdout: Some(Box::new(stdout)), has_warned: false }
    }

    /// Writes to files only.
    #[must_use]
    pub(crate) fn to_files() -> Self {
        Self { stdout: None, has_warned: false }
    }

    fn write(&mut self, batch: &Batch) {
        for (path, lines) in &batch.files {
            let Err(error) = append(path, lines) else { continue };
            if !std::mem::replace(&mut self.has_warned, true) {
                warn(&format!("failed to write logs to `{}`: {error}", path.display()));
            }
        }
        if !batch.stdout.is_empty() {
            self.write_stdout(&batch.stdout);
        }
    }

    fn write_stdout(&mut self, lines: &[u8]) {
        let Some(stdout) = &mut self.stdout else { return };
        let Err(error) = stdout.write_all(lines).and_then(|()| stdout.flush()) else { return };
        self.stdout = None;
        // A reader that has had enough is free to go, and the server goes on.
        if error.kind() != ErrorKind::BrokenPipe {
            warn(&format!("failed to write logs to stdout: {error}"));
        }
    }
}

/// Writes what is asked for, until it is asked to end.
pub(crate) fn run(requests: &Receiver<WriteRequest>, mut output: LogOutput, waiting: &Waiting) {
    while let Ok(first) = requests.recv() {
        let mut batch = Batch::default();
        let closing = batch.fill(first, requests);
        output.write(&batch);
        waiting.remove(batch.requests, batch.bytes);
        if let Some(done) = closing {
            // Whoever closes may have stopped waiting.
            let _ = done.send(());
            return;
        }
    }
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    stdout: Vec<u8>,
    files: HashMap<PathBuf, String>,
    bytes: usize,
    requests: usize,
}

impl Batch {
    /// Takes in requests until there are none for now, the batch is full, or the thread is to end.
    fn fill(
        &mut self,
        first: WriteRequest,
        requests: &Receiver<WriteRequest>,
    ) -> Option<oneshot::Sender<()>> {
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                WriteRequest::Lines { path, lines } => self.add(path, &lines),
                WriteRequest::Close(done) => return Some(done),
            }
            let is_full = self.bytes >= BATCH_BYTES;
            next = if is_full { None } else { requests.try_recv().ok() };
        }
        None
    }

    fn add(&mut self, path: Option<PathBuf>, lines: &str) {
        self.bytes += lines.len();
        self.requests += 1;
        match path {
            Some(path) => self.files.entry(path).or_default().push_str(lines),
            None => self.stdout.extend_from_slice(lines.as_bytes()),
        }
    }
}

/// Files are not kept open: there can be more streams than file descriptors.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    let open = || OpenOptions::new().append(true).create(true).open(path);
    let mut file = match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()?
        }
        opened => opened?,
    };
    file.write_all(lines.as_bytes())
}

fn warn(message: &str) {
    // stderr may be gone as well; then there is no one to tell.
    let _ = writeln!(io::stderr(), "mtl: warning: {message}");
}
