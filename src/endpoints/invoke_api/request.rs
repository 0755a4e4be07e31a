//! An Invoke request, read and checked in AWS's order: members against their constraints, the name,
//! the payload's size, tenancy, the payload itself.

use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;
use uuid::Uuid;

use crate::data_plane::functions::{Functions, ServedFunction};
use crate::endpoints::invoke_api::context;
use crate::endpoints::invoke_api::invocation_type::invocation_type;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::headers::{COLD, LOG_TYPE, TENANT_ID, TRACE_ID};
use crate::endpoints::lambda_api::name::{self, Unqualified, parameter};
use crate::endpoints::lambda_api::payload::payload;
use crate::endpoints::lambda_api::tenant::tenant_id;
use crate::endpoints::lambda_api::trace::new_trace_id;
use crate::lambda::function::TenantId;
use crate::lambda::invocation::{Invocation, InvocationRequest, ResponseMode};
use crate::lambda::invocation_type::InvocationType;

/// A request that passed every check.
#[derive(Debug)]
pub(crate) struct InvokeRequest {
    /// What is to be run.
    pub(crate) served: ServedFunction,
    /// How.
    pub(crate) invocation: Invocation,
    /// Whether the caller waits for it.
    pub(crate) invocation_type: InvocationType,
    /// Whether the reply has the end of the log.
    pub(crate) log_type: LogType,
}

/// Whether the reply has the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogType {
    /// It doesn't.
    None,
    /// It has its last 4 KB.
    Tail,
}

/// What the head of a request says about the invocation.
struct Head {
    served: ServedFunction,
    tenant_id: Option<TenantId>,
    invocation_type: InvocationType,
    log_type: LogType,
    for_runtime: HeaderMap,
}

/// Reads and checks a request.
///
/// # Errors
///
/// With the refusal that AWS would give.
pub(crate) async fn read(
    functions: &Functions,
    name: &str,
    request: Request<Incoming>,
    request_id: Uuid,
    response_mode: ResponseMode,
) -> Result<InvokeRequest, ApiError> {
    let (parts, body) = request.into_parts();
    let head = check_head(functions, name, &parts);
    let invocation_type =
        head.as_ref().map_or(InvocationType::RequestResponse, |head| head.invocation_type);
    // The body is read even if the request is refused already, so that the caller sees why.
    let payload = payload(body, invocation_type).await;
    let head = head?;
    let request = InvocationRequest {
        tenant_id: head.tenant_id,
        payload: payload?,
        trace_id: parts.headers.get(&TRACE_ID).cloned().unwrap_or_else(new_trace_id),
        headers: head.for_runtime,
        response_mode,
        cold: parts.headers.get(&COLD).is_some_and(|cold| cold == "true"),
    };
    let served = head.served;
    let mode = served.function().tenant_isolation_mode;
    let invocation = Invocation::new(mode, request, request_id)?;
    Ok(InvokeRequest { served, invocation, invocation_type, log_type: head.log_type })
}

fn check_head(functions: &Functions, name: &str, head: &Parts) -> Result<Head, ApiError> {
    let qualifier = parameter(head.uri.query(), "Qualifier");
    let mut violations = name::violations(name, qualifier.as_deref());
    let tenant_id = match tenant_id(&head.headers, &[&TENANT_ID]) {
        Err(ApiError::Validation(invalid)) => {
            violations.extend(invalid);
            None
        }
        tenant_id => tenant_id?,
    };
    let invocation_type =
        invocation_type(&head.headers).map_err(|invalid| violations.push(invalid));
    let log_type = log_type(&head.headers).map_err(|invalid| violations.push(invalid));
    let (Ok(invocation_type), Ok(log_type), true) =
        (invocation_type, log_type, violations.is_empty())
    else {
        return Err(ApiError::Validation(violations));
    };
    let named = name::resolve(functions, name, qualifier.as_deref(), Unqualified::Latest)?;
    let served = named.served.clone();
    // Only synchronous invocations pass on what a caller tells of itself.
    let for_runtime = match invocation_type {
        InvocationType::Event => HeaderMap::new(),
        InvocationType::RequestResponse | InvocationType::DryRun => {
            context::headers(&head.headers)?
        }
    };
    Ok(Head { served, tenant_id, invocation_type, log_type, for_runtime })
}

fn log_type(headers: &HeaderMap) -> Result<LogType, String> {
    match headers.get(&LOG_TYPE).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"None") => Ok(LogType::None),
        Some(b"Tail") => Ok(LogType::Tail),
        Some(other) => Err(format!(
            "Value '{}' at 'logType' failed to satisfy constraint: \
             Member must satisfy enum value set: [None, Tail]",
            String::from_utf8_lossy(other)
        )),
    }
}
