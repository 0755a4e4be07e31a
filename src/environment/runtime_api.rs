//! The Runtime API of one environment, `2018-06-01`, on a loopback port of its own: turns the
//! runtime's HTTP into [`RuntimeCall`] messages and the environment's answers into HTTP. Knows
//! neither the life cycle nor processes; which call is allowed when is not decided here.
//!
//! The statuses, bodies and headers are those of AWS's runtime interface emulator, which shares
//! its code with Lambda: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

mod extension_routes;
pub(crate) mod line;
pub(crate) mod next;
mod stream;

use std::future::{Future, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::environment::lifecycle::events::{ResponseBody, Verdict};
use crate::lambda::function::Function;
use crate::lambda::invocation::failure::{Failure, posted};
use crate::lambda::invocation::{Answer, ResponseMode};
use crate::lambda::quotas;
use crate::system::http::{
    Peer, Reply, RequestBody, ServeSettings, discard, empty, json as json_reply, read, serve, text,
};
use crate::telemetry::extensions::ExtensionCall;
use extension_routes::ExtensionRoute;
use next::{INVOCATION_ID, Next, Poll};

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
const RESPONSE_MODE: &str = "Lambda-Runtime-Function-Response-Mode";

/// Clients may send an error cause of 1 MiB in a header.
const MAX_HEAD_BYTES: usize = 2 * 1024 * 1024;

/// What the runtime asks of its environment. The answer goes back through the channel; a runtime
/// that hung up has dropped the other end.
#[derive(Debug)]
pub(crate) enum RuntimeCall {
    /// `GET /runtime/invocation/next`.
    Next(Poll),
    /// `POST /runtime/invocation/{id}/response` in the streaming mode, before its body is read; the
    /// body comes through the channel.
    StreamStarted(Uuid, mpsc::Receiver<Bytes>, oneshot::Sender<Verdict>),
    /// `POST /runtime/invocation/{id}/response`, read to its end.
    Response(Uuid, ResponseBody, oneshot::Sender<Verdict>),
    /// `POST /runtime/invocation/{id}/error`.
    Error(Uuid, Failure, oneshot::Sender<Verdict>),
    /// `POST /runtime/init/error`.
    InitError(Failure, oneshot::Sender<Verdict>),
    /// A call of an extension.
    Extension(ExtensionCall),
}

impl RuntimeCall {
    /// Whether the caller has hung up.
    #[must_use]
    pub(crate) fn is_abandoned(&self) -> bool {
        match self {
            Self::Next(poll) => poll.is_abandoned(),
            Self::StreamStarted(_, _, answer)
            | Self::Response(_, _, answer)
            | Self::Error(_, _, answer)
            | Self::InitError(_, answer) => answer.is_closed(),
            Self::Extension(call) => call.is_abandoned(),
        }
    }
}

/// The listener of one environment's Runtime API.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    listener: Arc<TcpListener>,
    address: SocketAddr,
}

impl RuntimeApi {
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
            half_close: false,
        };
        let api = Api {
            function_name: function.name.clone(),
            account_id: function.account_id.clone(),
            handler: function.handler().to_string_lossy().into_owned(),
            caller_streams: Arc::new(AtomicBool::new(false)),
            calls,
        };
        serve(Arc::clone(&self.listener), settings, CancellationToken::new(), move |request| {
            api.clone().answer(request)
        })
    }
}

#[derive(Clone, Debug)]
struct Api {
    function_name: String,
    account_id: String,
    handler: String,
    /// Whether the caller of the invocation that the runtime got last takes the answer as it comes.
    caller_streams: Arc<AtomicBool>,
    calls: mpsc::Sender<RuntimeCall>,
}

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
    fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match parts.as_slice() {
            ["2018-06-01", "ping"] => Self::Ping,
            ["2018-06-01", "runtime", "init", "error"] => Self::InitError,
            ["2018-06-01", "runtime", "invocation", "next"] => Self::Next,
            ["2018-06-01", "runtime", "invocation", id, "response"] => {
                Self::Response((*id).to_owned())
            }
            ["2018-06-01", "runtime", "invocation", id, "error"] => Self::Error((*id).to_owned()),
            other => Self::Extension(ExtensionRoute::of(other)?),
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

impl Api {
    async fn answer(self, request: Request<Incoming>) -> Reply {
        let Some(route) = Route::of(request.uri().path()) else { return not_found() };
        if *request.method() != route.method() {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            if let Ok(allow) = HeaderValue::from_str(route.method().as_str()) {
                reply.headers_mut().insert(ALLOW, allow);
            }
            return reply;
        }
        match route {
            Route::Ping => text(StatusCode::OK, "pong"),
            Route::Next => self.next(&request).await,
            Route::Response(id) => self.response(&id, request).await,
            Route::Error(id) => self.error(&id, request).await,
            Route::InitError => self.init_error(request).await,
            Route::Extension(route) => self.extension(route, request).await,
        }
    }

    async fn next(&self, request: &Request<Incoming>) -> Reply {
        let peer = request.extensions().get::<Peer>();
        let (poll, next) = Poll::new(peer.map(Peer::connection).unwrap_or_default());
        self.call(RuntimeCall::Next(poll)).await;
        match next.await {
            // A runtime of an environment that has ended: clients end then.
            Ok(None) => verdict(Verdict::InvalidTransition { from: "Terminated", to: "Ready" }),
            Ok(Some(Next { headers, payload, response_mode })) => {
                let streams = response_mode == ResponseMode::Streaming;
                self.caller_streams.store(streams, Ordering::Relaxed);
                let mut reply = json_reply(StatusCode::OK, payload);
                reply.headers_mut().extend(headers);
                reply
            }
            // Another poll took this one's place: the runtime has given it up.
            Err(_) => pending().await,
        }
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        match head.headers.get(RESPONSE_MODE).map(HeaderValue::as_bytes) {
            // Go's client never sends the header; what it streams is of no length that it knew.
            None if self.caller_streams.load(Ordering::Relaxed)
                && !head.headers.contains_key(CONTENT_LENGTH) =>
            {
                return self.streamed_response(id, &head.headers, body).await;
            }
            None => {}
            Some(b"streaming") => return self.streamed_response(id, &head.headers, body).await,
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
        self.post(id, &head.headers, |id, answer| RuntimeCall::Response(id, body, answer)).await
    }

    /// The caller gets the body while the runtime writes it.
    async fn streamed_response(&self, id: &str, headers: &HeaderMap, body: Incoming) -> Reply {
        let (sender, chunks) = mpsc::channel(1);
        let started = |id, answer| RuntimeCall::StreamStarted(id, chunks, answer);
        let limit = match self.ask(id, headers, started).await {
            Ok(Verdict::Proceed { limit }) => limit,
            Ok(refusal) => {
                discard(body, u64::MAX).await;
                return verdict(refusal);
            }
            Err(reply) => return *reply,
        };
        let body = stream::forward(body, sender, limit).await;
        self.post(id, headers, |id, answer| RuntimeCall::Response(id, body, answer)).await
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Reply {
        let (headers, failure) = posted_error(request).await;
        self.post(id, &headers, |id, answer| RuntimeCall::Error(id, failure, answer)).await
    }

    async fn init_error(&self, request: Request<Incoming>) -> Reply {
        let (_, failure) = posted_error(request).await;
        let (answer, answered) = oneshot::channel();
        self.call(RuntimeCall::InitError(failure, answer)).await;
        answered.await.map_or_else(|_| internal_error(), verdict)
    }

    async fn post(
        &self,
        id: &str,
        headers: &HeaderMap,
        call: impl FnOnce(Uuid, oneshot::Sender<Verdict>) -> RuntimeCall,
    ) -> Reply {
        self.ask(id, headers, call).await.map_or_else(|reply| *reply, verdict)
    }

    async fn ask(
        &self,
        id: &str,
        headers: &HeaderMap,
        call: impl FnOnce(Uuid, oneshot::Sender<Verdict>) -> RuntimeCall,
    ) -> Result<Verdict, Box<Reply>> {
        let Ok(id) = id.parse::<Uuid>() else { return Ok(Verdict::InvalidRequestId) };
        // Clients that know the header return it, so that an answer can't reach an invocation that
        // it isn't for. mtl sends the request id in it; most clients send nothing.
        if headers.get(INVOCATION_ID).is_some_and(|echo| !next::is_invocation_id(echo, id)) {
            let gone = error_reply(StatusCode::GONE, "InvokeTimeout", "Invoke timeout");
            return Err(Box::new(gone));
        }
        let (answer, answered) = oneshot::channel();
        self.call(call(id, answer)).await;
        answered.await.map_err(|_| Box::new(internal_error()))
    }

    async fn call(&self, call: RuntimeCall) {
        // An environment that is gone drops the call, and with it the channel of its answer.
        let _ = self.calls.send(call).await;
    }
}

async fn posted_error(request: Request<Incoming>) -> (HeaderMap, Failure) {
    let (head, body) = request.into_parts();
    let error_type = head.headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let failure = match read(body, quotas::SYNCHRONOUS_RESPONSE_BYTES, u64::MAX).await {
        RequestBody::Complete(body) => posted(error_type, body),
        RequestBody::TooLarge(_) => Failure::ResponseTooLarge,
        RequestBody::Truncated => posted(error_type, Bytes::new()),
    };
    (head.headers, failure)
}

fn verdict(verdict: Verdict) -> Reply {
    match verdict {
        Verdict::Accepted | Verdict::Proceed { .. } => {
            json_reply(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
        }
        Verdict::InvalidRequestId => {
            error_reply(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        }
        Verdict::Truncated => error_reply(
            StatusCode::BAD_REQUEST,
            "TruncatedHTTPRequest",
            "HTTP request detected as truncated",
        ),
        Verdict::InvalidTransition { from, to } => error_reply(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            &format!(
                "State transition from {from} to {to} failed for runtime. \
                 Error: State transition is not allowed"
            ),
        ),
        Verdict::TooLarge => error_reply(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!(
                "Exceeded maximum allowed payload size ({} bytes).",
                quotas::SYNCHRONOUS_RESPONSE_BYTES
            ),
        ),
    }
}

fn internal_error() -> Reply {
    error_reply(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "Internal Server Error")
}

fn error_reply(status: StatusCode, error_type: &str, message: &str) -> Reply {
    let message = json!(message);
    let error_type = json!(error_type);
    json_reply(status, format!("{{\"errorMessage\":{message},\"errorType\":{error_type}}}\n"))
}

fn not_found() -> Reply {
    let mut reply = text(StatusCode::NOT_FOUND, "404 page not found\n");
    let headers = reply.headers_mut();
    headers.insert("X-Content-Type-Options", HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}
