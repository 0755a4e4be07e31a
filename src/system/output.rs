//! A process's stdout and stderr, cut into lines.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::net::unix::pipe::Receiver;

/// The longest line that is kept in one piece, in bytes: the size of one event of CloudWatch Logs
/// until 2025. What is longer comes in several.
const LINE_BYTES: usize = 256 * 1024;

/// How much of a pipe is read at once.
const READ_BYTES: usize = 16 * 1024;

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
    ///
    /// All others have their turn after each read of as much as is read at once: a process that writes
    /// faster than its lines are dealt with would otherwise have the thread for itself for ever.
    pub(crate) async fn read(&mut self, mut line: impl FnMut(&[u8])) {
        let [stdout, stderr] = &mut self.pipes;
        let pipe = tokio::select! {
            () = stdout.readable() => stdout,
            () = stderr.readable() => stderr,
        };
        if pipe.read(&mut line) == READ_BYTES {
            tokio::task::yield_now().await;
        } else {
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Passes on all that has been written so far, the last line even if its end is missing.
    pub(crate) fn drain(&mut self, mut line: impl FnMut(&[u8])) {
        let is_empty = self.is_empty();
        for pipe in &mut self.pipes {
            if !is_empty {
                pipe.drain(&mut line);
            }
            pipe.flush(&mut line);
        }
    }

    /// Whether neither pipe has anything, which most invocations end with, by one call for both.
    fn is_empty(&self) -> bool {
        let [stdout, stderr] = self.pipes.each_ref().map(|pipe| pipe.receiver.as_ref());
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else { return false };
        let mut pipes = [stdout, stderr].map(|pipe| PollFd::new(pipe, PollFlags::IN));
        poll(&mut pipes, Some(&Timespec::default())) == Ok(0)
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

    /// Reads once, and returns how much.
    fn read(&mut self, line: &mut impl FnMut(&[u8])) -> usize {
        let mut buffer = [0; READ_BYTES];
        let Some(receiver) = &self.receiver else { return 0 };
        match receiver.try_read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Ok(0) | Err(_) => {
                self.close(line);
                0
            }
            Ok(read) => {
                self.take(&buffer[..read], line);
                read
            }
        }
    }

    /// Reads around tokio, which only knows what the last poll of all descriptors has told it: so much
    /// as is in the pipe now, as a process that keeps writing must not hold up the others.
    fn drain(&mut self, line: &mut impl FnMut(&[u8])) {
        let waiting = self.receiver.as_ref().and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok());
        let mut left = usize::try_from(waiting.unwrap_or_default()).unwrap_or(usize::MAX);
        while left > 0 {
            let mut buffer = [0; READ_BYTES];
            let Some(receiver) = &self.receiver else { return };
            match rustix::io::read(receiver, &mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    left = left.saturating_sub(read);
                    self.take(&buffer[..read], line);
                }
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], line: &mut impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (head, rest) = bytes.split_at(end);
            if self.partial.is_empty() {
                line(without_return(head));
            } else {
                self.partial.extend_from_slice(head);
                self.pass(line);
            }
            bytes = &rest[1..];
        }
        self.partial.extend_from_slice(bytes);
        if self.partial.len() >= LINE_BYTES {
            self.pass(line);
        }
    }

    fn pass(&mut self, line: &mut impl FnMut(&[u8])) {
        let whole = std::mem::take(&mut self.partial);
        line(without_return(&whole));
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

/// A line without the carriage return that some programs end theirs with.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
