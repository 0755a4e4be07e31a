//! A request as a method of an API sees it: its headers, its query, its body, and the context that
//! mappings and events name.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderValue;
use serde_json::Value;
use uuid::Uuid;

use crate::endpoints::api_gateway::api::{ApiMethod, Parameter, ParameterPlace, RestApi};
use crate::endpoints::api_gateway::received::Received;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::api_gateway::request_context;
use crate::endpoints::api_gateway::resource::RequestPath;
use crate::endpoints::lambda_api::trace::new_trace_id;

/// A request to a method.
#[derive(Clone, Debug)]
pub(crate) struct MethodRequest {
    /// Its id, which is also that of the invocation.
    pub(crate) id: Uuid,
    /// Where it is in the API.
    pub(crate) place: RequestPath,
    /// The variables of its stage.
    pub(crate) stage_variables: BTreeMap<String, String>,
    /// All headers in their order, with the names that HTTP/1.1 writes.
    pub(crate) headers: Vec<(String, String)>,
    /// All parameters of the query in their order, decoded.
    pub(crate) query_strings: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
    /// `requestContext`, as events have it.
    pub(crate) context: Value,
}

impl MethodRequest {
    /// The request with this head and body to a method of an API.
    #[must_use]
    pub(crate) fn new(api: &RestApi, method: &ApiMethod, received: Received) -> Self {
        let query = received.head.uri.query().unwrap_or_default();
        Self {
            stage_variables: api.stage_variables.clone(),
            headers: received.headers(),
            query_strings: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            context: request_context::of_request(api, method, &received),
            id: received.id,
            place: received.place,
            body: received.body,
        }
    }

    /// All values of a header.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    }

    /// All values of a parameter of the query.
    #[must_use]
    pub(crate) fn query_string(&self, name: &str) -> Vec<String> {
        let named = self.query_strings.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// A member of the context by the names that lead to it, as a text.
    #[must_use]
    pub(crate) fn context(&self, name: &str) -> Option<String> {
        match name.split('.').try_fold(&self.context, |value, name| value.get(name))? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Its ARN, by which policies permit it.
    #[must_use]
    pub(crate) fn method_arn(&self, api: &RestApi) -> String {
        let RestApi { region, account_id, id, stage, .. } = api;
        let method = self.context["httpMethod"].as_str().unwrap_or_default();
        let path = self.place.path.trim_start_matches('/');
        format!("arn:aws:execute-api:{region}:{account_id}:{id}/{stage}/{method}/{path}")
    }

    /// Its X-Ray trace.
    #[must_use]
    pub(crate) fn trace_id(&self) -> HeaderValue {
        let given = self.header("X-Amzn-Trace-Id");
        let given = given.last().and_then(|trace| HeaderValue::from_str(trace).ok());
        given.unwrap_or_else(new_trace_id)
    }

    /// Checks that it has what its method requires.
    ///
    /// # Errors
    ///
    /// With the names of what is missing.
    pub(crate) fn check_required(&self, required: &[Parameter]) -> Result<(), GatewayRefusal> {
        let has = |Parameter { place, name }: &&Parameter| match place {
            ParameterPlace::QueryString => self.query_string(name).iter().any(|v| !v.is_empty()),
            ParameterPlace::Header => self.header(name).iter().any(|value| !value.is_empty()),
            ParameterPlace::Path => self.place.parameters.contains_key(name),
        };
        let missing = required.iter().filter(|parameter| !has(parameter));
        let missing: Vec<String> = missing.map(|parameter| parameter.name.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(GatewayRefusal::MissingParameters(missing)) }
    }

    /// Whether its body is one of these media types.
    #[must_use]
    pub(crate) fn has_binary_body(&self, media_types: &[String]) -> bool {
        is_one_of(self.header("Content-Type").last().map(String::as_str), media_types)
    }

    /// Whether what its caller asks for first is one of these media types.
    #[must_use]
    pub(crate) fn accepts_binary(&self, media_types: &[String]) -> bool {
        let accepted = self.header("Accept");
        is_one_of(accepted.first().and_then(|accepted| accepted.split(',').next()), media_types)
    }
}

fn is_one_of(media_type: Option<&str>, media_types: &[String]) -> bool {
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    media_types.iter().any(|binary| {
        binary == "*/*" || media_type.is_some_and(|text| text.eq_ignore_ascii_case(binary))
    })
}
