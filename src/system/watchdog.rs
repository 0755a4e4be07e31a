//! The watchdog: a process of mtl's own binary that outlives mtl by a moment. It holds the reading
//! end of a pipe, remembers what mtl tells it about living environments, and when the pipe closes,
//! however mtl came to its end, it kills what is left and removes mtl's temporary folder.
//!
//! - `message`: what mtl tells it.
//! - `link`: mtl's end of the pipe.
//! - `guard`: what the watchdog's process does.

pub(crate) mod message;

pub(crate) mod link;

mod guard;

pub(crate) use guard::main;
pub(crate) use link::PROCESS_NAME;
