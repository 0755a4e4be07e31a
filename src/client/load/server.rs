//! The server that a load is put on, here or on AWS, and the connections to it.

use http::HeaderMap;

use crate::client::answer::InvokeAnswer;
use crate::client::aws::LambdaClient;
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::client::keep_alive::KeepAlive;

/// Where a load goes.
#[derive(Debug)]
pub(crate) enum LoadServer {
    /// To a local server.
    Local(Endpoint),
    /// To AWS.
    Aws {
        /// The client.
        lambda: Box<LambdaClient>,
        /// The version or alias.
        qualifier: Option<String>,
    },
}

impl LoadServer {
    /// A new connection for invocations of this function, with these headers.
    #[must_use]
    pub(crate) fn connection(
        &self,
        function_name: &str,
        headers: &HeaderMap,
    ) -> LoadConnection<'_> {
        match self {
            Self::Local(endpoint) => {
                let connection = KeepAlive::new(endpoint.clone(), function_name, headers);
                LoadConnection::Local(Box::new(connection))
            }
            Self::Aws { lambda, qualifier } => LoadConnection::Aws(lambda, qualifier.as_deref()),
        }
    }
}

/// What sends the invocations of a load, one after the other.
pub(crate) enum LoadConnection<'a> {
    /// To a local server.
    Local(Box<KeepAlive>),
    /// To AWS, to this version or alias.
    Aws(&'a LambdaClient, Option<&'a str>),
}

impl LoadConnection<'_> {
    /// Invokes a function, and returns the headers of the response with its answer. The SDK of AWS keeps
    /// the headers to itself, and AWS has none that tell environments apart.
    ///
    /// # Errors
    ///
    /// When there is no answer of the function.
    pub(crate) async fn invoke(
        &mut self,
        input: InvokeInput,
    ) -> Result<(HeaderMap, InvokeAnswer), InvokeError> {
        match self {
            Self::Local(connection) => {
                let (head, answer) = connection.invoke(input).await?;
                Ok((head.headers, answer))
            }
            Self::Aws(lambda, qualifier) => {
                let answer = lambda.invoke(input, qualifier.map(str::to_owned)).await?;
                Ok((HeaderMap::new(), answer))
            }
        }
    }
}
