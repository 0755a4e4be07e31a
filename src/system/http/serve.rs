//! Serving HTTP/1.1: the accept loop with a graceful stop, and which connection a request came on.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::system::http::reply::Reply;

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// The other end; `None` where it has left already.
    pub(crate) address: Option<SocketAddr>,
    /// Lives as long as the connection and the requests that are being answered.
    token: Arc<()>,
}

impl Peer {
    /// The connection that the request came on.
    #[must_use]
    pub(crate) fn connection(&self) -> Connection {
        Connection(Arc::downgrade(&self.token))
    }
}

/// A connection, told from others for as long as it is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Weak<()>);

impl Connection {
    /// Whether it is open.
    #[must_use]
    pub(crate) fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Whether both are the same one, which is open.
    #[must_use]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.is_open() && Weak::ptr_eq(&self.0, &other.0)
    }
}

/// How connections are treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServeSettings {
    /// How long a client may take to send the head of a request; this also closes connections that
    /// are idle for as long. `None` for clients that are silent for minutes, as runtimes are.
    pub(crate) header_timeout: Option<Duration>,
    /// The largest head of a request, in bytes.
    pub(crate) max_head_bytes: usize,
    /// The most headers of a request; `None` is 100. For more than those every request costs room on the
    /// heap.
    pub(crate) max_headers: Option<usize>,
    /// Whether a client that has closed its end after the request still gets the answer. Then one that
    /// has left is noticed only when the answer is written.
    pub(crate) half_close: bool,
}

/// Serves connections until `stop`, then lets the requests that are being answered finish and
/// returns. Dropping the future cuts all connections off.
pub(crate) async fn serve<L, H, F>(
    listener: L,
    settings: ServeSettings,
    stop: CancellationToken,
    handle: H,
) where
    L: Borrow<TcpListener> + Send,
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(stream) = accept(listener.borrow()) => {
                connections.spawn(connection(stream, settings, stop.clone(), handle.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The next connection; `None` when there is a reason to look again.
async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and latency is what callers measure. Without it they are only slow.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        // The client gave up before it was served.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
            ) =>
        {
            None
        }
        // Out of file descriptors, most likely. Retrying at once would only burn the processor.
        Err(_) => {
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

async fn connection<H, F>(
    stream: TcpStream,
    settings: ServeSettings,
    stop: CancellationToken,
    handle: H,
) where
    H: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let peer = Peer { address: stream.peer_addr().ok(), token: Arc::new(()) };
    let service = service_fn(move |request: Request<Incoming>| {
        let reply = handle(request, peer.clone());
        async move { Ok::<_, Infallible>(reply.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.max_head_bytes)
        .half_close(settings.half_close);
    if let Some(most) = settings.max_headers {
        http.max_headers(most);
    }
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A broken connection is the client's affair: there is no one left to tell.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
