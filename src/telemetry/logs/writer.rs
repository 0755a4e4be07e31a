//! The threads that write log lines, one to stdout and one to files, so that a terminal that is
//! stopped or a pipe that nobody reads never holds up an invocation, nor the files. Knows only bytes.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

/// How many bytes may wait to be written to stdout, and as many to files. Lines beyond that are
/// dropped, and counted.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// How many bytes are written at once, more or less.
const BATCH_BYTES: usize = 64 * 1024;

/// How long [`Writer::close`] waits for each thread, such as one whose stdout is not being read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A handle to the writing threads. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    stdout: Lane,
    files: Lane,
}

/// The way to one thread.
#[derive(Clone, Debug)]
struct Lane {
    queue: Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    waiting_messages: AtomicUsize,
    dropped_messages: AtomicUsize,
}

#[derive(Debug)]
enum Message {
    /// Lines, complete with their ends, and the file they are for if not stdout.
    Lines(Option<PathBuf>, String),
    Close(SyncSender<()>),
}

impl Writer {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self { stdout: Lane::start("stdout")?, files: Lane::start("log-files")? })
    }

    /// Queues lines for stdout, complete with their ends.
    pub(crate) fn stdout(&self, lines: String) {
        self.stdout.send(None, lines);
    }

    /// Queues lines for a file that is appended to, complete with their ends.
    pub(crate) fn file(&self, path: PathBuf, lines: String) {
        self.files.send(Some(path), lines);
    }

    /// Writes what is queued, for at most a second each, and ends the threads. Returns how often
    /// something could not be written in time since the start.
    #[must_use]
    pub(crate) fn close(&self) -> usize {
        self.files.close() + self.stdout.close()
    }
}

impl Lane {
    fn start(name: &str) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let sink = Sink { counts: counts.clone(), stdout: Some(io::stdout()), warned: false };
        let run = move || run(&messages, sink);
        thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { queue, counts })
    }

    fn send(&self, path: Option<PathBuf>, lines: String) {
        let counts = &self.counts;
        let waiting = counts.waiting_bytes.fetch_add(lines.len(), Ordering::Relaxed);
        if waiting + lines.len() > QUEUE_BYTES {
            counts.waiting_bytes.fetch_sub(lines.len(), Ordering::Relaxed);
            counts.dropped_messages.fetch_add(1, Ordering::Relaxed);
            return;
        }
        counts.waiting_messages.fetch_add(1, Ordering::Relaxed);
        // The thread ends only after `close`; what is logged then has no reader.
        let _ = self.queue.send(Message::Lines(path, lines));
    }

    fn close(&self) -> usize {
        let (done, closed) = mpsc::sync_channel(1);
        if self.queue.send(Message::Close(done)).is_ok() {
            let _ = closed.recv_timeout(CLOSE_TIMEOUT);
        }
        let counts = &self.counts;
        counts.dropped_messages.load(Ordering::Relaxed)
            + counts.waiting_messages.load(Ordering::Relaxed)
    }
}

fn run(messages: &Receiver<Message>, mut sink: Sink) {
    while let Ok(first) = messages.recv() {
        let mut batch = Batch::default();
        let closing = batch.fill(first, messages);
        sink.write(&batch);
        if let Some(done) = closing {
            // The closer may have stopped waiting.
            let _ = done.send(());
            return;
        }
    }
}

/// Where a thread writes.
struct Sink {
    counts: Arc<Counts>,
    /// `None` once its reader has gone.
    stdout: Option<io::Stdout>,
    /// Whether the user knows that a file can't be written.
    warned: bool,
}

impl Sink {
    fn write(&mut self, batch: &Batch) {
        for (path, lines) in &batch.files {
            let Err(error) = append(path, lines) else { continue };
            if !std::mem::replace(&mut self.warned, true) {
                warn(&format!("failed to write logs to `{}`: {error}", path.display()));
            }
        }
        if let Some(stdout) = &mut self.stdout
            && !batch.stdout.is_empty()
        {
            match stdout.write_all(&batch.stdout).and_then(|()| stdout.flush()) {
                Ok(()) => {}
                // The reader has had enough: that is its right, and the server goes on.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.stdout = None,
                Err(error) => {
                    warn(&format!("failed to write logs to stdout: {error}"));
                    self.stdout = None;
                }
            }
        }
        self.counts.waiting_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
        self.counts.waiting_messages.fetch_sub(batch.messages, Ordering::Relaxed);
    }
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    stdout: Vec<u8>,
    files: HashMap<PathBuf, String>,
    bytes: usize,
    messages: usize,
}

impl Batch {
    /// Takes in messages until there are none for now, the batch is full, or the thread is to end.
    fn fill(&mut self, first: Message, messages: &Receiver<Message>) -> Option<SyncSender<()>> {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Lines(path, lines) => self.add(path, &lines),
                Message::Close(done) => return Some(done),
            }
            let is_full = self.bytes >= BATCH_BYTES;
            next = if is_full { None } else { messages.try_recv().ok() };
        }
        None
    }

    fn add(&mut self, path: Option<PathBuf>, lines: &str) {
        self.bytes += lines.len();
        self.messages += 1;
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
