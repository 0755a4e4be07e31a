//! What a runtime and its extensions call, as messages to their environment.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::environment::lifecycle::events::{ResponseBody, Verdict};
use crate::environment::runtime_api::next::Poll;
use crate::lambda::invocation::failure::Failure;
use crate::system::http::Connection;
use crate::telemetry::extensions::ExtensionCall;

/// What the runtime asks of its environment. The answer goes back through the channel; a runtime
/// that hung up has dropped the other end.
#[derive(Debug)]
pub(crate) enum RuntimeCall {
    /// `GET /runtime/invocation/next`.
    Next(Poll),
    /// `POST /runtime/invocation/{id}/response` in the streaming mode, before its body is read; the
    /// body comes through the channel.
    StreamStarted(Post, mpsc::Receiver<Bytes>),
    /// `POST /runtime/invocation/{id}/response`, read to its end.
    Response(Post, ResponseBody),
    /// `POST /runtime/invocation/{id}/error`.
    Error(Post, Failure),
    /// `POST /runtime/init/error`.
    InitError(Failure, oneshot::Sender<Verdict>),
    /// A call of an extension.
    Extension(ExtensionCall),
}

/// A POST about an invocation.
#[derive(Debug)]
pub(crate) struct Post {
    /// The request id that it names.
    pub(crate) id: Uuid,
    /// What it came on.
    pub(crate) connection: Connection,
    /// Where its answer goes.
    pub(crate) verdict: oneshot::Sender<Verdict>,
}

impl RuntimeCall {
    /// Whether the caller has hung up.
    #[must_use]
    pub(crate) fn is_abandoned(&self) -> bool {
        match self {
            Self::Next(poll) => poll.is_abandoned(),
            Self::StreamStarted(post, _) | Self::Response(post, _) | Self::Error(post, _) => {
                post.verdict.is_closed()
            }
            Self::InitError(_, verdict) => verdict.is_closed(),
            Self::Extension(call) => call.is_abandoned(),
        }
    }
}

/// The way of calls to the environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct CallSender(pub(crate) mpsc::Sender<RuntimeCall>);

impl CallSender {
    /// Passes a call on, once the environment has taken those before it.
    pub(crate) async fn send(&self, call: RuntimeCall) {
        // An environment that is gone drops the call, and with it the channel of its answer.
        let _ = self.0.send(call).await;
    }
}
