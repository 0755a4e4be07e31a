//! What the user can do when the emulator does not start.

use std::io;

use crate::cli::failure::{Exit, Failure};
use crate::emulator::{Door, StartError};

/// The failure of a start, with help.
pub(super) fn failure(error: StartError) -> Failure {
    let help = match &error {
        StartError::Listen { door, source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse if *door == Door::RestApi => {
                Some("that port is taken; choose one with --api-port, or 0 for a free one")
            }
            io::ErrorKind::AddrInUse => {
                Some("another program has that port; choose one with --port, or 0 for a free one")
            }
            io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need privileges; choose another with --port")
            }
            _ => Some("--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0"),
        },
        StartError::Temp(_) => Some("set TMPDIR to a folder that can be written"),
        StartError::Part(..) | StartError::NoFunction => None,
    };
    Failure::new(Exit::Failed, error).maybe_help(help)
}
