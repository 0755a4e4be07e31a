//! One invocation of a local server: one connection, one request, one response, over plain HTTP/1.1.
//! What the response means is for [`answer`] to say. No type of the AWS SDK is touched here: loading
//! its configuration would take longer than the whole call.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::client::answer::{self, InvokeAnswer};
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::lambda::invocation_type::InvocationType;
use crate::system::http::call::{CallError, ClientConnection};

/// How long an answer may take, and how long a streamed one may pause. It is long because the server
/// ends a function at its timeout, and because a person may be debugging the function: it only ends
/// calls that were forgotten.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_hours(24);

/// Invokes a function of the server at `endpoint` and waits for its answer, for
/// [`ANSWER_TIMEOUT`] at most. `headers` replace those of the same name that mtl would send.
///
/// # Errors
///
/// When the server can't be reached, ends the connection early, or gives no answer of the function.
pub(crate) async fn invoke(
    endpoint: &Endpoint,
    input: InvokeInput,
    headers: &HeaderMap,
) -> Result<InvokeAnswer, InvokeError> {
    let invocation_type = input.invocation_type;
    let target = endpoint.target(&input.function_name);
    let request = request(endpoint, &target, input, headers);
    let response = connect(endpoint).await?.call(request, ANSWER_TIMEOUT).await;
    let (head, body) = response.map_err(|error| no_answer(endpoint, error))?.into_parts();
    answer::read(&head, body, invocation_type)
}

/// Sends a request on a connection of its own and waits for the head of the response.
///
/// # Errors
///
/// When the server can't be reached, or ends the connection early.
pub(crate) async fn send(
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, InvokeError> {
    let response = connect(endpoint).await?.call_for_head(request, ANSWER_TIMEOUT).await;
    response.map_err(|error| no_answer(endpoint, error))
}

/// Connects to the server.
///
/// # Errors
///
/// When it can't be reached.
pub(crate) async fn connect(endpoint: &Endpoint) -> Result<ClientConnection, InvokeError> {
    let connection = ClientConnection::connect((endpoint.host(), endpoint.port())).await;
    connection.map_err(|error| no_answer(endpoint, error))
}

/// The error for a call that failed: the server can't be reached, or gave no complete answer.
#[must_use]
pub(crate) fn no_answer(endpoint: &Endpoint, error: CallError) -> InvokeError {
    let endpoint = endpoint.to_string();
    match error {
        CallError::Connect(source) => InvokeError::Unreachable { endpoint, source },
        source => InvokeError::Interrupted { endpoint, source },
    }
}

/// The request of an invocation. An endpoint with a path of its own gets both tenant headers: it may be
/// the Swift server, which reads the Runtime API's, or a gateway, which reads the Invoke API's.
///
/// # Panics
///
/// Never: every part was checked to have only characters that a request may have.
#[must_use]
pub(crate) fn request(
    endpoint: &Endpoint,
    target: &str,
    input: InvokeInput,
    headers: &HeaderMap,
) -> Request<Full<Bytes>> {
    let mut request = Request::post(target)
        .header(HOST, endpoint.authority())
        .header(CONTENT_TYPE, "application/json");
    if let Some(tenant_id) = &input.tenant_id {
        request = request.header("x-amz-tenant-id", tenant_id.as_str());
        if endpoint.has_path() {
            request = request.header("lambda-runtime-aws-tenant-id", tenant_id.as_str());
        }
    }
    if input.invocation_type != InvocationType::RequestResponse {
        request = request.header("x-amz-invocation-type", input.invocation_type.as_str());
    }
    if input.log_tail {
        request = request.header("x-amz-log-type", "Tail");
    }
    if let Some(context) = &input.client_context {
        request = request.header("x-amz-client-context", context);
    }
    let mut request = request
        .body(Full::new(input.payload))
        .expect("endpoints and tenant ids are checked to have only what a request may have");
    for name in headers.keys() {
        request.headers_mut().remove(name);
    }
    for (name, value) in headers {
        request.headers_mut().append(name, value.clone());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::client::endpoint::Endpoint;
    use crate::client::input::InvokeInput;
    use crate::lambda::invocation_type::InvocationType;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    #[test]
    fn the_route_of_aws_gets_the_tenant_header_of_aws() {
        assert_eq!(
            sent("http://127.0.0.1:7000", &[]),
            "POST /2015-03-31/functions/f/invocations\n\
             host: 127.0.0.1:7000\ncontent-type: application/json\nx-amz-tenant-id: -a b\n"
        );
    }

    #[test]
    fn a_path_of_its_own_gets_both_tenant_headers() {
        assert_eq!(
            sent("http://h/invoke", &[]),
            "POST /invoke\nhost: h\ncontent-type: application/json\n\
             x-amz-tenant-id: -a b\nlambda-runtime-aws-tenant-id: -a b\n"
        );
    }

    #[test]
    fn given_headers_replace_the_own_ones() {
        let given = [("x-amz-tenant-id", "bob"), ("x-a", "1"), ("x-a", "2"), ("host", "evil")];
        assert_eq!(
            sent("http://h", &given),
            "POST /2015-03-31/functions/f/invocations\n\
             content-type: application/json\nx-amz-tenant-id: bob\nx-a: 1\nx-a: 2\nhost: evil\n"
        );
    }

    fn sent(endpoint: &str, given: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let input = InvokeInput {
            function_name: "f".to_owned(),
            tenant_id: Some("-a b".parse().unwrap()),
            payload: Bytes::new(),
            invocation_type: InvocationType::RequestResponse,
            log_tail: false,
            client_context: None,
        };
        let endpoint: Endpoint = endpoint.parse().unwrap();
        let request = request(&endpoint, &endpoint.target("f"), input, &headers);
        let mut text = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
        text
    }
}
