//! Why an emulator or a function that it is told of is refused.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::environment::runtime_client::HandlerError;

/// Why the emulator did not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The address can't be listened on.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// What was to be behind it.
        door: Door,
        /// The host and port.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing to serve.
    #[error("there is no function to serve")]
    NoFunction,
    /// There is no folder for temporary files.
    #[error("failed to create a temporary folder")]
    Temp(#[source] io::Error),
    /// A thread or process that mtl needs can't be started.
    #[error("failed to start {0}")]
    Part(&'static str, #[source] io::Error),
}

/// What is behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The API of Lambda.
    Lambda,
    /// An API of API Gateway.
    RestApi,
}

/// Why a function that a test describes can't be served.
#[derive(Debug, Error)]
pub(crate) enum FunctionError {
    /// It has a name that Lambda doesn't take.
    #[error("a function name has 1 to 64 letters, digits, hyphens and underscores, not `{0}`")]
    Name(String),
    /// It has a timeout that Lambda doesn't take.
    #[error("a function's timeout is 1 to 900 seconds, not {0:?}")]
    Timeout(Duration),
    /// It has a memory size, in MB, that Lambda doesn't take.
    #[error("a function's memory is 128 to 10240 MB, not {0}")]
    MemorySize(u32),
    /// There is nothing to run its handler with.
    #[error(transparent)]
    Handler(HandlerError),
    /// The current folder, to which its own is relative, isn't there.
    #[error("failed to find the folder of the function")]
    Folder(#[source] io::Error),
}
