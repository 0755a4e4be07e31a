//! What mtl writes to stderr. Whoever reads it may have left: a failure to write is ignored, where
//! `eprintln!` would panic.

use std::io::{self, Write as _};

/// Writes a text and ends the line.
pub(crate) fn print_line(text: &str) {
    print(&format!("{text}\n"));
}

/// Writes a text as it stands.
pub(crate) fn print(text: &str) {
    let mut stderr = io::stderr().lock();
    // There is no one left to tell when stderr itself can't be written.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
