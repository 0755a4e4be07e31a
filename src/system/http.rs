//! HTTP/1.1 serving: the accept loop with a graceful stop, and request bodies that are read to
//! their end whatever their size. Knows no Lambda.

pub(crate) mod host;
pub(crate) mod post;

use std::borrow::Borrow;
use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A response.
pub(crate) type Reply = Response<ReplyBody>;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All of it, in memory.
    Full(Full<Bytes>),
    /// What comes through the channel, until it closes. An error cuts the connection off, so that the
    /// client sees that the body is not complete. The channel is read only as fast as the client
    /// reads.
    Stream(mpsc::Receiver<Result<Bytes, Aborted>>),
}

/// A body ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body was not completed")]
pub(crate) struct Aborted;

impl From<Bytes> for ReplyBody {
    fn from(body: Bytes) -> Self {
        Self::Full(Full::new(body))
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut *self {
            Self::Full(body) => {
                Pin::new(body).poll_frame(context).map_err(|never: Infallible| match never {})
            }
            Self::Stream(chunks) => chunks.poll_recv(context).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Where a request came from, in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The other end.
    pub(crate) address: SocketAddr,
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
pub(crate) struct Settings {
    /// How long a client may take to send the head of a request; this also closes connections that
    /// are idle for as long. `None` for clients that are silent for minutes, as runtimes are.
    pub(crate) header_timeout: Option<Duration>,
    /// The largest head of a request, in bytes.
    pub(crate) max_head_bytes: usize,
    /// Whether a client that has closed its end after the request still gets the answer. Then one that
    /// has left is noticed only when the answer is written.
    pub(crate) half_close: bool,
}

/// Serves connections until `stop`, then lets the requests that are being answered finish and
/// returns. Dropping the future cuts all connections off.
pub(crate) async fn serve<L, H, F>(
    listener: L,
    settings: Settings,
    stop: CancellationToken,
    handle: H,
) where
    L: Borrow<TcpListener> + Send,
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
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

async fn connection<H, F>(stream: TcpStream, settings: Settings, stop: CancellationToken, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let token = Arc::new(());
    let peer = stream.peer_addr().ok().map(|address| Peer { address, token });
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        let reply = handle(request);
        async move { Ok::<_, Infallible>(reply.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(settings.max_head_bytes)
        .half_close(settings.half_close)
        .max_headers(256)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // A broken connection is the client's affair: there is no one left to tell.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// A request's body, read to its end.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it.
    Complete(Bytes),
    /// More than was to be kept; how many bytes it had.
    TooLarge(u64),
    /// The connection ended before the body did, or the body is no valid HTTP.
    Truncated,
}

/// Reads a body and keeps it when it has at most `keep` bytes. A larger one is read on, and thrown
/// away, until `limit`: a client that is still sending would see a reset instead of the answer.
pub(crate) async fn read(mut body: Incoming, keep: usize, limit: u64) -> Body {
    let mut kept = BytesMut::new();
    let mut seen = 0_u64;
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected <= keep {
        kept.reserve(expected);
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Body::Truncated };
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        if seen <= keep as u64 {
            kept.extend_from_slice(&data);
        } else if seen > limit {
            break;
        }
    }
    if seen <= keep as u64 { Body::Complete(kept.freeze()) } else { Body::TooLarge(seen) }
}

/// The one segment of a path between a prefix and a suffix, decoded.
#[must_use]
pub(crate) fn path_parameter(path: &str, prefix: &str, suffix: &str) -> Option<String> {
    let segment = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
    let is_one = !segment.is_empty() && !segment.contains('/');
    is_one.then(|| percent_decode_str(segment).decode_utf8_lossy().into_owned())
}

/// How much of a body that is too large is read, and thrown away, before the refusal: a caller that is
/// still sending would see a reset instead.
pub(crate) const DISCARDED_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a body that nobody wants, until `limit`.
pub(crate) async fn discard(body: Incoming, limit: u64) {
    read(body, 0, limit).await;
}

/// A reply without a body.
#[must_use]
pub(crate) fn empty(status: StatusCode) -> Reply {
    reply(status, None, Bytes::new())
}

/// A reply whose body is streamed.
#[must_use]
pub(crate) fn stream(
    content_type: &'static str,
    chunks: mpsc::Receiver<Result<Bytes, Aborted>>,
) -> Reply {
    let mut reply = Response::new(ReplyBody::Stream(chunks));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// A reply with a JSON body.
#[must_use]
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, Some("application/json"), body)
}

/// A reply with a plain text.
#[must_use]
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    reply(status, Some("text/plain; charset=utf-8"), body)
}

fn reply(status: StatusCode, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(ReplyBody::from(body.into()));
    *reply.status_mut() = status;
    if let Some(content_type) = content_type {
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    reply
}
