//! A request to run a function, and the checks that make it an invocation: tenancy and the event's format.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::de::IgnoredAny;
use thiserror::Error;
use uuid::Uuid;

use crate::lambda::function::{TenantId, TenantIsolationMode};
use crate::lambda::quotas;

/// A valid request to run a function once.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// Its id, the same in the reply, on `/next` and in the logs.
    pub(crate) request_id: Uuid,
    /// The tenant it is for; present exactly when the function is in tenant isolation mode.
    pub(crate) tenant_id: Option<TenantId>,
    /// The event, as the runtime gets it.
    pub(crate) payload: Bytes,
    /// The X-Ray trace, as in `X-Amzn-Trace-Id`.
    pub(crate) trace_id: HeaderValue,
    /// What else goes to the runtime with the event: client context, identity, forwarded headers.
    pub(crate) headers: HeaderMap,
    /// How the caller takes the answer.
    pub(crate) response_mode: ResponseMode,
    /// Whether it must run in a new environment. AWS has no such option.
    pub(crate) cold: bool,
}

/// How a caller takes the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseMode {
    /// As a whole, once it is complete.
    Buffered,
    /// As it comes, if the function streams it.
    Streaming,
}

impl ResponseMode {
    /// The most bytes that a streamed answer may have.
    #[must_use]
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Buffered => quotas::SYNCHRONOUS_RESPONSE_BYTES,
            Self::Streaming => quotas::STREAMED_RESPONSE_BYTES,
        }
    }
}

/// What an endpoint read from a request, before it is known to be a valid invocation.
#[derive(Clone, Debug)]
pub(crate) struct InvocationRequest {
    /// The tenant, if one is named.
    pub(crate) tenant_id: Option<TenantId>,
    /// The payload as it came.
    pub(crate) payload: Bytes,
    /// The X-Ray trace.
    pub(crate) trace_id: HeaderValue,
    /// What else the runtime gets.
    pub(crate) headers: HeaderMap,
    /// How the caller takes the answer.
    pub(crate) response_mode: ResponseMode,
    /// Whether it must run in a new environment.
    pub(crate) cold: bool,
}

/// Why a request is no invocation of the function.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum InvalidInvocation {
    /// The function is in tenant isolation mode, and no tenant is named.
    #[error(
        "The invoked function is enabled with tenancy configuration. \
         Add a valid tenant ID in your request and try again."
    )]
    TenantIdMissing,
    /// The function is not in tenant isolation mode, and a tenant is named.
    #[error(
        "The invoked function is not enabled with tenancy configuration. \
         Remove the tenant ID from your request and try again."
    )]
    TenantIdUnexpected,
    /// The payload is no JSON document.
    #[error(
        "Could not parse request body into json: Could not parse payload into json: {reason}\n \
         at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); \
         line: {line}, column: {column}]"
    )]
    Payload {
        /// What is wrong, in the words of AWS's parser.
        reason: String,
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
}

impl Invocation {
    /// The invocation that a request asks for, if its tenant fits the function and its payload is JSON. An
    /// empty payload is the event `{}`.
    ///
    /// # Errors
    ///
    /// With AWS's text for it.
    pub(crate) fn new(
        mode: TenantIsolationMode,
        request: InvocationRequest,
        request_id: Uuid,
    ) -> Result<Self, InvalidInvocation> {
        match (mode, &request.tenant_id) {
            (TenantIsolationMode::PerTenant, None) => {
                return Err(InvalidInvocation::TenantIdMissing);
            }
            (TenantIsolationMode::None, Some(_)) => {
                return Err(InvalidInvocation::TenantIdUnexpected);
            }
            (TenantIsolationMode::PerTenant, Some(_)) | (TenantIsolationMode::None, None) => {}
        }
        let payload = match request.payload {
            empty if empty.is_empty() => Bytes::from_static(b"{}"),
            payload => payload,
        };
        check_json(&payload)?;
        Ok(Self {
            request_id,
            tenant_id: request.tenant_id,
            payload,
            trace_id: request.trace_id,
            headers: request.headers,
            response_mode: request.response_mode,
            cold: request.cold,
        })
    }
}

/// Checks that the event is JSON. No value is built, since the event is passed on as it came.
fn check_json(payload: &[u8]) -> Result<(), InvalidInvocation> {
    let Err(error) = serde_json::from_slice::<IgnoredAny>(payload) else { return Ok(()) };
    let (line, column) = (error.line(), error.column());
    let reason = if error.is_eof() {
        "Unexpected end-of-input".to_owned()
    } else {
        let mut lines = payload.split(|byte| *byte == b'\n');
        let wrong = lines.nth(line.saturating_sub(1)).unwrap_or_default();
        let code = wrong.get(column.saturating_sub(1)).copied().unwrap_or(b'\n');
        let character = char::from(code);
        format!(
            "Unexpected character ('{character}' (code {code})): expected a valid value \
             (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        )
    };
    Err(InvalidInvocation::Payload { reason, line, column })
}
