//! The Extensions API, the Telemetry API and the Logs API on the Runtime API's address: turns their
//! HTTP into [`ExtensionCall`] messages and the answers into HTTP.

use std::future::pending;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::environment::lifecycle::events::Verdict;
use crate::environment::runtime_api::calls::{CallSender, RuntimeCall};
use crate::environment::runtime_api::replies::{error_reply, internal_error, verdict_reply};
use crate::lambda::function::{Function, LATEST};
use crate::lambda::quotas;
use crate::system::http::{Reply, RequestBody, json as json_reply, read};
use crate::system::random::random_uuid;
use crate::telemetry::extensions::{
    ExtensionAnswer, ExtensionCall, ExtensionRefusal, Identifier, ReportedError, ReportedPhase,
    TelemetryApi,
};

/// The resources of these APIs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExtensionRoute {
    /// `POST /extension/register`.
    Register,
    /// `GET /extension/event/next`.
    Next,
    /// `POST /extension/init/error` and `/extension/exit/error`.
    Failed(ReportedPhase),
    /// `PUT /telemetry` and `/logs`.
    Subscribe(TelemetryApi),
}

impl ExtensionRoute {
    /// The resource at this path.
    #[must_use]
    pub(crate) fn parse(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["2020-01-01", "extension", "register"] => Self::Register,
            ["2020-01-01", "extension", "event", "next"] => Self::Next,
            ["2020-01-01", "extension", "init", "error"] => Self::Failed(ReportedPhase::Init),
            ["2020-01-01", "extension", "exit", "error"] => Self::Failed(ReportedPhase::Exit),
            ["2022-07-01", "telemetry"] => Self::Subscribe(TelemetryApi::Telemetry),
            ["2020-08-15", "logs"] => Self::Subscribe(TelemetryApi::Logs),
            _ => return None,
        })
    }

    /// The one method that it allows.
    #[must_use]
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Next => Method::GET,
            Self::Register | Self::Failed(_) => Method::POST,
            Self::Subscribe(_) => Method::PUT,
        }
    }
}

/// Answers requests of extensions.
#[derive(Debug)]
pub(crate) struct ExtensionRoutes {
    function_name: String,
    account_id: String,
    handler: String,
    calls: CallSender,
}

impl ExtensionRoutes {
    /// The API of an environment of this function, which gets the calls.
    #[must_use]
    pub(crate) fn new(function: &Function, calls: CallSender) -> Self {
        Self {
            function_name: function.name.clone(),
            account_id: function.owner.account_id.clone(),
            handler: function.handler().to_string_lossy().into_owned(),
            calls,
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, route: ExtensionRoute, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let identifier = text(&head.headers, "Lambda-Extension-Identifier");
        match route {
            ExtensionRoute::Register => self.register(&head.headers, body_of(body).await).await,
            ExtensionRoute::Next => self.event(identifier).await,
            ExtensionRoute::Failed(phase) => {
                let error_type = text(&head.headers, "Lambda-Extension-Function-Error-Type");
                let error = ReportedError { phase, error_type };
                let failed = |answer| ExtensionCall::Failed { identifier, error, answer };
                self.reply(failed, |()| verdict_reply(Verdict::Accepted)).await
            }
            ExtensionRoute::Subscribe(api) => {
                let body = body_of(body).await;
                let subscribe = |answer| ExtensionCall::Subscribe { identifier, api, body, answer };
                self.reply(subscribe, |()| json_reply(StatusCode::OK, "\"OK\"")).await
            }
        }
    }

    async fn register(&self, headers: &HeaderMap, body: Bytes) -> Reply {
        let name = text(headers, "Lambda-Extension-Name").unwrap_or_default();
        let accepted = text(headers, "Lambda-Extension-Accept-Feature").unwrap_or_default();
        let tells_account = accepted.split(',').any(|feature| feature.trim() == "accountId");
        let register = |answer| ExtensionCall::Register { name, body, answer };
        self.reply(register, |id: Uuid| {
            let mut registered = json!({
                "functionName": self.function_name,
                "functionVersion": LATEST,
                "handler": self.handler,
            });
            if tells_account {
                registered["accountId"] = json!(self.account_id);
            }
            let mut reply = json_reply(StatusCode::OK, registered.to_string());
            set(&mut reply, "Lambda-Extension-Identifier", &id.to_string());
            reply
        })
        .await
    }

    async fn event(&self, identifier: Identifier) -> Reply {
        let next = |answer| ExtensionCall::Next { identifier, answer };
        match self.ask_extensions(next).await {
            Some(Ok(event)) => {
                let mut reply = json_reply(StatusCode::OK, event.json);
                set(&mut reply, "Lambda-Extension-Event-Identifier", &random_uuid().to_string());
                reply
            }
            Some(Err(refused)) => refusal(&refused),
            // Another poll took this one's place, or the environment has ended.
            None => pending().await,
        }
    }

    async fn reply<T>(
        &self,
        call: impl FnOnce(ExtensionAnswer<T>) -> ExtensionCall,
        done: impl FnOnce(T) -> Reply,
    ) -> Reply {
        match self.ask_extensions(call).await {
            Some(Ok(answer)) => done(answer),
            Some(Err(refused)) => refusal(&refused),
            None => internal_error(),
        }
    }

    async fn ask_extensions<T>(
        &self,
        call: impl FnOnce(ExtensionAnswer<T>) -> ExtensionCall,
    ) -> Option<Result<T, ExtensionRefusal>> {
        let (answer, answered) = oneshot::channel();
        self.calls.send(RuntimeCall::Extension(call(answer))).await;
        answered.await.ok()
    }
}

async fn body_of(body: Incoming) -> Bytes {
    match read(body, quotas::SYNCHRONOUS_REQUEST_BYTES, u64::MAX).await {
        RequestBody::Complete(body) => body,
        RequestBody::TooLarge(_) | RequestBody::Truncated => Bytes::new(),
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn set(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn refusal(refused: &ExtensionRefusal) -> Reply {
    error_reply(refused.status, refused.error_type, &refused.message)
}
