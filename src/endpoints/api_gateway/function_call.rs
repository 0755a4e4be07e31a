//! A function that is run for a request, as its integration or its authorizer asks.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::timeout;
use uuid::Uuid;

use crate::data_plane::functions::Functions;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::reply::refuse_service_failure;
use crate::lambda::function::TenantId;
use crate::lambda::invocation::{Completed, Invocation, InvocationRequest, ResponseMode};
use crate::lambda::quotas;

/// A function that is to be run.
#[derive(Debug)]
pub(crate) struct FunctionCall<'a> {
    /// The name of the function.
    pub(crate) function: &'a str,
    /// The tenant that it is run for, if one is named.
    pub(crate) tenant_id: Option<TenantId>,
    /// The event.
    pub(crate) payload: Bytes,
    /// The id of the invocation.
    pub(crate) id: Uuid,
    /// The X-Ray trace of the request.
    pub(crate) trace_id: HeaderValue,
    /// How long the answer is waited for.
    pub(crate) patience: Duration,
}

impl FunctionCall<'_> {
    /// Runs the function, which is one of these.
    ///
    /// # Errors
    ///
    /// When it is not served, when Lambda refuses the invocation, or when the answer takes too long.
    pub(crate) async fn run(self, functions: &Functions) -> Result<Completed, GatewayRefusal> {
        let Self { function, tenant_id, payload, id, trace_id, patience } = self;
        let Some(served) = functions.named(function) else {
            return Err(GatewayRefusal::Configuration(format!(
                "the function `{function}` is not served"
            )));
        };
        if payload.len() > quotas::SYNCHRONOUS_REQUEST_BYTES {
            return Err(GatewayRefusal::TooLarge);
        }
        let invocation = InvocationRequest {
            tenant_id,
            payload,
            trace_id,
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
}

/// The gateway's refusal for one of Lambda's. The caller is told what is wrong with the request, but not
/// what is wrong with Lambda or the configuration.
#[must_use]
pub(crate) fn refuse(error: &ApiError) -> GatewayRefusal {
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
