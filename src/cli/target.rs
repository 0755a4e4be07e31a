//! What `mtl invoke` and `mtl metrics` have in common: the local server that they mean when none is
//! named, and the runtime on which they wait for an answer.

use std::future::Future;
use std::{env, io};

use anyhow::Context as _;
use tokio::runtime;

use crate::cli::failure::Failure;
use crate::client::endpoint::Endpoint;
use crate::system::server_file;

/// Where the local server is when this folder has none: where `mtl serve` listens if it can.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7000";

/// The server that runs in this folder.
///
/// # Panics
///
/// Never: the default endpoint is a URL.
#[must_use]
pub(crate) fn endpoint_of_this_folder() -> Endpoint {
    let published = env::current_dir().ok().and_then(|folder| server_file::find(&folder));
    published
        .and_then(|endpoint| endpoint.parse().ok())
        .unwrap_or_else(|| DEFAULT_ENDPOINT.parse().expect("the default endpoint is a URL"))
}

/// Waits for the outcome. One thread is enough for a few requests, and the quickest to start.
///
/// # Errors
///
/// When the system is out of something.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime: io::Result<_> = runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("failed to start the asynchronous runtime")?.block_on(future))
}
