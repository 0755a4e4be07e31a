//! What mappings take from a request: the value of each source, and what all mappings of a method come to.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html>

use http::HeaderValue;
use serde_json::Value;

use crate::endpoints::api_gateway::mapping::{Mapping, MappingSource, MappingTarget};
use crate::endpoints::api_gateway::method_request::MethodRequest;
use crate::endpoints::api_gateway::request_context::RequestContext;

impl MappingSource {
    /// The value that a request has at this source.
    #[must_use]
    pub(crate) fn value(&self, request: &MethodRequest<'_>) -> Option<String> {
        match self {
            Self::Header(name) => request.header(name).next_back().map(str::to_owned),
            Self::MultiValueHeader(name) => joined(request.header(name)),
            Self::QueryString(name) => request.query_string(name).next_back().map(str::to_owned),
            Self::MultiValueQueryString(name) => joined(request.query_string(name)),
            Self::Path(name) => request.received.place.parameters.get(name).cloned(),
            Self::Body(names) => body(&request.received.body, names),
            Self::Context(name) => RequestContext(request).member(name),
            Self::StageVariable(name) => request.api.stage_variables.get(name).cloned(),
            Self::Static(text) => Some(text.clone()),
        }
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

/// Applies these mappings to a request. A mapping whose source has no value is left out.
#[must_use]
pub(crate) fn mapped(mappings: &[Mapping], request: &MethodRequest<'_>) -> Mapped {
    let mut mapped = Mapped::default();
    for mapping in mappings {
        let Some(value) = mapping.source.value(request) else { continue };
        match &mapping.target {
            MappingTarget::QueryString(name) => mapped.query_strings.push((name.clone(), value)),
            MappingTarget::Path(name) => mapped.path.push((name.clone(), value)),
            // HTTP removes spaces around the value of a header, and allows no control characters in it.
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

fn joined<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    let values: Vec<&str> = values.collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// A member of a JSON body: a text as it is, any other value as JSON.
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
