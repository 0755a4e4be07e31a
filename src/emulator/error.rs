//! Why the emulator does not start.

use std::io;

use thiserror::Error;

/// Why the emulator did not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The address can't be listened on.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// Whether it is that of an API.
        of_api: bool,
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
