//! The port that callers know: who may call at all, and which API a path belongs to.

use std::sync::Arc;

use http::header::{ALLOW, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::endpoints::cloudwatch_api::CloudWatchApi;
use crate::endpoints::cloudwatch_api::wire::Protocol;
use crate::endpoints::invoke_api::InvokeApi;
use crate::endpoints::management_api::operation::{self, Operation};
use crate::endpoints::management_api::{self, ManagementApi};
use crate::endpoints::plain_api;
use crate::endpoints::request_log::{LoggedEndpoint, RequestLog};
use crate::system::http::host;
use crate::system::http::{
    DISCARDED_BYTES, Reply, discard, empty, json as json_reply, path_parameter,
};

/// What is behind the port. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct FrontDoor {
    invoke_api: InvokeApi,
    management: ManagementApi,
    cloudwatch: CloudWatchApi,
    settings: Arc<FrontDoorSettings>,
}

/// How the port is set up.
#[derive(Clone, Debug)]
pub(crate) struct FrontDoorSettings {
    /// The path of the plain route.
    pub(crate) invocation_endpoint: String,
    /// Host names that may call, besides addresses and this machine's own name for itself.
    pub(crate) allowed_hosts: Vec<String>,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// Invoke of the function with this name.
    Invoke(String),
    /// `InvokeWithResponseStream` of the function with this name.
    InvokeWithResponseStream(String),
    /// An operation that tells what is served.
    Management(Operation),
    Plain,
    /// An operation of CloudWatch.
    CloudWatch(Protocol),
    /// Any other operation of the Lambda API.
    NotEmulated,
}

impl FrontDoor {
    /// The port that leads to these APIs.
    #[must_use]
    pub(crate) fn new(
        invoke_api: InvokeApi,
        management: ManagementApi,
        cloudwatch: CloudWatchApi,
        settings: FrontDoorSettings,
    ) -> Self {
        Self { invoke_api, management, cloudwatch, settings: Arc::new(settings) }
    }

    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Reply {
        let log = RequestLog::begin(LoggedEndpoint::FrontDoor, &request);
        let reply = match self.route(&request) {
            Ok(route) => self.enter(route, request).await,
            Err(refusal) => {
                // A caller that is still sending would see a reset instead of the answer.
                discard(request.into_body(), DISCARDED_BYTES).await;
                *refusal
            }
        };
        log.end(reply.status());
        reply
    }

    fn route(&self, request: &Request<Incoming>) -> Result<Route, Box<Reply>> {
        if let Err(reason) = may_call(request, &self.settings.allowed_hosts) {
            return refuse(StatusCode::FORBIDDEN, "AccessDeniedException", &reason);
        }
        let (path, plain) = (request.uri().path(), &self.settings.invocation_endpoint);
        let Some(route) = route(request.method(), path, request.headers(), plain) else {
            return Err(self.not_served(path));
        };
        let any_method = matches!(route, Route::Management(_) | Route::NotEmulated);
        if !any_method && request.method() != Method::POST {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return Err(Box::new(reply));
        }
        Ok(route)
    }

    fn not_served(&self, path: &str) -> Box<Reply> {
        let message = format!(
            "{path} is not served. mtl serves POST /2015-03-31/functions/{}/invocations and POST {}.",
            self.invoke_api.functions.first().function().name,
            self.settings.invocation_endpoint
        );
        refusal(StatusCode::NOT_FOUND, "UnknownOperationException", &message)
    }

    async fn enter(self, route: Route, request: Request<Incoming>) -> Reply {
        match route {
            Route::Invoke(name) => self.invoke_api.invoke(name, request).await,
            Route::InvokeWithResponseStream(name) => {
                self.invoke_api.invoke_with_response_stream(name, request).await
            }
            Route::Management(operation) => {
                self.management.answer(&operation, request.uri().query())
            }
            Route::Plain => {
                let data_plane = self.invoke_api.functions.first().data_plane.clone();
                plain_api::invoke(data_plane, request).await
            }
            Route::CloudWatch(protocol) => match self.cloudwatch.answer(protocol, request).await {
                Some(reply) => reply,
                None => *self.not_served("/"),
            },
            Route::NotEmulated => management_api::refuse(request).await,
        }
    }
}

/// AWS's route wins where both have the same path: whoever sets it wants AWS's answers.
fn route(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    invocation_endpoint: &str,
) -> Option<Route> {
    if let Some(name) = path_parameter(path, "/2015-03-31/functions/", "/invocations") {
        return Some(Route::Invoke(name));
    }
    let streaming = "/response-streaming-invocations";
    if let Some(name) = path_parameter(path, "/2021-11-15/functions/", streaming) {
        return Some(Route::InvokeWithResponseStream(name));
    }
    if let Some(operation) = operation::operation(method, path) {
        return Some(Route::Management(operation));
    }
    if path == invocation_endpoint {
        return Some(Route::Plain);
    }
    if let Some(protocol) = Protocol::for_request(method, path, headers) {
        return Some(Route::CloudWatch(protocol));
    }
    operation::is_lambda_api(path).then_some(Route::NotEmulated)
}

/// A web page must not be able to call a developer's function. A page of another origin is recognized
/// by the headers that the browser adds. A page whose host name was rebound to this machine's address
/// (DNS rebinding) is recognized by that host name.
fn may_call<B>(request: &Request<B>, allowed_hosts: &[String]) -> Result<(), String> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        return Err("mtl does not answer web pages: the request has an Origin header.".to_owned());
    }
    if headers.get("Sec-Fetch-Site").is_some_and(|site| site == "cross-site") {
        return Err("mtl does not answer web pages of other sites.".to_owned());
    }
    host::check(request, allowed_hosts)
}

fn refuse(
    status: StatusCode,
    error_type: &'static str,
    message: &str,
) -> Result<Route, Box<Reply>> {
    Err(refusal(status, error_type, message))
}

fn refusal(status: StatusCode, error_type: &'static str, message: &str) -> Box<Reply> {
    let mut reply = json_reply(status, json!({ "message": message }).to_string());
    reply.headers_mut().insert("x-amzn-ErrorType", HeaderValue::from_static(error_type));
    Box::new(reply)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::{Route, route};
    use crate::endpoints::management_api::operation::Operation;

    #[test]
    fn paths_lead_to_their_api() {
        let route = |path, endpoint| route(&Method::POST, path, &HeaderMap::new(), endpoint);
        let invoke = |name: &str| Some(Route::Invoke(name.to_owned()));
        assert_eq!(route("/2015-03-31/functions/f/invocations", "/invoke"), invoke("f"));
        assert_eq!(route("/2015-03-31/functions/a%3Ab/invocations", "/invoke"), invoke("a:b"));
        let both = "/2015-03-31/functions/function/invocations";
        assert_eq!(route(both, both), invoke("function"));
        assert_eq!(route("/invoke", "/invoke"), Some(Route::Plain));
        for unknown in ["/", "/invoke/", "/x/invoke", "/2018-06-01/runtime/invocation/next"] {
            assert_eq!(route(unknown, "/invoke"), None, "{unknown}");
        }
    }

    #[test]
    fn what_only_tells_is_answered_and_what_would_change_something_is_not() {
        let route =
            |method: &Method, path, endpoint| route(method, path, &HeaderMap::new(), endpoint);
        let function = "/2015-03-31/functions/f";
        let get = Some(Route::Management(Operation::GetFunction("f".to_owned())));
        assert_eq!(route(&Method::GET, function, "/invoke"), get);
        assert_eq!(route(&Method::DELETE, function, "/invoke"), Some(Route::NotEmulated));
        assert_eq!(route(&Method::POST, function, function), Some(Route::Plain));
        for mistyped in
            ["/2015-03-31/functions//invocations", "/2015-03-31/functions/f/invocations/"]
        {
            assert_eq!(route(&Method::POST, mistyped, "/invoke"), None, "{mistyped}");
        }
    }
}
