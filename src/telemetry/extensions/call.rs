//! What extensions call, and what they are answered. How it goes over HTTP is decided elsewhere, but
//! for the status of a refusal, which is part of AWS's answer.

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::oneshot;
use uuid::Uuid;

/// A call of an extension, as it came. The answer goes back through the channel.
#[derive(Debug)]
pub(crate) enum ExtensionCall {
    /// `POST /extension/register`.
    Register {
        /// `Lambda-Extension-Name`.
        name: String,
        /// The body.
        body: Bytes,
        /// Gets the identifier that the extension calls with from now on.
        answer: ExtensionAnswer<Uuid>,
    },
    /// `GET /extension/event/next`.
    Next {
        /// Who calls.
        identifier: Identifier,
        /// Gets the event, when there is one.
        answer: ExtensionAnswer<ExtensionEvent>,
    },
    /// `POST /extension/init/error` or `/extension/exit/error`.
    Failed {
        /// Who calls.
        identifier: Identifier,
        /// What it reports.
        error: ReportedError,
        /// Gets word that it was taken.
        answer: ExtensionAnswer<()>,
    },
    /// `PUT /telemetry`, or `PUT /logs` of the older API.
    Subscribe {
        /// Who calls.
        identifier: Identifier,
        /// Which of the two it is.
        api: TelemetryApi,
        /// The body.
        body: Bytes,
        /// Gets word that it was taken.
        answer: ExtensionAnswer<()>,
    },
}

impl ExtensionCall {
    /// Whether the caller has hung up.
    #[must_use]
    pub(crate) fn is_abandoned(&self) -> bool {
        match self {
            Self::Register { answer, .. } => answer.is_closed(),
            Self::Next { answer, .. } => answer.is_closed(),
            Self::Failed { answer, .. } | Self::Subscribe { answer, .. } => answer.is_closed(),
        }
    }
}

/// Where the answer to a call goes. An extension that hung up has dropped the other end.
pub(crate) type ExtensionAnswer<T> = oneshot::Sender<Result<T, ExtensionRefusal>>;

/// `Lambda-Extension-Identifier` as it was sent, if it was.
pub(crate) type Identifier = Option<String>;

/// An error that an extension reports of itself.
#[derive(Debug)]
pub(crate) struct ReportedError {
    /// Whether it is about the extension's start or its end.
    pub(crate) phase: ReportedPhase,
    /// `Lambda-Extension-Function-Error-Type`.
    pub(crate) error_type: Option<String>,
}

/// What an extension failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportedPhase {
    /// Its start.
    Init,
    /// Its end.
    Exit,
}

/// Which of AWS's two APIs a subscription is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TelemetryApi {
    /// `2022-07-01/telemetry`.
    Telemetry,
    /// `2020-08-15/logs`, which came before it.
    Logs,
}

/// An event for extensions.
#[derive(Clone, Debug)]
pub(crate) struct ExtensionEvent {
    /// The JSON object that they get.
    pub(crate) json: String,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExtensionRefusal {
    /// 400 for a subscription that isn't valid, and 403 for everything else.
    pub(crate) status: StatusCode,
    /// The error type.
    pub(crate) error_type: &'static str,
    /// The message.
    pub(crate) message: String,
}

impl ExtensionRefusal {
    /// A refusal with status 403.
    #[must_use]
    pub(crate) fn new(error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, error_type, message: message.into() }
    }
}
