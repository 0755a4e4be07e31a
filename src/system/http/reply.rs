//! Responses: their bodies, which may be streamed, and short ways to make the usual ones.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use thiserror::Error;
use tokio::sync::mpsc;

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
    // Room for what the replies of a function have: a map that grows is hashed anew each time.
    *reply.headers_mut() = HeaderMap::with_capacity(8);
    if let Some(content_type) = content_type {
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    reply
}
