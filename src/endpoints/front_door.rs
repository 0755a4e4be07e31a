//! The port that callers know, and the only endpoint that uses the others.
//!
//! The way of one request: it is refused if a web page sent it; [`route`](mod@route) says which API its path
//! belongs to; that API answers.

mod route;

use std::sync::Arc;

use http::header::{ALLOW, ORIGIN};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::json;

use crate::endpoints::cloudwatch_api::CloudWatchApi;
use crate::endpoints::invoke_api::InvokeApi;
use crate::endpoints::management_api::{self, ManagementApi};
use crate::endpoints::plain_api;
use crate::endpoints::request_log::{LoggedEndpoint, RequestLog};
use crate::system::http::host;
use crate::system::http::{DISCARDED_BYTES, Reply, discard, empty, json as json_reply};
use route::{Route, route};

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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
            return Err(refusal(StatusCode::FORBIDDEN, "AccessDeniedException", &reason));
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

/// A web page must not be able to call a developer's function. A page of another origin is recognized
/// by the headers that the browser adds. A page whose host name was rebound to this machine's address
/// (DNS rebinding) is recognized by that host name.
fn may_call<B>(request: &Request<B>, allowed_hosts: &[String]) -> Result<(), String> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        return Err("mtl does not answer web pages: the request has an Origin header.".to_owned());
    }
    if headers.get(&SEC_FETCH_SITE).is_some_and(|site| site == "cross-site") {
        return Err("mtl does not answer web pages of other sites.".to_owned());
    }
    host::check(request, allowed_hosts)
}

fn refusal(status: StatusCode, error_type: &'static str, message: &str) -> Box<Reply> {
    let mut reply = json_reply(status, json!({ "message": message }).to_string());
    reply.headers_mut().insert("x-amzn-ErrorType", HeaderValue::from_static(error_type));
    Box::new(reply)
}
