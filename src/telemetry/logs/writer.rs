//! The threads that write log lines, one to stdout and one to files, so that a terminal that is
//! stopped or a pipe that nobody reads never holds up an invocation, nor the files.
//!
//! What is logged in a few milliseconds is written at once: waking a thread for each line would cost an
//! invocation more than its log does.

mod batch;

mod backlog;
mod output;

mod write_queue;

mod handle;

pub(crate) use handle::Writer;
