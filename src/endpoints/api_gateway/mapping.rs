//! Request parameter mapping as it was deployed: which parts of a request and of its context are put
//! into the request to Lambda.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping-sources.html>

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

/// Lambda's header with the tenant id.
const TENANT_ID: &str = "x-amz-tenant-id";

/// A mapped parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Where it goes.
    pub(crate) target: MappingTarget,
    /// Where it comes from.
    pub(crate) source: MappingSource,
}

/// A parameter of the request to Lambda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MappingTarget {
    /// `integration.request.header.NAME`.
    Header(String),
    /// `integration.request.querystring.NAME`.
    QueryString(String),
    /// `integration.request.path.NAME`.
    Path(String),
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MappingSource {
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
pub(crate) enum MappingError {
    /// It doesn't name a parameter of the request to Lambda.
    #[error("`{0}` is no parameter of an integration request")]
    MappingTarget(String),
    /// It names nothing that a value could come from.
    #[error("`{0}` is no source of a parameter")]
    MappingSource(String),
}

impl FromStr for MappingTarget {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let rest = text.strip_prefix("integration.request.");
        let pair = rest.and_then(|rest| rest.split_once('.')).filter(|(_, name)| !name.is_empty());
        match pair {
            Some(("header", name)) => Ok(Self::Header(name.to_owned())),
            Some(("querystring", name)) => Ok(Self::QueryString(name.to_owned())),
            Some(("path", name)) => Ok(Self::Path(name.to_owned())),
            _ => Err(MappingError::MappingTarget(text.to_owned())),
        }
    }
}

impl FromStr for MappingSource {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        if let Some(text) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Ok(Self::Static(text.to_owned()));
        }
        let unknown = || MappingError::MappingSource(text.to_owned());
        // AWS's page about OpenAPI writes both with a dollar.
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

impl Display for MappingSource {
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

impl MappingSource {
    /// Whether callers choose the value freely, so that it doesn't prove who they are.
    #[must_use]
    pub(crate) fn is_chosen_by_caller(&self) -> bool {
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
}

impl Mapping {
    /// Whether it says which tenant a request is for.
    #[must_use]
    pub(crate) fn is_tenant_id(&self) -> bool {
        matches!(&self.target, MappingTarget::Header(name) if name.eq_ignore_ascii_case(TENANT_ID))
    }
}

#[cfg(test)]
mod tests {
    use super::{MappingError, MappingSource, MappingTarget};

    #[test]
    fn sources_are_read_in_all_of_their_spellings() {
        let source = |text: &str| text.parse::<MappingSource>();
        assert_eq!(
            source("method.request.querystring.tenant-id"),
            Ok(MappingSource::QueryString("tenant-id".to_owned()))
        );
        assert_eq!(
            source("method.request.header.X-T"),
            Ok(MappingSource::Header("X-T".to_owned()))
        );
        assert_eq!(
            source("$context.authorizer.tenantId"),
            Ok(MappingSource::Context("authorizer.tenantId".to_owned()))
        );
        assert_eq!(source("'blue'"), Ok(MappingSource::Static("blue".to_owned())));
        assert_eq!(
            source("method.request.body.a.b"),
            Ok(MappingSource::Body(vec!["a".to_owned(), "b".to_owned()]))
        );
        for wrong in ["querystring.a", "method.request.header.", "blue", "method.request.cookie.a"]
        {
            assert_eq!(source(wrong), Err(MappingError::MappingSource(wrong.to_owned())));
        }
    }

    #[test]
    fn only_parameters_of_the_integration_request_are_targets() {
        let target = |text: &str| text.parse::<MappingTarget>();
        assert_eq!(
            target("integration.request.header.X-Amz-Tenant-Id"),
            Ok(MappingTarget::Header("X-Amz-Tenant-Id".to_owned()))
        );
        let wrong = "method.request.header.X-Amz-Tenant-Id";
        assert_eq!(target(wrong), Err(MappingError::MappingTarget(wrong.to_owned())));
    }
}
