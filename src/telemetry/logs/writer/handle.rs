//! The handle by which lines are queued.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crate::telemetry::logs::writer::write_queue::WriteQueue;

/// A handle to the writing threads. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    stdout: WriteQueue,
    files: WriteQueue,
}

impl Writer {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with(io::stdout())
    }

    /// As [`Writer::start`], with something else for stdout.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub(crate) fn start_with(stdout: impl Write + Send + 'static) -> io::Result<Self> {
        let stdout = WriteQueue::for_stdout(stdout)?;
        Ok(Self { stdout, files: WriteQueue::for_files()? })
    }

    /// Queues lines for stdout, complete with their ends, which `write` adds to what waits already.
    pub(crate) fn stdout(&self, write: impl FnOnce(&mut Vec<u8>)) {
        self.stdout.add(None, write);
    }

    /// Queues a line or lines for a file that is appended to, without the last end of line.
    pub(crate) fn file(&self, path: &Arc<Path>, lines: &[u8]) {
        self.files.add(Some(path), |waiting| {
            waiting.extend_from_slice(lines);
            waiting.push(b'\n');
        });
    }

    /// Writes what is queued, for a second at the most, and ends the threads. Returns how often
    /// something could not be written in time since the start.
    #[must_use]
    pub(crate) async fn close(&self) -> usize {
        let (files, stdout) = tokio::join!(self.files.close(), self.stdout.close());
        files + stdout
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, mpsc};

    use super::Writer;

    /// Like a terminal that is stopped: writing goes on when the sender is dropped.
    struct Stopped(mpsc::Receiver<()>);

    impl Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Like a file.
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_waits_is_written_in_its_order_when_the_last_handle_goes() {
        let kept = Arc::default();
        let writer = Writer::start_with(Kept(Arc::clone(&kept))).unwrap();
        let mut expected = String::new();
        for number in 0..50_000 {
            let line = format!("{number}\n");
            writer.stdout(|lines| lines.extend_from_slice(line.as_bytes()));
            expected += &line;
        }
        drop(writer);
        assert_eq!(*kept.lock().unwrap(), expected.as_bytes());
    }

    fn stopped() -> (mpsc::Sender<()>, Writer) {
        let (go_on, stopped) = mpsc::channel();
        let writer = Writer::start_with(Stopped(stopped)).unwrap();
        writer.stdout(|waiting| waiting.extend_from_slice(b"a line\n"));
        (go_on, writer)
    }

    #[tokio::test]
    async fn others_run_while_the_end_waits_for_stdout() {
        let (go_on, writer) = stopped();
        let mut closing = Box::pin(writer.close());
        tokio::select! {
            biased;
            _ = &mut closing => panic!("the end held up the thread, or did not wait"),
            () = tokio::task::yield_now() => {}
        }
        drop(go_on);
        assert_eq!(closing.await, 0);
    }

    #[tokio::test]
    async fn what_is_not_written_in_time_is_counted() {
        let (go_on, writer) = stopped();
        assert_eq!(writer.close().await, 1);
        drop(go_on);
    }
}
