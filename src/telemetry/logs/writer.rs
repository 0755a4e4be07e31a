//! The threads that write log lines, one to stdout and one to files, so that a terminal that is
//! stopped or a pipe that nobody reads never holds up an invocation, nor the files.

mod thread;
mod write_queue;

mod handle;

pub(crate) use handle::Writer;
