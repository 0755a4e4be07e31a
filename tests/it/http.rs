//! Plain HTTP, one connection per request, so that a test says and sees every header.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::wait::DEADLINE;

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The value of a header, or the empty text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} `{}`", self.status, self.text()))
    }

    /// The body of an answer that is no error of any kind.
    #[track_caller]
    pub(crate) fn answer(&self) -> Value {
        assert_eq!((self.status, self.header("x-amz-function-error")), (200, ""), "{self:?}");
        self.json()
    }

    /// The body of the answer of a function that failed.
    #[track_caller]
    pub(crate) fn function_error(&self) -> Value {
        let status = (self.status, self.header("x-amz-function-error"));
        assert_eq!(status, (200, "Unhandled"), "{self:?}");
        self.json()
    }

    /// The status and the body of a request that AWS refuses with `error_type`.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error_type: &str) -> Value {
        let refusal = (self.status, self.header("x-amzn-errortype"));
        assert_eq!(refusal, (status, error_type), "{self:?}");
        assert_eq!(self.header("x-amz-function-error"), "", "{self:?}");
        self.json()
    }
}

/// Sends a request and reads the whole reply.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Reply {
    let reply = timeout(DEADLINE, exchange(address, request));
    reply.await.expect("no answer came").expect("the connection broke")
}

/// Sends a request and tells of a connection that is refused or breaks.
pub(crate) async fn try_send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Reply, Box<dyn std::error::Error>> {
    timeout(DEADLINE, exchange(address, request)).await?
}

async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Reply, Box<dyn std::error::Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut connection, io) = handshake(TokioIo::new(stream)).await?;
    let _ends_with_this_call = AbortOnDrop(tokio::spawn(io).abort_handle());
    let (head, body) = connection.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
}

/// A caller that is dropped closes its connection.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A request with the headers that any client sends.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(body.into())).expect("tests write valid requests")
}
