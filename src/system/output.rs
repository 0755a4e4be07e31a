//! A process's stdout and stderr, cut into lines.

use std::io;
use std::mem::MaybeUninit;

use tokio::net::unix::pipe::Receiver;

/// The longest line that is kept in one piece, in bytes: the size of one event of CloudWatch Logs
/// until 2025. What is longer comes in several.
const LINE_BYTES: usize = 256 * 1024;

/// How much [`Output::drain`] reads of each pipe at most: the largest that a pipe can be. What is
/// in the pipe when it begins is read, and a process that keeps writing can't hold it up.
const DRAIN_BYTES: usize = 1024 * 1024;

/// Both pipes of a process.
#[derive(Debug)]
pub(crate) struct Output {
    pipes: [Pipe; 2],
}

#[derive(Debug)]
struct Pipe {
    /// `None` once the process has closed it.
    receiver: Option<Receiver>,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
}

impl Output {
    /// The pipes of a process that has just been started.
    #[must_use]
    pub(crate) fn new(stdout: Receiver, stderr: Receiver) -> Self {
        let pipe = |receiver| Pipe { receiver: Some(receiver), partial: Vec::new() };
        Self { pipes: [pipe(stdout), pipe(stderr)] }
    }

    /// Waits until there is output, and passes its whole lines on. Never returns once both pipes
    /// are closed. Dropping the future loses nothing.
    pub(crate) async fn read(&mut self, mut line: impl FnMut(&[u8])) {
        let [stdout, stderr] = &mut self.pipes;
        let pipe = tokio::select! {
            () = stdout.readable() => stdout,
            () = stderr.readable() => stderr,
        };
        let mut buffer = [0; 16 * 1024];
        let Some(receiver) = &pipe.receiver else { return };
        match receiver.try_read(&mut buffer) {
            Ok(0) => pipe.close(&mut line),
            Ok(read) => pipe.take(&buffer[..read], &mut line),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => pipe.close(&mut line),
        }
    }

    /// Passes on all that has been written so far, the last line even if its end is missing.
    pub(crate) fn drain(&mut self, mut line: impl FnMut(&[u8])) {
        for pipe in &mut self.pipes {
            pipe.drain(&mut line);
            pipe.flush(&mut line);
        }
    }
}

impl Pipe {
    async fn readable(&self) {
        match &self.receiver {
            // A pipe that can't be polled is found out by the read that follows.
            Some(receiver) => drop(receiver.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Reads around tokio, which only knows what the last poll of all descriptors has told it.
    fn drain(&mut self, line: &mut impl FnMut(&[u8])) {
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut drained = 0;
        while drained < DRAIN_BYTES {
            let Some(receiver) = &self.receiver else { return };
            match rustix::io::read(receiver, &mut buffer) {
                Ok(([], _)) => return self.close(line),
                Ok((read, _)) => {
                    drained += read.len();
                    self.take(read, line);
                }
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], line: &mut impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = bytes.split_at(end);
            self.partial.extend_from_slice(head);
            self.pass(line);
            bytes = &rest[1..];
        }
        self.partial.extend_from_slice(bytes);
        if self.partial.len() >= LINE_BYTES {
            self.pass(line);
        }
    }

    fn pass(&mut self, line: &mut impl FnMut(&[u8])) {
        let whole = std::mem::take(&mut self.partial);
        line(whole.strip_suffix(b"\r").unwrap_or(&whole));
    }

    fn flush(&mut self, line: &mut impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            self.pass(line);
        }
    }

    fn close(&mut self, line: &mut impl FnMut(&[u8])) {
        self.flush(line);
        self.receiver = None;
    }
}
