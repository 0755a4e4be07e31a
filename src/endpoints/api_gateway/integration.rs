//! The Lambda proxy integration of a method: the call of its function that a request becomes, and the
//! reply that the function's answer becomes.

use crate::endpoints::api_gateway::answer::{self, Accepts};
use crate::endpoints::api_gateway::api::{FixedResponse, LambdaIntegration};
use crate::endpoints::api_gateway::evaluate;
use crate::endpoints::api_gateway::event::ProxyEvent;
use crate::endpoints::api_gateway::function_call::{FunctionCall, refuse};
use crate::endpoints::api_gateway::method_request::MethodRequest;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::lambda_api::reply::set_environment;
use crate::endpoints::lambda_api::tenant;
use crate::lambda::function::TenantId;
use crate::lambda::invocation::{Completed, Outcome};
use crate::system::http::{Reply, json as json_reply};

/// The call that a request to this method becomes.
///
/// # Errors
///
/// When the value that is mapped as the tenant id is not a valid one.
pub(crate) fn call<'a>(
    integration: &'a LambdaIntegration,
    request: &MethodRequest<'_>,
) -> Result<FunctionCall<'a>, GatewayRefusal> {
    let LambdaIntegration { function, parameters, timeout } = integration;
    let mapped = evaluate::mapped(parameters, request);
    Ok(FunctionCall {
        function,
        tenant_id: tenant(mapped.header("X-Amz-Tenant-Id"))?,
        payload: ProxyEvent { request, mapped: &mapped }.json().into(),
        id: request.received.id,
        trace_id: request.trace_id(),
        patience: *timeout,
    })
}

/// The reply to a request whose function has run.
///
/// # Errors
///
/// When the function failed, or its answer is not a response.
pub(crate) fn reply(
    request: &MethodRequest<'_>,
    completed: &Completed,
) -> Result<Reply, GatewayRefusal> {
    let answer = match &completed.outcome {
        Outcome::Success(answer) => answer,
        Outcome::Failure(failure) => return Err(GatewayRefusal::Function(failure.summary())),
    };
    let is_binary = request.accepts_binary();
    let accepts = if is_binary { Accepts::Bytes } else { Accepts::Text };
    let mut reply = answer::reply(&answer.payload, accepts)?;
    set_environment(&mut reply, completed.ran);
    reply.headers_mut().insert("X-Amzn-Trace-Id", request.trace_id());
    Ok(reply)
}

/// The reply of a method that has no function.
#[must_use]
pub(crate) fn fixed(response: &FixedResponse) -> Reply {
    let body = response.body.clone().unwrap_or_default();
    let mut reply = json_reply(response.status, body);
    for (name, value) in &response.headers {
        reply.headers_mut().insert(name.clone(), value.clone());
    }
    reply
}

/// The tenant that the mapped headers name.
fn tenant(mapped: Option<&str>) -> Result<Option<TenantId>, GatewayRefusal> {
    tenant::parse(mapped.unwrap_or_default().as_bytes()).map_err(|error| refuse(&error))
}
