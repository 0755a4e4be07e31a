//! mtl's own calls to servers: one connection, one request at a time, and a limit to the time of
//! everything, since a server may take a connection and never answer.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

/// How long it may take to look up the name of a server and to connect to it.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call got no answer.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    /// The server can't be reached, or does not take the connection in time.
    #[error("failed to connect")]
    Connect(#[source] io::Error),
    /// The connection broke, or what came over it was no HTTP.
    #[error(transparent)]
    Broken(hyper::Error),
    /// The answer was not complete within this time.
    #[error("no complete answer came within {0:?}")]
    TimedOut(Duration),
}

/// A connection to a server that mtl calls.
#[derive(Debug)]
pub(crate) struct ClientConnection {
    sender: SendRequest<Full<Bytes>>,
}

impl ClientConnection {
    /// Connects to `address`, within [`CONNECT_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// When nothing listens there, its name isn't known, or it doesn't answer in time.
    pub(crate) async fn connect(address: impl ToSocketAddrs) -> Result<Self, CallError> {
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await;
        let stream = connecting.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = stream.map_err(CallError::Connect)?;
        // A small request must not wait for the acknowledgment of what was sent before it.
        stream.set_nodelay(true).map_err(CallError::Connect)?;
        // It sends nothing, so it waits for nobody.
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(CallError::Broken)?;
        // It ends with its sender, and its error is the one that the request returns.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends a request and waits for the whole response, for `limit` at most.
    ///
    /// # Errors
    ///
    /// When there is no complete response in time.
    pub(crate) async fn call(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Bytes>, CallError> {
        let exchange = async {
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        within(limit, exchange).await
    }

    /// Sends a request and waits for the head of the response, for `limit` at most. What is read of
    /// the body afterwards is the reader's to limit.
    ///
    /// # Errors
    ///
    /// When there is no response in time.
    pub(crate) async fn call_for_head(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Response<Incoming>, CallError> {
        within(limit, self.sender.send_request(request)).await
    }

    /// Whether the connection takes another request now.
    #[must_use]
    pub(crate) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Waits until the connection takes another request, after the response to the last one was read
    /// to its end; `false` if it never does.
    pub(crate) async fn becomes_ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

/// Waits for a part of an answer, for `limit` at most.
///
/// # Errors
///
/// When it doesn't come in time, or the connection breaks.
pub(crate) async fn within<T>(
    limit: Duration,
    part: impl Future<Output = Result<T, hyper::Error>>,
) -> Result<T, CallError> {
    match timeout(limit, part).await {
        Ok(result) => result.map_err(CallError::Broken),
        Err(_) => Err(CallError::TimedOut(limit)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::Request;
    use http_body_util::Full;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::{CallError, ClientConnection};

    const SHORT: Duration = Duration::from_millis(50);

    fn request() -> Request<Full<Bytes>> {
        Request::get("/").header("host", "h").body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection =
            ClientConnection::connect(listener.local_addr().unwrap()).await.unwrap();
        let result = connection.call(request(), SHORT).await;
        assert!(matches!(result, Err(CallError::TimedOut(SHORT))), "{result:?}");
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection =
            ClientConnection::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
        let result = connection.call(request(), SHORT).await;
        assert!(matches!(result, Err(CallError::TimedOut(SHORT))), "{result:?}");
    }
}
