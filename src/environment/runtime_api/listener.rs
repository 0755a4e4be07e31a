//! The listener of one environment's Runtime API.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::environment::runtime_api::calls::{CallSender, RuntimeCall};
use crate::environment::runtime_api::routes::RuntimeRoutes;
use crate::lambda::function::Function;
use crate::system::http::{ServeSettings, serve};

/// Clients may send an error cause of 1 MiB in a header.
const MAX_HEAD_BYTES: usize = 2 * 1024 * 1024;

/// The listener of one environment's Runtime API.
#[derive(Debug)]
pub(crate) struct RuntimeListener {
    listener: Arc<TcpListener>,
    address: SocketAddr,
}

impl RuntimeListener {
    /// Listens on a loopback port; 0 is any free one.
    ///
    /// # Errors
    ///
    /// When the port is taken, or no port or file descriptor is left.
    pub(crate) async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener: Arc::new(listener), address })
    }

    /// What the runtime is given as `AWS_LAMBDA_RUNTIME_API`, in the only form that every client
    /// takes: `127.0.0.1:PORT`.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the future is dropped, which cuts the runtime's connections off. They have no
    /// time limit: a runtime may be silent for as long as its environment is idle.
    pub(crate) fn serve(
        &self,
        function: &Function,
        calls: mpsc::Sender<RuntimeCall>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let settings = ServeSettings {
            header_timeout: None,
            max_head_bytes: MAX_HEAD_BYTES,
            max_headers: None,
            half_close: false,
        };
        let routes = RuntimeRoutes::new(function, CallSender(calls));
        serve(
            Arc::clone(&self.listener),
            settings,
            CancellationToken::new(),
            move |request, peer| routes.clone().answer(request, peer),
        )
    }
}
