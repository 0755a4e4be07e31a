//! The thread that writes log lines to stdout and to files, so that a terminal that is stopped or a
//! pipe that nobody reads never holds up an invocation. Knows only bytes.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

/// How many bytes may wait to be written. Lines beyond it are dropped, and counted.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// How many bytes are written at once, more or less.
const BATCH_BYTES: usize = 64 * 1024;

/// How long [`Writer::close`] waits for a stdout that is not being read.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A handle to the writing thread. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: Sender<Message>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    dropped_lines: AtomicUsize,
}

#[derive(Debug)]
enum Message {
    Lines { stdout: String, file: Option<(PathBuf, String)> },
    Close(SyncSender<()>),
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub fn start() -> io::Result<Self> {
        let (queue, messages) = mpsc::channel();
        let counts = Arc::new(Counts::default());
        let thread = Thread { messages, counts: counts.clone(), stdout: Some(io::stdout()) };
        thread::Builder::new().name("log-writer".to_owned()).spawn(move || thread.run())?;
        Ok(Self { queue, counts })
    }

    /// Queues lines for stdout (complete with their ends), and for a file that is appended to.
    pub fn write(&self, stdout: String, file: Option<(PathBuf, String)>) {
        let bytes = stdout.len() + file.as_ref().map_or(0, |(_, lines)| lines.len());
        if self.counts.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUE_BYTES {
            self.counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.dropped_lines.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // The thread ends only after `close`; what is logged then has no reader.
        let _ = self.queue.send(Message::Lines { stdout, file });
    }

    /// Writes what is queued, for at most a second, and ends the thread.
    pub fn close(&self) {
        let (done, closed) = mpsc::sync_channel(1);
        if self.queue.send(Message::Close(done)).is_ok() {
            let _ = closed.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

struct Thread {
    messages: Receiver<Message>,
    counts: Arc<Counts>,
    /// `None` once its reader has gone.
    stdout: Option<io::Stdout>,
}

impl Thread {
    fn run(mut self) {
        while let Ok(first) = self.messages.recv() {
            let mut batch = Batch::default();
            let closing = batch.fill(first, &self.messages);
            self.write(&batch);
            if let Some(done) = closing {
                // The closer may have stopped waiting.
                let _ = done.send(());
                return;
            }
        }
    }

    fn write(&mut self, batch: &Batch) {
        for (path, lines) in &batch.files {
            if let Err(error) = append(path, lines) {
                warn(&format!("failed to write to `{}`: {error}", path.display()));
            }
        }
        if let Some(stdout) = &mut self.stdout {
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
        let dropped = self.counts.dropped_lines.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn(&format!("{dropped} log lines were dropped because stdout was not read in time"));
        }
    }
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    stdout: Vec<u8>,
    files: HashMap<PathBuf, String>,
    bytes: usize,
}

impl Batch {
    /// Takes in messages until there are none for now, the batch is full, or the thread is to end.
    fn fill(&mut self, first: Message, messages: &Receiver<Message>) -> Option<SyncSender<()>> {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Lines { stdout, file } => self.add(&stdout, file),
                Message::Close(done) => return Some(done),
            }
            let is_full = self.bytes >= BATCH_BYTES;
            next = if is_full { None } else { messages.try_recv().ok() };
        }
        None
    }

    fn add(&mut self, stdout: &str, file: Option<(PathBuf, String)>) {
        self.bytes += stdout.len();
        self.stdout.extend_from_slice(stdout.as_bytes());
        if let Some((path, lines)) = file {
            self.bytes += lines.len();
            self.files.entry(path).or_default().push_str(&lines);
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
