//! API Gateway in front of functions: a REST API with Lambda proxy integrations, as it was deployed to
//! one stage. Finds the method of a request, maps its parameters, runs the function and forms the
//! answer. Knows no templates and no environments.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

pub mod answer;
pub mod api;
pub mod event;
pub mod mapping;
pub mod method_request;
pub mod refusal;
pub mod resource;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;
use tokio::time::timeout;
use uuid::Uuid;

use crate::advice::{Advice, Adviser};
use crate::function::TenantId;
use crate::functions::Functions;
use crate::http::{Body, Reply, discard, host, read};
use crate::invocation::{self, Completed, Invocation, Outcome, ResponseMode};
use crate::invoke_api::error::ApiError;
use crate::invoke_api::request::DISCARDED_BYTES;
use crate::invoke_api::{refuse_service_failure, set_environment_id, tenant};
use crate::quotas;
use api::{ApiMethod, Integration, RestApi};
use method_request::MethodRequest;
use refusal::Refusal;

/// What stands between callers and functions. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct ApiGateway(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    api: RestApi,
    /// The functions that its integrations name.
    functions: Functions,
    allowed_hosts: Vec<String>,
    adviser: Adviser,
}

impl ApiGateway {
    /// An API whose integrations run these functions. Callers may name this machine, or a host that is
    /// allowed; the user is told what they aren't.
    #[must_use]
    pub fn new(
        api: RestApi,
        functions: Functions,
        (allowed_hosts, adviser): (Vec<String>, Adviser),
    ) -> Self {
        Self(Arc::new(Shared { api, functions, allowed_hosts, adviser }))
    }

    /// Answers one request.
    pub async fn answer(self, request: Request<Incoming>) -> Reply {
        let request_id = Uuid::new_v4();
        let shown = format!("{} {}", request.method(), request.uri().path());
        let mut reply = match self.try_answer(request, request_id).await {
            Ok(reply) => reply,
            Err(refusal) => {
                if let Some(reason) = refusal.hidden() {
                    let status = refusal.reply().status().as_u16();
                    let shown = format!("{shown} ({status})");
                    self.0.adviser.tell(Advice::ApiFailed(shown, reason));
                }
                refusal.reply()
            }
        };
        identify(&mut reply, request_id);
        reply
    }

    async fn try_answer(
        &self,
        request: Request<Incoming>,
        request_id: Uuid,
    ) -> Result<Reply, Refusal> {
        let api = &self.0.api;
        let found = host::check(&request, &self.0.allowed_hosts)
            .map_err(Refusal::Host)
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
            Body::Complete(body, _) => body,
            Body::TooLarge(_) => return Err(Refusal::TooLarge),
            Body::Truncated => return Err(Refusal::BadRequest),
        };
        let request = MethodRequest::new(api, method, (head, body), place, request_id);
        request.check_required(&method.required)?;
        self.integrate(method, &request).await
    }

    async fn integrate(
        &self,
        method: &ApiMethod,
        request: &MethodRequest,
    ) -> Result<Reply, Refusal> {
        let Integration { function, parameters, timeout: patience } = &method.integration;
        let Some(served) = self.0.functions.named(function) else {
            return Err(Refusal::Configuration(format!("there is no function `{function}`")));
        };
        let headers = mapping::integration_headers(parameters, request);
        let tenant_id = tenant(&headers)?;
        let payload = event::proxy(&self.0.api, method, request, &headers);
        let trace_id = request.trace_id();
        let invocation = invocation::Request {
            tenant_id,
            payload: payload.into(),
            trace_id: Some(trace_id.clone()),
            headers: HeaderMap::new(),
            response_mode: ResponseMode::Buffered,
            cold: false,
        };
        if invocation.payload.len() > quotas::SYNCHRONOUS_REQUEST_BYTES {
            return Err(Refusal::TooLarge);
        }
        let mode = served.function().tenant_isolation_mode;
        let invocation =
            Invocation::new(mode, invocation, request.id).map_err(|error| refuse(&error.into()))?;
        let invoking = served.data_plane.invoke(invocation);
        let Ok(completed) = timeout(*patience, invoking).await else {
            return Err(Refusal::TimedOut(*patience));
        };
        let completed = completed.map_err(|refusal| refuse(&refusal.into()))?;
        refuse_service_failure(&completed.outcome).map_err(|error| refuse(&error))?;
        let environment_id = completed.environment_id;
        let mut reply = self.reply(&completed, request)?;
        set_environment_id(&mut reply, environment_id);
        reply.headers_mut().insert("X-Amzn-Trace-Id", trace_id);
        Ok(reply)
    }

    fn reply(&self, completed: &Completed, request: &MethodRequest) -> Result<Reply, Refusal> {
        match &completed.outcome {
            Outcome::Success(answer) => {
                let is_binary = request.accepts_binary(&self.0.api.binary_media_types);
                answer::reply(&answer.payload, is_binary)
            }
            Outcome::Failure(failure) => Err(Refusal::Function(failure.error_type().to_owned())),
        }
    }
}

/// The tenant that the mapped headers name.
fn tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Refusal> {
    tenant::tenant_id(headers, &["X-Amz-Tenant-Id"]).map_err(|error| refuse(&error))
}

/// What Lambda's refusal of an invocation becomes: what is wrong with the request is passed on, what is
/// wrong with Lambda is not.
fn refuse(error: &ApiError) -> Refusal {
    match error {
        ApiError::Validation(_) | ApiError::Invalid(_) | ApiError::InvalidParameterValue(_) => {
            Refusal::Lambda(error.message())
        }
        ApiError::Throttled(_) => Refusal::Throttled,
        _ => Refusal::Configuration(error.message()),
    }
}

/// Every answer names the request, in both of API Gateway's ways.
fn identify(reply: &mut Reply, request_id: Uuid) {
    let id = request_id.to_string();
    let headers = reply.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-RequestId", value);
    }
    if let Ok(value) = HeaderValue::from_str(&event::extended_request_id(request_id)) {
        headers.insert("x-amz-apigw-id", value);
    }
}
