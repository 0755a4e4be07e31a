//! Invocations of a local server one after the other on one connection, for loads: what the client costs
//! is not what is to be measured. Knows no tenants and no figures.

use bytes::Bytes;
use http::HeaderMap;
use http::response::Parts;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::client::answer::{self, Answer};
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::client::local::{connect, interrupted, request};
use crate::lambda::invocation_type::InvocationType;

/// A connection that is kept, and made anew when it has to be.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    endpoint: Endpoint,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl KeepAlive {
    /// Nothing is connected yet.
    #[must_use]
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, sender: None }
    }

    /// Invokes a function, and returns the head of the response with its answer.
    ///
    /// # Errors
    ///
    /// As [`crate::client::local::invoke`]. The next invocation connects anew where it has to.
    pub(crate) async fn invoke(
        &mut self,
        input: InvokeInput,
        headers: &HeaderMap,
    ) -> Result<(Parts, Answer), InvokeError> {
        let target = self.endpoint.target(&input.function_name);
        let request = request(&self.endpoint, &target, input, headers);
        let mut sender = match self.sender.take() {
            Some(sender) if sender.is_ready() => sender,
            _ => self.connect().await?,
        };
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| interrupted(&self.endpoint, error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| interrupted(&self.endpoint, error))?;
        // It may be used again once the body was read to its end.
        if sender.ready().await.is_ok() {
            self.sender = Some(sender);
        }
        let answer = answer::read(&head, body.to_bytes(), InvocationType::RequestResponse)?;
        Ok((head, answer))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, InvokeError> {
        let endpoint = self.endpoint.to_string();
        let stream = connect(&self.endpoint)
            .await
            .map_err(|source| InvokeError::Unreachable { endpoint, source })?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| interrupted(&self.endpoint, error))?;
        // It ends with its sender, and its error is the one that the request returns.
        tokio::spawn(connection);
        Ok(sender)
    }
}
