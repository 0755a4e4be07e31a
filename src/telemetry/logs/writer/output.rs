//! Where a writing thread writes.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::telemetry::logs::writer::batch::Batch;

/// Where a thread writes.
pub(crate) enum LogOutput {
    /// To stdout, or to what stands for it; `None` once its reader has gone.
    Stdout(Option<Box<dyn Write + Send>>),
    /// To the files that the lines name.
    Files {
        /// Whether the user knows that a file can't be written.
        has_warned: bool,
    },
}

impl LogOutput {
    /// Writes lines, or tells the user why that can't be done.
    pub(crate) fn write(&mut self, batch: &Batch) {
        match self {
            Self::Stdout(None) => {}
            Self::Stdout(Some(stdout)) => {
                let written = stdout.write_all(&batch.bytes).and_then(|()| stdout.flush());
                let Err(error) = written else { return };
                *self = Self::Stdout(None);
                // A reader that has had enough is free to go, and the server goes on.
                if error.kind() != ErrorKind::BrokenPipe {
                    warn(&format!("failed to write logs to stdout: {error}"));
                }
            }
            Self::Files { has_warned } => {
                for (path, lines) in batch.files() {
                    let Err(error) = append(path, &lines) else { continue };
                    if !std::mem::replace(has_warned, true) {
                        warn(&format!("failed to write logs to `{}`: {error}", path.display()));
                    }
                }
            }
        }
    }
}

/// Files are not kept open: there can be more streams than file descriptors.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let open = || OpenOptions::new().append(true).create(true).open(path);
    let mut file = match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            open()?
        }
        opened => opened?,
    };
    file.write_all(lines)
}

fn warn(message: &str) {
    // stderr may be gone as well; then there is no one to tell.
    let _ = writeln!(io::stderr(), "mtl: warning: {message}");
}
