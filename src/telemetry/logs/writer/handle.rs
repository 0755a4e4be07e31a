//! The handle by which lines are queued.

use std::io::{self, Write};
use std::path::PathBuf;

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

    /// Queues lines for stdout, complete with their ends.
    pub(crate) fn stdout(&self, lines: String) {
        self.stdout.send(None, lines);
    }

    /// Queues lines for a file that is appended to, complete with their ends.
    pub(crate) fn file(&self, path: PathBuf, lines: String) {
        self.files.send(Some(path), lines);
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
    use std::sync::mpsc;

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

    fn stopped() -> (mpsc::Sender<()>, Writer) {
        let (go_on, stopped) = mpsc::channel();
        let writer = Writer::start_with(Stopped(stopped)).unwrap();
        writer.stdout("a line\n".to_owned());
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
