//! The emulator inside another Rust program, which is in general a test: what is `pub` here is the
//! crate's public face, together with `cli::main`.

mod error;
mod response;

mod emulator;

pub use emulator::Emulator;
pub use error::{InvokeError, StartError};
pub use response::InvokeResponse;

pub use crate::emulator::Function;
