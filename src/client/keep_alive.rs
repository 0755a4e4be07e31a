//! Invocations of a local server one after the other on one connection, for loads: a new connection
//! for each would add to the latencies that a load measures.

use http::HeaderMap;
use http::response::Parts;

use crate::client::answer::{self, InvokeAnswer};
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::client::local::{ANSWER_TIMEOUT, RequestHead, connect, no_answer};
use crate::lambda::invocation_type::InvocationType;
use crate::system::http::call::ClientConnection;

/// A connection that is kept, and made anew when it has to be.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    endpoint: Endpoint,
    head: RequestHead,
    connection: Option<ClientConnection>,
}

impl KeepAlive {
    /// For invocations of this function, with these headers. Nothing is connected yet.
    #[must_use]
    pub(crate) fn new(endpoint: Endpoint, function_name: &str, headers: &HeaderMap) -> Self {
        let head = RequestHead::new(&endpoint, &endpoint.target(function_name), headers);
        Self { endpoint, head, connection: None }
    }

    /// Invokes the function, and returns the head of the response with its answer.
    ///
    /// # Errors
    ///
    /// As [`crate::client::local::invoke`]. The next invocation connects anew where it has to.
    pub(crate) async fn invoke(
        &mut self,
        input: InvokeInput,
    ) -> Result<(Parts, InvokeAnswer), InvokeError> {
        let request = self.head.request(input);
        let mut connection = match self.connection.take() {
            Some(connection) if connection.is_ready() => connection,
            _ => connect(&self.endpoint).await?,
        };
        let response = connection.call(request, ANSWER_TIMEOUT).await;
        let response = response.map_err(|error| no_answer(&self.endpoint, error))?;
        let (head, body) = response.into_parts();
        // It may be used again once the body was read to its end.
        if connection.becomes_ready().await {
            self.connection = Some(connection);
        }
        let answer = answer::read(&head, body, InvocationType::RequestResponse)?;
        Ok((head, answer))
    }
}
