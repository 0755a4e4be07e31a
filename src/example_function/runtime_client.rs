//! The client side of the Runtime API, as a custom runtime would write it: one connection, one
//! invocation at a time.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::request::Builder;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use thiserror::Error;

use crate::system::http::call::{CallError, ClientConnection};

/// The next event may be long in coming: Lambda ends the environment, and with it the connection, when
/// none will come.
const UNTIL_THE_NEXT_EVENT: Duration = Duration::MAX;

/// How long Lambda may take to acknowledge an answer.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);

/// A connection to the Runtime API of this execution environment.
///
/// The connection is never opened again: when Lambda closes it, the environment is over.
#[derive(Debug)]
pub(crate) struct RuntimeApiClient {
    address: String,
    connection: ClientConnection,
}

/// One invocation, as the Runtime API delivers it.
#[derive(Debug)]
pub(crate) struct DeliveredEvent {
    /// Names the invocation in the answer to it.
    pub(crate) request_id: String,
    /// The tenant that the invocation is for. Absent in an ordinary function.
    pub(crate) tenant_id: Option<String>,
    /// The `Lambda-Runtime-DeliveredEvent-Id`: names this delivery of the event, and is sent back with
    /// the answer.
    nonce: Option<String>,
    /// What the caller sent.
    pub(crate) event: Bytes,
}

/// Why the Runtime API can't be used any longer.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// The system has no means left to wait for I/O.
    #[error("failed to start")]
    Start(#[source] io::Error),
    /// Nothing listens there, or it is no address.
    #[error("failed to connect to the Runtime API at `{address}`")]
    Connect {
        /// The value of `AWS_LAMBDA_RUNTIME_API`.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or what came over it was no HTTP.
    #[error("failed to talk to the Runtime API")]
    Connection(#[from] CallError),
    /// A part of a request can't be written as HTTP: the address or an identifier is malformed.
    #[error("failed to write a request to the Runtime API")]
    Request(#[from] http::Error),
    /// Lambda refused to hand out an event, or handed out one that can't be answered.
    #[error("failed to get an event: status `{0}`")]
    NoEvent(StatusCode),
}

impl RuntimeApiClient {
    /// Connects to `address`, the host and port in `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    ///
    /// When nothing listens there.
    pub(crate) async fn connect(address: String) -> Result<Self, ClientError> {
        let connection = ClientConnection::connect(&address).await;
        let connection = connection.map_err(|error| match error {
            CallError::Connect(source) => ClientError::Connect { address: address.clone(), source },
            error => ClientError::Connection(error),
        })?;
        Ok(Self { address, connection })
    }

    /// Waits for the next event, for as long as it takes.
    ///
    /// # Errors
    ///
    /// When the connection breaks or the answer is no event.
    pub(crate) async fn next(&mut self) -> Result<DeliveredEvent, ClientError> {
        let request = self.request(Method::GET, "next").body(Full::default())?;
        let response = self.connection.call(request, UNTIL_THE_NEXT_EVENT).await?;
        let status = response.status();
        let headers = response.headers();
        let Some(request_id) = text(headers, "lambda-runtime-aws-request-id") else {
            return Err(ClientError::NoEvent(status));
        };
        Ok(DeliveredEvent {
            request_id,
            tenant_id: text(headers, "lambda-runtime-aws-tenant-id"),
            nonce: text(headers, "lambda-runtime-invocation-id"),
            event: response.into_body(),
        })
    }

    /// Answers an invocation. The status is 202 unless Lambda refused the answer.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub(crate) async fn respond(
        &mut self,
        invocation: &DeliveredEvent,
        body: String,
    ) -> Result<StatusCode, ClientError> {
        let request = self.answer(invocation, "response").body(body.into())?;
        self.post(request).await
    }

    /// Says that an invocation failed. The status is 202 unless Lambda refused to hear it.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub(crate) async fn fail(
        &mut self,
        invocation: &DeliveredEvent,
        error_type: &str,
        body: String,
    ) -> Result<StatusCode, ClientError> {
        let request = self
            .answer(invocation, "error")
            .header("lambda-runtime-function-error-type", error_type)
            .body(body.into())?;
        self.post(request).await
    }

    async fn post(&mut self, request: Request<Full<Bytes>>) -> Result<StatusCode, ClientError> {
        Ok(self.connection.call(request, ACKNOWLEDGED_WITHIN).await?.status())
    }

    fn answer(&self, invocation: &DeliveredEvent, kind: &str) -> Builder {
        let request = self
            .request(Method::POST, &format!("{}/{kind}", invocation.request_id))
            .header(CONTENT_TYPE, "application/json");
        match &invocation.nonce {
            Some(nonce) => request.header("lambda-runtime-invocation-id", nonce),
            None => request,
        }
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("/2018-06-01/runtime/invocation/{path}"))
            .header(HOST, &self.address)
            .header(USER_AGENT, concat!("mtl-example-function/", env!("CARGO_PKG_VERSION")))
    }
}

/// The value of a header that is there, isn't empty and is text.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}
