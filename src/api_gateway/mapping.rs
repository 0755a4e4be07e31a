//! Request parameter mapping: what of a request, or of its context, is put into the request to Lambda.
//! Knows no functions.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html>

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use http::HeaderValue;
use serde_json::Value;
use thiserror::Error;

use crate::api_gateway::method_request::MethodRequest;

/// The header of Lambda's that carries the tenant id.
const TENANT_ID: &str = "x-amz-tenant-id";

/// A mapped parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Where it goes.
    pub target: Target,
    /// Where it comes from.
    pub source: Source,
}

/// A parameter of the request to Lambda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `integration.request.header.NAME`.
    Header(String),
    /// `integration.request.querystring.NAME`.
    QueryString(String),
    /// `integration.request.path.NAME`.
    Path(String),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `method.request.header.NAME`: the last value of the header.
    Header(String),
    /// `method.request.multivalueheader.NAME`: all of them.
    MultiValueHeader(String),
    /// `method.request.querystring.NAME`: the last value of the parameter.
    QueryString(String),
    /// `method.request.multivaluequerystring.NAME`: all of them.
    MultiValueQueryString(String),
    /// `method.request.path.NAME`.
    Path(String),
    /// `method.request.body`, or a member of it by the names that lead to it.
    Body(Vec<String>),
    /// `context.NAME`, by the names that lead to it.
    Context(String),
    /// `stageVariables.NAME`.
    StageVariable(String),
    /// `'text'`.
    Static(String),
}

/// Why a text is no mapping.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingError {
    /// It doesn't name a parameter of the request to Lambda.
    #[error("`{0}` is no parameter of an integration request")]
    Target(String),
    /// It names nothing that a value could come from.
    #[error("`{0}` is no source of a parameter")]
    Source(String),
}

impl FromStr for Target {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let rest = text.strip_prefix("integration.request.");
        let pair = rest.and_then(|rest| rest.split_once('.')).filter(|(_, name)| !name.is_empty());
        match pair {
            Some(("header", name)) => Ok(Self::Header(name.to_owned())),
            Some(("querystring", name)) => Ok(Self::QueryString(name.to_owned())),
            Some(("path", name)) => Ok(Self::Path(name.to_owned())),
            _ => Err(MappingError::Target(text.to_owned())),
        }
    }
}

impl FromStr for Source {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        if let Some(text) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Ok(Self::Static(text.to_owned()));
        }
        let unknown = || MappingError::Source(text.to_owned());
        // OpenAPI's page writes both with a dollar.
        let plain = text.strip_prefix('$').unwrap_or(text);
        if let Some(name) = plain.strip_prefix("context.") {
            return Ok(Self::Context(name.to_owned()));
        }
        if let Some(name) = plain.strip_prefix("stageVariables.") {
            return Ok(Self::StageVariable(name.to_owned()));
        }
        if text == "method.request.body" {
            return Ok(Self::Body(Vec::new()));
        }
        let rest = text.strip_prefix("method.request.").ok_or_else(unknown)?;
        let (kind, name) = rest.split_once('.').ok_or_else(unknown)?;
        let owned = name.to_owned();
        Ok(match kind {
            _ if name.is_empty() => return Err(unknown()),
            "header" => Self::Header(owned),
            "multivalueheader" => Self::MultiValueHeader(owned),
            "querystring" => Self::QueryString(owned),
            "multivaluequerystring" => Self::MultiValueQueryString(owned),
            "path" => Self::Path(owned),
            "body" => Self::Body(name.split('.').map(str::to_owned).collect()),
            _ => return Err(unknown()),
        })
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header {name}"),
            Self::MultiValueHeader(name) => write!(f, "headers {name}"),
            Self::QueryString(name) => write!(f, "query string {name}"),
            Self::MultiValueQueryString(name) => write!(f, "query strings {name}"),
            Self::Path(name) => write!(f, "path {name}"),
            Self::Body(names) if names.is_empty() => f.write_str("body"),
            Self::Body(names) => write!(f, "body {}", names.join(".")),
            Self::Context(name) => write!(f, "context {name}"),
            Self::StageVariable(name) => write!(f, "stage variable {name}"),
            Self::Static(text) => write!(f, "always `{text}`"),
        }
    }
}

impl Source {
    /// Whether whoever calls the API chooses the value, so that it says nothing about who that is.
    #[must_use]
    pub fn is_chosen_by_caller(&self) -> bool {
        match self {
            Self::Header(_)
            | Self::MultiValueHeader(_)
            | Self::QueryString(_)
            | Self::MultiValueQueryString(_)
            | Self::Path(_)
            | Self::Body(_) => true,
            Self::Context(_) | Self::StageVariable(_) | Self::Static(_) => false,
        }
    }

    /// What a request has there.
    #[must_use]
    pub fn value(&self, request: &MethodRequest) -> Option<String> {
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

impl Mapping {
    /// Whether it says which tenant a request is for.
    #[must_use]
    pub fn is_tenant_id(&self) -> bool {
        matches!(&self.target, Target::Header(name) if name.eq_ignore_ascii_case(TENANT_ID))
    }
}

/// What mappings put into the request to Lambda.
#[derive(Debug, Default)]
pub struct Mapped {
    /// Headers, as the mapping writes their names.
    pub headers: Vec<(String, String)>,
    /// Parameters of the query.
    pub query_strings: Vec<(String, String)>,
    /// Parameters of the path.
    pub path: Vec<(String, String)>,
}

/// What these mappings make of a request. A source without a value maps nothing.
#[must_use]
pub fn mapped(mappings: &[Mapping], request: &MethodRequest) -> Mapped {
    let mut mapped = Mapped::default();
    for mapping in mappings {
        let Some(value) = mapping.source.value(request) else { continue };
        match &mapping.target {
            Target::QueryString(name) => mapped.query_strings.push((name.clone(), value)),
            Target::Path(name) => mapped.path.push((name.clone(), value)),
            // HTTP takes the spaces around a header's value away, and has no control characters in it.
            Target::Header(name) => {
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
    pub fn header(&self, name: &str) -> Option<&str> {
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

#[cfg(test)]
mod tests {
    use super::{MappingError, Source, Target};

    #[test]
    fn sources_are_read_in_all_of_their_spellings() {
        let source = |text: &str| text.parse::<Source>();
        assert_eq!(
            source("method.request.querystring.tenant-id"),
            Ok(Source::QueryString("tenant-id".to_owned()))
        );
        assert_eq!(source("method.request.header.X-T"), Ok(Source::Header("X-T".to_owned())));
        assert_eq!(
            source("$context.authorizer.tenantId"),
            Ok(Source::Context("authorizer.tenantId".to_owned()))
        );
        assert_eq!(source("'blue'"), Ok(Source::Static("blue".to_owned())));
        assert_eq!(
            source("method.request.body.a.b"),
            Ok(Source::Body(vec!["a".to_owned(), "b".to_owned()]))
        );
        for wrong in ["querystring.a", "method.request.header.", "blue", "method.request.cookie.a"]
        {
            assert_eq!(source(wrong), Err(MappingError::Source(wrong.to_owned())));
        }
    }

    #[test]
    fn only_parameters_of_the_integration_request_are_targets() {
        let target = |text: &str| text.parse::<Target>();
        assert_eq!(
            target("integration.request.header.X-Amz-Tenant-Id"),
            Ok(Target::Header("X-Amz-Tenant-Id".to_owned()))
        );
        let wrong = "method.request.header.X-Amz-Tenant-Id";
        assert_eq!(target(wrong), Err(MappingError::Target(wrong.to_owned())));
    }
}
