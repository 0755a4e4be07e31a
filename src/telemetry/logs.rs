//! What a function and the platform log: one [`LogStream`] per environment, which turns output
//! lines and platform events into the lines of CloudWatch Logs, and sends them to stdout and to
//! files. Who reads the function's output is not decided here.
//!
//! A function's line can neither pass for a line of the platform's nor reach the terminal with
//! control characters in it.

mod platform_event;
mod source;

mod application_json;
mod record_members;
mod text_format;

mod logs_api;
mod platform_record;

mod platform_json;

mod tail;
mod telemetry_events;
mod terminal;

pub(crate) mod writer;

mod log_file;

mod sink;
mod stream;

pub(crate) use platform_event::PlatformEvent;
pub(crate) use sink::{LogSink, Stdout};
pub(crate) use stream::LogStream;

#[cfg(test)]
mod tests;
