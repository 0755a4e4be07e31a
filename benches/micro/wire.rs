//! A connection in memory, over which requests come as bytes and answers go: with the HTTP library, but
//! without sockets and without an async runtime.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use crate::system::http::Reply;

/// The client's end of the connection.
pub(crate) struct Client {
    wire: Rc<RefCell<InTransit>>,
    connection: Pin<Box<dyn Future<Output = Result<(), hyper::Error>>>>,
}

/// What is on its way.
#[derive(Default)]
struct InTransit {
    request: &'static [u8],
    answer: Vec<u8>,
}

/// The server's end of the connection.
struct Server(Rc<RefCell<InTransit>>);

impl Client {
    /// Connects to a server that handles requests so.
    pub(crate) fn connect<F>(handle: impl Fn(Request<Incoming>) -> F + 'static) -> Self
    where
        F: Future<Output = Reply> + 'static,
    {
        let wire = Rc::new(RefCell::new(InTransit::default()));
        let service = service_fn(move |request| {
            let reply = handle(request);
            async move { Ok::<_, Infallible>(reply.await) }
        });
        let connection = http1::Builder::new().serve_connection(Server(Rc::clone(&wire)), service);
        Self { wire, connection: Box::pin(connection) }
    }

    /// Sends a request, and lets the server do what it can.
    pub(crate) fn send(&mut self, request: &'static [u8]) {
        let mut wire = self.wire.borrow_mut();
        wire.request = request;
        wire.answer.clear();
        drop(wire);
        self.wait();
    }

    /// Lets the server do what it can.
    pub(crate) fn wait(&mut self) {
        let server = self.connection.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(server.is_pending(), "the server has closed the connection: {server:?}");
    }

    /// Whether the answer to the last request begins so.
    pub(crate) fn is_answered(&self, start: &str) -> bool {
        self.wire.borrow().answer.starts_with(start.as_bytes())
    }

    /// The answer to the last request.
    pub(crate) fn answer(&self) -> String {
        String::from_utf8_lossy(&self.wire.borrow().answer).into_owned()
    }
}

impl Read for Server {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let request = std::mem::take(&mut self.0.borrow_mut().request);
        if request.is_empty() {
            return Poll::Pending;
        }
        // The library's first buffer has 8 KB.
        buffer.put_slice(request);
        Poll::Ready(Ok(()))
    }
}

impl Write for Server {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().answer.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
