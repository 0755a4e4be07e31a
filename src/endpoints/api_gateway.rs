//! API Gateway in front of functions: a REST API with Lambda proxy integrations, as it was deployed to
//! one stage. It must not know templates.
//!
//! The way of one request through the modules, in order:
//!
//! 1. [`api`] finds the method for it, by the path of its [`resource`].
//! 2. [`received`] is the request with its body; [`method_request`] makes of it what the method sees,
//!    with its [`request_context`].
//! 3. [`authorize`] asks the [`authorizer`], unless the [`grant_cache`] still has its [`grant`], which
//!    permits or denies the request.
//! 4. `method_request` checks that the parameters are there that the method requires.
//! 5. [`integration`] makes the call of the function: [`evaluate`] takes from the request what each
//!    [`mapping`] names, the tenant id among it, and [`event`] forms the event.
//! 6. [`function_call`] runs the function in Lambda's data plane.
//! 7. [`answer`] turns what the function returned into the reply.
//!
//! Whatever ends this way early is a [`refusal`], with API Gateway's status and text. A new check of
//! requests belongs between 3 and 5, a new kind of integration beside 5.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

mod refusal;

pub(crate) mod mapping;
pub(crate) mod resource;

pub(crate) mod authorizer;

pub(crate) mod api;

mod received;

mod method_request;

mod request_context;

mod evaluate;

mod event;

mod function_call;

mod grant;

mod grant_cache;

mod authorize;

mod answer;

mod integration;

use std::sync::Arc;

use http::{HeaderValue, Request};
use hyper::body::Incoming;
use uuid::Uuid;

use crate::data_plane::functions::Functions;
use crate::endpoints::request_log::{LoggedEndpoint, RequestLog};
use crate::environment::advice::{Advice, Adviser};
use crate::lambda::quotas;
use crate::system::http::{DISCARDED_BYTES, Peer, Reply, RequestBody, discard, host, read};
use crate::system::random::random_uuid;
use api::{ApiMethod, Integration, RestApi};
use authorize::Authorization;
use method_request::MethodRequest;
use received::Received;
use refusal::GatewayRefusal;

/// What stands between callers and functions. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct ApiGateway(Arc<Deployed>);

#[derive(Debug)]
struct Deployed {
    api: RestApi,
    /// The functions that its integrations name.
    functions: Functions,
    allowed_hosts: Vec<String>,
    adviser: Adviser,
    authorization: Authorization,
}

impl ApiGateway {
    /// An API whose integrations run these functions. A request's `Host` must name this machine, or be one
    /// of the allowed hosts. The adviser tells the user the reasons that callers don't see.
    #[must_use]
    pub(crate) fn new(
        api: RestApi,
        functions: Functions,
        allowed_hosts: Vec<String>,
        adviser: Adviser,
    ) -> Self {
        let authorization = Authorization::new(functions.clone());
        Self(Arc::new(Deployed { api, functions, allowed_hosts, adviser, authorization }))
    }

    /// Answers one request.
    pub(crate) async fn answer(self, mut request: Request<Incoming>, peer: Peer) -> Reply {
        request.extensions_mut().insert(peer);
        let request_id = random_uuid();
        let mut log = RequestLog::begin(LoggedEndpoint::ApiGateway, &request);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let mut reply = match self.0.answer(request, request_id, &mut log).await {
            Ok(reply) => reply,
            Err(refusal) => {
                if let Some(reason) = refusal.hidden() {
                    let status = refusal.reply().status().as_u16();
                    let request = format!("{method} {} ({status})", uri.path());
                    self.0.adviser.tell(Advice::ApiFailed { request, reason });
                }
                refusal.reply()
            }
        };
        identify(&mut reply, request_id);
        log.end(reply.status());
        reply
    }
}

impl Deployed {
    async fn answer(
        &self,
        request: Request<Incoming>,
        request_id: Uuid,
        log: &mut RequestLog,
    ) -> Result<Reply, GatewayRefusal> {
        let (method, received) = self.receive(request, request_id).await?;
        let mut request = MethodRequest::new(&self.api, method, received);
        self.authorization.authorize(&mut request).await?;
        request.check_required()?;
        let lambda = match &method.integration {
            Integration::Lambda(lambda) => lambda,
            Integration::Fixed(response) => return Ok(integration::fixed(response)),
        };
        let call = integration::call(lambda, &request)?;
        log.set_tenant(call.tenant_id.as_ref());
        let completed = call.run(&self.functions).await?;
        integration::reply(&request, &completed)
    }

    /// Finds the method for a request, and reads the request to its end.
    async fn receive(
        &self,
        request: Request<Incoming>,
        id: Uuid,
    ) -> Result<(&ApiMethod, Received), GatewayRefusal> {
        let found = host::check(&request, &self.allowed_hosts)
            .map_err(GatewayRefusal::Host)
            .and_then(|()| self.api.find(request.method(), request.uri().path()));
        let (method, place) = match found {
            Ok(found) => found,
            Err(refusal) => {
                // A caller that is still sending would see a reset instead of the answer.
                discard(request.into_body(), DISCARDED_BYTES).await;
                return Err(refusal);
            }
        };
        let (head, body) = request.into_parts();
        let body = match read(body, quotas::API_REQUEST_BYTES, DISCARDED_BYTES).await {
            RequestBody::Complete(body) => body,
            RequestBody::TooLarge(_) => return Err(GatewayRefusal::TooLarge),
            RequestBody::Truncated => return Err(GatewayRefusal::BadRequest),
        };
        Ok((method, Received { head, body, place, id }))
    }
}

/// Sets both headers in which API Gateway names a request.
fn identify(reply: &mut Reply, request_id: Uuid) {
    let id = request_id.to_string();
    let headers = reply.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-RequestId", value);
    }
    if let Ok(value) = HeaderValue::from_str(&request_context::extended_request_id(request_id)) {
        headers.insert("x-amz-apigw-id", value);
    }
}
