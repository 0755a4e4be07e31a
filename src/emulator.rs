//! What is served, put together: the template that describes it, the configuration that it becomes,
//! and the emulator that is started from that and stopped in the right order. This folder must not
//! know arguments or signals.

pub(crate) mod config;
mod error;
mod notices;
pub(crate) mod template;

mod doors;
mod functions;
mod machinery;

mod running;

mod tested_function;

pub(crate) use error::{Door, FunctionError, StartError};
pub(crate) use notices::Notice;
pub(crate) use running::{RunningEmulator, Stopped};

pub use tested_function::Function;
