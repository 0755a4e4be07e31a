//! API Gateway in front of functions: a REST API with Lambda proxy integrations, as it was deployed to
//! one stage. It must not know templates.
//!
//! The way of one request: [`api`] finds the method by its [`resource`]; [`method_request`] reads
//! the request as that method sees it; the [`authorizer`] is asked, and its answer kept, in
//! [`grant`]; required parameters are checked; [`evaluate`] takes what the [`mapping`] names, the
//! tenant id among it; [`event`] forms the event; the function runs; [`answer`] turns what it
//! returned into the reply. Whatever ends this way early is a [`refusal`].
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

mod answer;
pub(crate) mod api;
pub(crate) mod authorizer;
mod evaluate;
mod event;
mod grant;
pub(crate) mod mapping;
mod method_request;
mod refusal;
pub(crate) mod resource;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;
use tokio::time::timeout;
use uuid::Uuid;

use crate::data_plane::functions::Functions;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::reply::{refuse_service_failure, set_environment};
use crate::endpoints::lambda_api::tenant;
use crate::endpoints::request_log::RequestLog;
use crate::environment::advice::{Advice, Adviser};
use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{self, Completed, Invocation, Outcome, ResponseMode};
use crate::lambda::quotas;
use crate::system::http::{
    DISCARDED_BYTES, Reply, RequestBody, discard, host, json as json_reply, read,
};
use answer::Accepts;
use api::{ApiMethod, FixedResponse, Integration, LambdaIntegration, RestApi};
use authorizer::Authorizer;
use evaluate::Mapped;
use grant::{Grant, Grants};
use method_request::{MethodRequest, Received};
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
    grants: Grants,
}

impl ApiGateway {
    /// An API whose integrations run these functions. Callers may name this machine, or a host that is
    /// allowed; the user is told what they aren't.
    #[must_use]
    pub(crate) fn new(
        api: RestApi,
        functions: Functions,
        allowed_hosts: Vec<String>,
        adviser: Adviser,
    ) -> Self {
        let grants = Grants::default();
        Self(Arc::new(Deployed { api, functions, allowed_hosts, adviser, grants }))
    }

    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Reply {
        let request_id = Uuid::new_v4();
        let log = RequestLog::begin(&request);
        let shown = format!("{} {}", request.method(), request.uri().path());
        let mut reply = match self.try_answer(request, request_id).await {
            Ok(reply) => reply,
            Err(refusal) => {
                if let Some(reason) = refusal.hidden() {
                    let status = refusal.reply().status().as_u16();
                    let request = format!("{shown} ({status})");
                    self.0.adviser.tell(Advice::ApiFailed { request, reason });
                }
                refusal.reply()
            }
        };
        identify(&mut reply, request_id);
        log.end(reply.status());
        reply
    }

    async fn try_answer(
        &self,
        request: Request<Incoming>,
        request_id: Uuid,
    ) -> Result<Reply, GatewayRefusal> {
        let api = &self.0.api;
        let found = host::check(&request, &self.0.allowed_hosts)
            .map_err(GatewayRefusal::Host)
            .and_then(|()| api.find(request.method(), request.uri().path()));
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
        let received = Received { head, body, place, id: request_id };
        let mut request = MethodRequest::new(api, method, received);
        self.authorize(method, &mut request).await?;
        request.check_required(&method.required)?;
        self.integrate(method, &request).await
    }

    /// Asks the authorizer, if the method has one, and puts what it says into the context.
    async fn authorize(
        &self,
        method: &ApiMethod,
        request: &mut MethodRequest,
    ) -> Result<(), GatewayRefusal> {
        let Some(authorizer) = &method.authorizer else { return Ok(()) };
        let identity = authorizer.identity(request)?;
        let arn = request.method_arn(&self.0.api);
        let kept = self.0.grants.get(authorizer, &identity);
        let grant = if let Some(grant) = kept {
            grant
        } else {
            let event = event::proxy(&self.0.api, method, request, &Mapped::default());
            let payload = authorizer.event(event, &identity, &arn);
            let grant = self.ask(authorizer, request, payload).await?;
            self.0.grants.keep(authorizer, identity, grant.clone());
            grant
        };
        request.context["authorizer"] = grant.context_for(&arn)?;
        Ok(())
    }

    async fn ask(
        &self,
        authorizer: &Authorizer,
        request: &MethodRequest,
        payload: String,
    ) -> Result<Grant, GatewayRefusal> {
        let failed = |reason: String| {
            GatewayRefusal::Authorizer(format!("its authorizer {}: {reason}", authorizer.name))
        };
        let call = Call {
            function: &authorizer.function,
            tenant_id: None,
            payload,
            id: Uuid::new_v4(),
            patience: quotas::API_INTEGRATION_TIMEOUT,
        };
        let completed = self.run(call, request).await.map_err(|refusal| {
            failed(refusal.hidden().unwrap_or_else(|| "Lambda refused the invocation".to_owned()))
        })?;
        match &completed.outcome {
            Outcome::Success(answer) => Grant::parse(&answer.payload),
            Outcome::Failure(failure) if says_unauthorized(failure, request.id) => {
                Err(GatewayRefusal::Unauthorized)
            }
            Outcome::Failure(failure) => Err(failed(format!("it failed: {}", failure.summary()))),
        }
    }

    async fn integrate(
        &self,
        method: &ApiMethod,
        request: &MethodRequest,
    ) -> Result<Reply, GatewayRefusal> {
        let LambdaIntegration { function, parameters, timeout } = match &method.integration {
            Integration::Lambda(lambda) => lambda,
            Integration::Fixed(response) => return Ok(fixed(response)),
        };
        let mapped = evaluate::mapped(parameters, request);
        let call = Call {
            function,
            tenant_id: tenant(mapped.header("X-Amz-Tenant-Id"))?,
            payload: event::proxy(&self.0.api, method, request, &mapped).to_string(),
            id: request.id,
            patience: *timeout,
        };
        let completed = self.run(call, request).await?;
        let mut reply = self.reply(&completed, request)?;
        set_environment(&mut reply, completed.ran);
        reply.headers_mut().insert("X-Amzn-Trace-Id", request.trace_id());
        Ok(reply)
    }

    /// Runs a function for a request.
    async fn run(
        &self,
        call: Call<'_>,
        request: &MethodRequest,
    ) -> Result<Completed, GatewayRefusal> {
        let Call { function, tenant_id, payload, id, patience } = call;
        let Some(served) = self.0.functions.named(function) else {
            return Err(GatewayRefusal::Configuration(format!(
                "the function `{function}` is not served"
            )));
        };
        if payload.len() > quotas::SYNCHRONOUS_REQUEST_BYTES {
            return Err(GatewayRefusal::TooLarge);
        }
        let invocation = invocation::Request {
            tenant_id,
            payload: payload.into(),
            trace_id: Some(request.trace_id()),
            headers: HeaderMap::new(),
            response_mode: ResponseMode::Buffered,
            cold: false,
        };
        let mode = served.function().tenant_isolation_mode;
        let invocation =
            Invocation::new(mode, invocation, id).map_err(|error| refuse(&error.into()))?;
        let Ok(completed) = timeout(patience, served.data_plane.invoke(invocation)).await else {
            return Err(GatewayRefusal::TimedOut(patience));
        };
        let completed = completed.map_err(|refusal| refuse(&refusal.into()))?;
        refuse_service_failure(&completed.outcome).map_err(|error| refuse(&error))?;
        Ok(completed)
    }

    fn reply(
        &self,
        completed: &Completed,
        request: &MethodRequest,
    ) -> Result<Reply, GatewayRefusal> {
        match &completed.outcome {
            Outcome::Success(answer) => {
                let is_binary = request.accepts_binary(&self.0.api.binary_media_types);
                let accepts = if is_binary { Accepts::Bytes } else { Accepts::Text };
                answer::reply(&answer.payload, accepts)
            }
            Outcome::Failure(failure) => Err(GatewayRefusal::Function(failure.summary())),
        }
    }
}

fn fixed(response: &FixedResponse) -> Reply {
    let body = response.body.clone().unwrap_or_default();
    let mut reply = json_reply(response.status, body);
    for (name, value) in &response.headers {
        reply.headers_mut().insert(name.clone(), value.clone());
    }
    reply
}

/// A function that is to be run.
struct Call<'a> {
    function: &'a str,
    tenant_id: Option<TenantId>,
    payload: String,
    id: Uuid,
    /// How long it is waited for.
    patience: Duration,
}

/// An authorizer says that it doesn't know a caller with an error of this one message.
fn says_unauthorized(failure: &Failure, request_id: Uuid) -> bool {
    let error: serde_json::Value =
        serde_json::from_slice(&failure.payload(request_id)).unwrap_or_default();
    error["errorMessage"] == "Unauthorized"
}

/// The tenant that the mapped headers name.
fn tenant(mapped: Option<&str>) -> Result<Option<TenantId>, GatewayRefusal> {
    tenant::parse(mapped.unwrap_or_default().as_bytes()).map_err(|error| refuse(&error))
}

/// What Lambda's refusal of an invocation becomes: what is wrong with the request is passed on, what is
/// wrong with Lambda is not.
fn refuse(error: &ApiError) -> GatewayRefusal {
    match error {
        ApiError::Validation(_) | ApiError::Invalid(_) | ApiError::InvalidParameterValue(_) => {
            GatewayRefusal::Lambda(error.message())
        }
        ApiError::Throttled(_) => GatewayRefusal::Throttled,
        ApiError::FunctionNotFound(_)
        | ApiError::RequestTooLarge
        | ApiError::EventTooLarge(_)
        | ApiError::InvalidRequestContent(_)
        | ApiError::TruncatedRequest
        | ApiError::Service(_) => GatewayRefusal::Configuration(error.message()),
    }
}

/// Every answer names the request, in both of API Gateway's ways.
fn identify(reply: &mut Reply, request_id: Uuid) {
    let id = request_id.to_string();
    let headers = reply.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-RequestId", value);
    }
    if let Ok(value) = HeaderValue::from_str(&method_request::extended_request_id(request_id)) {
        headers.insert("x-amz-apigw-id", value);
    }
}
