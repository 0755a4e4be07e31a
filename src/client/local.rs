//! One invocation of a local server: one connection, one request, one response, over plain HTTP/1.1.
//! What the response means is for [`answer`] to say. No type of the AWS SDK is touched here: loading
//! its configuration would take longer than the whole call.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
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

/// The header of the Invoke API, and that of the Runtime API.
static TENANT_HEADERS: [HeaderName; 2] = [
    HeaderName::from_static("x-amz-tenant-id"),
    HeaderName::from_static("lambda-runtime-aws-tenant-id"),
];

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
    let request = RequestHead::new(endpoint, &target, headers).request(input);
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

/// What the requests to one function have in common. A load sends many of them, and makes this once.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    target: Uri,
    headers: HeaderMap,
    /// An endpoint with a path of its own gets both tenant headers: it may be the Swift server, which reads
    /// the Runtime API's, or a gateway, which reads the Invoke API's.
    tenant_headers: &'static [HeaderName],
}

impl RequestHead {
    /// For this target of an endpoint. `given` headers replace those of the same name that mtl would send.
    ///
    /// # Panics
    ///
    /// Never: an endpoint has only what a request may have.
    #[must_use]
    pub(crate) fn new(endpoint: &Endpoint, target: &str, given: &HeaderMap) -> Self {
        let checked = "endpoints are checked to have only what a request may have";
        let host = HeaderValue::from_str(endpoint.authority()).expect(checked);
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for name in given.keys() {
            headers.remove(name);
        }
        headers.extend(given.clone());
        let tenant_headers =
            if endpoint.has_path() { &TENANT_HEADERS[..] } else { &TENANT_HEADERS[..1] };
        Self { target: target.parse().expect(checked), headers, tenant_headers }
    }

    /// The request of an invocation.
    ///
    /// # Panics
    ///
    /// Never: every part was checked to have only characters that a request may have.
    #[must_use]
    pub(crate) fn request(&self, input: InvokeInput) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(input.payload));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        let mut add = |name: &HeaderName, value: &str| {
            if !self.headers.contains_key(name) {
                let value = HeaderValue::from_str(value);
                let value = value.expect("tenant ids and base64 have only what a header may have");
                request.headers_mut().insert(name, value);
            }
        };
        if let Some(tenant_id) = &input.tenant_id {
            self.tenant_headers.iter().for_each(|name| add(name, tenant_id.as_str()));
        }
        if input.invocation_type != InvocationType::RequestResponse {
            let name = HeaderName::from_static("x-amz-invocation-type");
            add(&name, input.invocation_type.as_str());
        }
        if input.log_tail {
            add(&HeaderName::from_static("x-amz-log-type"), "Tail");
        }
        if let Some(context) = &input.client_context {
            add(&HeaderName::from_static("x-amz-client-context"), context);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::RequestHead;
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
        let head = RequestHead::new(&endpoint, &endpoint.target("f"), &headers);
        let request = head.request(input);
        let mut text = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            text += &format!("{name}: {}\n", value.to_str().unwrap());
        }
        text
    }
}
