//! The routes of the Runtime API: turns the runtime's HTTP into [`RuntimeCall`] messages and the
//! environment's answers into HTTP. Which call is allowed when is not decided here.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::environment::lifecycle::events::{ResponseBody, Verdict};
use crate::environment::runtime_api::calls::{CallSender, Post, RuntimeCall};
use crate::environment::runtime_api::extension_routes::{ExtensionRoute, ExtensionRoutes};
use crate::environment::runtime_api::next::{INVOCATION_ID, Next, Poll, is_invocation_id};
use crate::environment::runtime_api::replies::{
    error_reply, internal_error, not_found, verdict_reply,
};
use crate::environment::runtime_api::stream::forward;
use crate::lambda::function::Function;
use crate::lambda::invocation::failure::{Failure, posted};
use crate::lambda::invocation::{Answer, ResponseMode};
use crate::lambda::quotas;
use crate::system::http::{
    Connection, Peer, Reply, ReplyBody, RequestBody, discard, empty, read, text,
};

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
static RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");

/// The resources of the API, with the one method that each allows.
enum Route {
    Ping,
    Next,
    Response(String),
    Error(String),
    InitError,
    Extension(ExtensionRoute),
}

impl Route {
    fn parse(path: &str) -> Option<Self> {
        // What each invocation calls comes first, and is found without taking the path apart.
        if let Some(rest) = path.strip_prefix("/2018-06-01/runtime/invocation/") {
            return match rest.split_once('/') {
                None => (rest == "next").then_some(Self::Next),
                Some((id, "response")) => Some(Self::Response(id.to_owned())),
                Some((id, "error")) => Some(Self::Error(id.to_owned())),
                Some(_) => None,
            };
        }
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match parts.as_slice() {
            ["2018-06-01", "ping"] => Self::Ping,
            ["2018-06-01", "runtime", "init", "error"] => Self::InitError,
            other => Self::Extension(ExtensionRoute::parse(other)?),
        })
    }

    fn method(&self) -> Method {
        match self {
            Self::Ping | Self::Next => Method::GET,
            Self::Response(_) | Self::Error(_) | Self::InitError => Method::POST,
            Self::Extension(route) => route.method(),
        }
    }
}

/// Answers requests to the Runtime API. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeRoutes {
    /// Whether the caller of the invocation that the runtime got last takes the answer as it comes.
    caller_streams: Arc<AtomicBool>,
    calls: CallSender,
    extensions: Arc<ExtensionRoutes>,
}

impl RuntimeRoutes {
    /// The API of an environment of this function, which gets the calls.
    #[must_use]
    pub(crate) fn new(function: &Function, calls: CallSender) -> Self {
        Self {
            caller_streams: Arc::default(),
            calls: calls.clone(),
            extensions: Arc::new(ExtensionRoutes::new(function, calls)),
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(self, request: Request<Incoming>, peer: Peer) -> Reply {
        let on = peer.connection();
        let Some(route) = Route::parse(request.uri().path()) else { return not_found() };
        if *request.method() != route.method() {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            if let Ok(allow) = HeaderValue::from_str(route.method().as_str()) {
                reply.headers_mut().insert(ALLOW, allow);
            }
            return reply;
        }
        match route {
            Route::Ping => text(StatusCode::OK, "pong"),
            Route::Next => {
                // It holds the buffer that it was read into, 8 KB for as long as the environment is idle.
                drop(request);
                self.next(on).await
            }
            Route::Response(id) => self.response(&id, on, request).await,
            Route::Error(id) => self.error(&id, on, request).await,
            Route::InitError => self.init_error(request).await,
            Route::Extension(route) => self.extensions.answer(route, request).await,
        }
    }

    async fn next(&self, on: Connection) -> Reply {
        let (poll, next) = Poll::new(on);
        self.calls.send(RuntimeCall::Next(poll)).await;
        match next.await {
            // A runtime of an environment that has ended: clients end then.
            Ok(None) => {
                verdict_reply(Verdict::InvalidTransition { from: "Terminated", to: "Ready" })
            }
            Ok(Some(Next { headers, payload, response_mode })) => {
                let streams = response_mode == ResponseMode::Streaming;
                self.caller_streams.store(streams, Ordering::Relaxed);
                let mut reply = Reply::new(ReplyBody::from(payload));
                *reply.headers_mut() = headers;
                reply
            }
            // Another poll took this one's place: the runtime has given it up.
            Err(_) => pending().await,
        }
    }

    async fn response(&self, id: &str, on: Connection, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        match head.headers.get(&RESPONSE_MODE).map(HeaderValue::as_bytes) {
            // Go's client never sends the header; what it streams is of no length that it knew.
            None if self.caller_streams.load(Ordering::Relaxed)
                && !head.headers.contains_key(CONTENT_LENGTH) =>
            {
                return self.streamed_response(id, on, &head, body).await;
            }
            None => {}
            Some(b"streaming") => return self.streamed_response(id, on, &head, body).await,
            Some(_) => {
                discard(body, u64::MAX).await;
                return error_reply(
                    StatusCode::BAD_REQUEST,
                    "InvalidFunctionResponseMode",
                    "Invalid function response mode",
                );
            }
        }
        // Every acknowledgment waits for the whole body: Swift's client would miss an earlier one.
        let began = Instant::now();
        let body = match read(body, quotas::SYNCHRONOUS_RESPONSE_BYTES, u64::MAX).await {
            RequestBody::Complete(payload) => {
                ResponseBody::Complete(Answer { bytes: payload.len(), payload, began })
            }
            RequestBody::TooLarge(_) => ResponseBody::TooLarge,
            RequestBody::Truncated => ResponseBody::Truncated,
        };
        self.post(id, on, &head, |post| RuntimeCall::Response(post, body)).await
    }

    /// The caller gets the body while the runtime writes it.
    async fn streamed_response(
        &self,
        id: &str,
        on: Connection,
        head: &Parts,
        body: Incoming,
    ) -> Reply {
        let (sender, chunks) = mpsc::channel(1);
        let started = |post| RuntimeCall::StreamStarted(post, chunks);
        let limit = match self.ask(id, on.clone(), head, started).await {
            Ok(Verdict::Proceed { limit }) => limit,
            Ok(refusal) => {
                discard(body, u64::MAX).await;
                return verdict_reply(refusal);
            }
            Err(reply) => return *reply,
        };
        let body = forward(body, sender, limit).await;
        self.post(id, on, head, |post| RuntimeCall::Response(post, body)).await
    }

    async fn error(&self, id: &str, on: Connection, request: Request<Incoming>) -> Reply {
        let (head, failure) = posted_error(request).await;
        self.post(id, on, &head, |post| RuntimeCall::Error(post, failure)).await
    }

    async fn init_error(&self, request: Request<Incoming>) -> Reply {
        let (_, failure) = posted_error(request).await;
        let (verdict, decided) = oneshot::channel();
        self.calls.send(RuntimeCall::InitError(failure, verdict)).await;
        decided.await.map_or_else(|_| internal_error(), verdict_reply)
    }

    async fn post(
        &self,
        id: &str,
        on: Connection,
        head: &Parts,
        call: impl FnOnce(Post) -> RuntimeCall,
    ) -> Reply {
        self.ask(id, on, head, call).await.map_or_else(|reply| *reply, verdict_reply)
    }

    async fn ask(
        &self,
        id: &str,
        connection: Connection,
        head: &Parts,
        call: impl FnOnce(Post) -> RuntimeCall,
    ) -> Result<Verdict, Box<Reply>> {
        let Ok(id) = id.parse::<Uuid>() else { return Ok(Verdict::InvalidRequestId) };
        // Clients that know the header return it, so that an answer can't reach an invocation that
        // it isn't for. mtl sends the request id in it; most clients send nothing.
        if head.headers.get(&INVOCATION_ID).is_some_and(|echo| !is_invocation_id(echo, id)) {
            let gone = error_reply(StatusCode::GONE, "InvokeTimeout", "Invoke timeout");
            return Err(Box::new(gone));
        }
        let (verdict, decided) = oneshot::channel();
        self.calls.send(call(Post { id, connection, verdict })).await;
        decided.await.map_err(|_| Box::new(internal_error()))
    }
}

async fn posted_error(request: Request<Incoming>) -> (Parts, Failure) {
    let (head, body) = request.into_parts();
    let error_type = head.headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let failure = match read(body, quotas::SYNCHRONOUS_RESPONSE_BYTES, u64::MAX).await {
        RequestBody::Complete(body) => posted(error_type, body),
        RequestBody::TooLarge(_) => Failure::ResponseTooLarge,
        RequestBody::Truncated => posted(error_type, Bytes::new()),
    };
    (head, failure)
}
