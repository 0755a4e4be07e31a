//! What `mtl serve` says to a person, on stderr.

use crate::system::stderr;

/// Says something.
pub(super) fn say(message: &str) {
    stderr::print_line(&format!("mtl: {message}"));
}

/// Says something that the user should do something about.
pub(super) fn warn(message: &str) {
    say(&format!("warning: {message}"));
}
