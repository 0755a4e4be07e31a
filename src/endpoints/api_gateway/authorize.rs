//! Asks the authorizer of a method whether a request may pass, or finds what it said before.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

use serde_json::json;
use uuid::Uuid;

use crate::data_plane::functions::Functions;
use crate::endpoints::api_gateway::authorizer::{Authorizer, AuthorizerKind};
use crate::endpoints::api_gateway::evaluate::Mapped;
use crate::endpoints::api_gateway::event::ProxyEvent;
use crate::endpoints::api_gateway::function_call::FunctionCall;
use crate::endpoints::api_gateway::grant::Grant;
use crate::endpoints::api_gateway::grant_cache::Grants;
use crate::endpoints::api_gateway::mapping::MappingSource;
use crate::endpoints::api_gateway::method_request::MethodRequest;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::lambda::invocation::Outcome;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::quotas;
use crate::system::random::random_uuid;

/// Asks authorizers, and keeps their answers.
#[derive(Debug)]
pub(crate) struct Authorization {
    functions: Functions,
    grants: Grants,
}

impl Authorization {
    /// Authorization whose functions are among these.
    #[must_use]
    pub(crate) fn new(functions: Functions) -> Self {
        Self { functions, grants: Grants::default() }
    }

    /// Asks the authorizer of a method, if it has one, and notes what it says with the request.
    ///
    /// # Errors
    ///
    /// When the authorizer doesn't permit the request, or fails.
    pub(crate) async fn authorize(
        &self,
        request: &mut MethodRequest<'_>,
    ) -> Result<(), GatewayRefusal> {
        let Some(authorizer) = &request.method.authorizer else { return Ok(()) };
        let identity = authorizer.identity(request)?;
        let arn = request.method_arn();
        let kept = self.grants.get(authorizer, &identity);
        let grant = if let Some(grant) = kept {
            grant
        } else {
            let payload = authorizer.event(request, &identity, &arn);
            let grant = self.ask(authorizer, request, payload).await?;
            self.grants.keep(authorizer, identity, grant.clone());
            grant
        };
        request.authorizer = Some(grant.context_for(&arn)?);
        Ok(())
    }

    async fn ask(
        &self,
        authorizer: &Authorizer,
        request: &MethodRequest<'_>,
        payload: String,
    ) -> Result<Grant, GatewayRefusal> {
        let failed = |reason: String| {
            GatewayRefusal::Authorizer(format!("its authorizer {}: {reason}", authorizer.name))
        };
        let call = FunctionCall {
            function: &authorizer.function,
            tenant_id: None,
            payload: payload.into(),
            id: random_uuid(),
            trace_id: request.trace_id(),
            patience: quotas::API_INTEGRATION_TIMEOUT,
        };
        let completed = call.run(&self.functions).await.map_err(|refusal| {
            failed(refusal.hidden().unwrap_or_else(|| "Lambda refused the invocation".to_owned()))
        })?;
        match &completed.outcome {
            Outcome::Success(answer) => Grant::parse(&answer.payload),
            Outcome::Failure(failure) if says_unauthorized(failure, request.received.id) => {
                Err(GatewayRefusal::Unauthorized)
            }
            Outcome::Failure(failure) => Err(failed(format!("it failed: {}", failure.summary()))),
        }
    }
}

impl Authorizer {
    /// The values of its identity sources in a request, by which its answers are kept.
    ///
    /// # Errors
    ///
    /// When one of them is missing.
    pub(crate) fn identity(
        &self,
        request: &MethodRequest<'_>,
    ) -> Result<Vec<String>, GatewayRefusal> {
        let value = |source: &MappingSource| {
            source
                .value(request)
                .filter(|value| !value.is_empty())
                .ok_or(GatewayRefusal::Unauthorized)
        };
        match &self.kind {
            AuthorizerKind::Token { source, pattern } => {
                let token = value(source)?;
                match pattern {
                    Some(pattern) if !pattern.is_match(&token) => Err(GatewayRefusal::Unauthorized),
                    _ => Ok(vec![token]),
                }
            }
            AuthorizerKind::Request { sources } => sources.iter().map(value).collect(),
        }
    }

    /// The event that its function gets for a request.
    #[must_use]
    pub(crate) fn event(
        &self,
        request: &MethodRequest<'_>,
        identity: &[String],
        method_arn: &str,
    ) -> String {
        let event = match &self.kind {
            AuthorizerKind::Token { .. } => json!({
                "type": "TOKEN",
                "methodArn": method_arn,
                "authorizationToken": identity.first(),
            }),
            AuthorizerKind::Request { .. } => {
                let event = ProxyEvent { request, mapped: &Mapped::default() };
                let mut event = serde_json::to_value(event).unwrap_or_default();
                if let Some(event) = event.as_object_mut() {
                    event.remove("body");
                    event.remove("isBase64Encoded");
                    event.insert("type".to_owned(), json!("REQUEST"));
                    event.insert("methodArn".to_owned(), json!(method_arn));
                }
                event
            }
        };
        event.to_string()
    }
}

/// Whether an authorizer failed with the one error message that means 401, `Unauthorized`.
fn says_unauthorized(failure: &Failure, request_id: Uuid) -> bool {
    let error: serde_json::Value =
        serde_json::from_slice(&failure.payload(request_id)).unwrap_or_default();
    error["errorMessage"] == "Unauthorized"
}
