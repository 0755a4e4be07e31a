//! What mappings and authorizers take from a request. Knows no functions.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html>

use http::HeaderValue;
use serde_json::{Value, json};

use crate::endpoints::api_gateway::authorizer::{Authorizer, AuthorizerKind};
use crate::endpoints::api_gateway::mapping::{Mapping, MappingSource, MappingTarget};
use crate::endpoints::api_gateway::method_request::MethodRequest;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;

impl MappingSource {
    /// What a request has there.
    #[must_use]
    pub(crate) fn value(&self, request: &MethodRequest) -> Option<String> {
        match self {
            Self::Header(name) => request.header(name).last().cloned(),
            Self::MultiValueHeader(name) => joined(&request.header(name)),
            Self::QueryString(name) => request.query_string(name).last().cloned(),
            Self::MultiValueQueryString(name) => joined(&request.query_string(name)),
            Self::Path(name) => request.place.parameters.get(name).cloned(),
            Self::Body(names) => body(&request.body, names),
            Self::Context(name) => request.context(name),
            Self::StageVariable(name) => request.stage_variables.get(name).cloned(),
            Self::Static(text) => Some(text.clone()),
        }
    }
}

impl Authorizer {
    /// What tells the caller of a request apart: what is in its identity sources.
    ///
    /// # Errors
    ///
    /// When one of them is missing.
    pub(crate) fn identity(&self, request: &MethodRequest) -> Result<Vec<String>, GatewayRefusal> {
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

    /// The event that its function gets, made from that of the request.
    #[must_use]
    pub(crate) fn event(
        &self,
        mut request: Value,
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
                if let Some(event) = request.as_object_mut() {
                    event.remove("body");
                    event.remove("isBase64Encoded");
                    event.insert("type".to_owned(), json!("REQUEST"));
                    event.insert("methodArn".to_owned(), json!(method_arn));
                }
                request
            }
        };
        event.to_string()
    }
}

/// What mappings put into the request to Lambda.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    /// Headers, as the mapping writes their names.
    pub(crate) headers: Vec<(String, String)>,
    /// Parameters of the query.
    pub(crate) query_strings: Vec<(String, String)>,
    /// Parameters of the path.
    pub(crate) path: Vec<(String, String)>,
}

/// What these mappings make of a request. A source without a value maps nothing.
#[must_use]
pub(crate) fn mapped(mappings: &[Mapping], request: &MethodRequest) -> Mapped {
    let mut mapped = Mapped::default();
    for mapping in mappings {
        let Some(value) = mapping.source.value(request) else { continue };
        match &mapping.target {
            MappingTarget::QueryString(name) => mapped.query_strings.push((name.clone(), value)),
            MappingTarget::Path(name) => mapped.path.push((name.clone(), value)),
            // HTTP takes the spaces around a header's value away, and has no control characters in it.
            MappingTarget::Header(name) => {
                let value = value.trim_matches([' ', '\t']);
                if HeaderValue::from_str(value).is_ok() {
                    mapped.headers.push((name.clone(), value.to_owned()));
                }
            }
        }
    }
    mapped
}

impl Mapped {
    /// The last header of this name.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter().rev();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn joined(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(","))
}

/// A member of a JSON body; texts as they are, anything else as JSON.
fn body(body: &[u8], names: &[String]) -> Option<String> {
    if names.is_empty() {
        return Some(String::from_utf8_lossy(body).into_owned());
    }
    let document: Value = serde_json::from_slice(body).ok()?;
    match names.iter().try_fold(&document, |value, name| value.get(name))? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}
