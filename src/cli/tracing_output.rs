//! `MTL_LOG`: what mtl does inside, written to stderr for those who want to watch it work.
//!
//! Without the variable there is no subscriber, and `tracing`'s macros cost next to nothing. With it a
//! thread of its own writes: a terminal that is stopped must not hold up what is watched.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::cli::failure::{Exit, Failure};

/// The environment variable that says what is written.
const VARIABLE: &str = "MTL_LOG";

/// How many lines wait at most; what comes when so many do is dropped.
const WAITING_LINES: usize = 8192;

/// How long the end of mtl waits for the last lines.
const LAST_LINES: Duration = Duration::from_millis(200);

/// From here on writes to stderr what `MTL_LOG` asks for, if it is set.
///
/// # Errors
///
/// When the variable holds no filter, or no thread can be started.
pub(crate) fn start() -> Result<Option<LineQueue>, Failure> {
    let Some(text) = env::var_os(VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let filter = parse(&text).map_err(|error| bad_filter(&text, error))?;
    let (queue, requests) = LineQueue::new();
    thread::Builder::new()
        .name("mtl-log".to_owned())
        .spawn(move || write(&requests, io::stderr()))
        .map_err(|error| Failure::new(Exit::Failed, error))?;
    let writer = queue.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || writer.clone())
        // It would print its own failures with `eprintln!`, which panics where stderr is closed.
        .log_internal_errors(false)
        .finish();
    // Fails only if there is a subscriber already, and nobody else sets one.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Some(queue))
}

/// What the thread is asked for.
enum LineRequest {
    Write(Vec<u8>),
    /// To say when all that came before is written.
    Flush(Sender<()>),
}

/// The way to the thread that writes. Whoever sends a line never waits.
#[derive(Clone, Debug)]
pub(crate) struct LineQueue(SyncSender<LineRequest>);

impl LineQueue {
    fn new() -> (Self, Receiver<LineRequest>) {
        let (sender, requests) = sync_channel(WAITING_LINES);
        (Self(sender), requests)
    }

    /// Waits for what was sent, but not for long.
    pub(crate) fn finish(&self) {
        let (written, when_written) = channel();
        if self.0.try_send(LineRequest::Flush(written)).is_ok() {
            let _ = when_written.recv_timeout(LAST_LINES);
        }
    }
}

impl Write for LineQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Where nobody reads, lines are lost: that is better than to stand still.
        let _ = self.0.try_send(LineRequest::Write(line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(requests: &Receiver<LineRequest>, mut output: impl Write) {
    for request in requests {
        match request {
            // Whoever read it may have left.
            LineRequest::Write(line) => drop(output.write_all(&line)),
            LineRequest::Flush(written) => drop(written.send(())),
        }
    }
}

fn parse(text: &OsStr) -> Result<EnvFilter, anyhow::Error> {
    let text = text.to_str().ok_or_else(|| anyhow::anyhow!("it is not UTF-8"))?;
    EnvFilter::builder().parse(text).map_err(|error: ParseError| error.into())
}

fn bad_filter(text: &OsStr, cause: anyhow::Error) -> Failure {
    let error = cause.context(format!("{VARIABLE} has no valid filter: `{}`", text.display()));
    Failure::new(Exit::Usage, error).help(
        "name modules and levels, such as MTL_LOG=mtl=debug or MTL_LOG=mtl::environment=trace",
    )
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::Write as _;

    use super::{LineQueue, WAITING_LINES, parse, write};

    #[test]
    fn a_filter_names_modules_and_levels() {
        for right in ["debug", "mtl=debug", "mtl::environment=trace,mtl::data_plane=debug"] {
            assert!(parse(OsStr::new(right)).is_ok(), "{right}");
        }
        for wrong in ["mtl=loud", "mtl::environment=debug=trace", "=="] {
            assert!(parse(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_that_nobody_writes_holds_up_nobody() {
        let (mut queue, requests) = LineQueue::new();
        for _ in 0..=WAITING_LINES {
            assert_eq!(queue.write(b"line\n").unwrap(), 5);
        }
        // There is no room for the request either, so it returns at once.
        queue.finish();
        drop(queue);
        let mut written = Vec::new();
        write(&requests, &mut written);
        assert_eq!(written, b"line\n".repeat(WAITING_LINES));
    }
}
