//! What is served of a method here and would fail on AWS, or be another answer: it is said, since a
//! deployment is a late time to find out.

use thiserror::Error;

use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::integration::either;
use crate::endpoints::api_gateway::api::{ApiMethod, Integration, Parameter, ParameterPlace};
use crate::endpoints::api_gateway::mapping::{Mapping, MappingSource};

/// What AWS would refuse, or do otherwise.
#[derive(Debug, Error)]
enum DeployWarning {
    /// Lambda takes calls with POST alone.
    #[error("Lambda is called with POST, so with `{verb}` every call fails on AWS")]
    NotPost {
        /// The HTTP method in the template.
        verb: String,
    },
    /// A response template with references in it.
    #[error("its response template is not evaluated, so the body is empty")]
    ResponseTemplate,
    /// What an authorizer says is mapped, and nobody says it.
    #[error("it maps context.{name}, and has no Lambda authorizer")]
    NoAuthorizer {
        /// The part of the context.
        name: String,
    },
    /// A parameter of the request that the method doesn't declare.
    #[error("it maps the {mapped} without declaring that parameter, which AWS refuses to deploy")]
    Undeclared {
        /// The parameter.
        mapped: MappingSource,
    },
}

/// The warnings about a method whose requests declare these parameters, and whose integration is this.
pub(super) fn about(
    method: &ApiMethod,
    declared: &[Parameter],
    integration: &Node,
) -> Vec<Problem> {
    let shown = format!("{} {}", method.http_method(), method.resource);
    let mut warnings = Vec::new();
    let mut warn =
        |warning: DeployWarning| warnings.push(integration.problem(warning).within(&shown));
    match &method.integration {
        Integration::Lambda(lambda) => {
            for mapping in &lambda.parameters {
                warning_of_mapping(mapping, method, declared).map(&mut warn);
            }
            let verb = either(integration, "httpMethod")
                .or_else(|| integration.get("IntegrationHttpMethod"))
                .and_then(Node::text);
            if let Some(verb) = verb.filter(|verb| !verb.eq_ignore_ascii_case("POST")) {
                warn(DeployWarning::NotPost { verb: verb.into_owned() });
            }
        }
        Integration::Fixed(response) if response.body.is_none() => {
            warn(DeployWarning::ResponseTemplate);
        }
        Integration::Fixed(_) => {}
    }
    warnings
}

fn warning_of_mapping(
    mapping: &Mapping,
    method: &ApiMethod,
    declared: &[Parameter],
) -> Option<DeployWarning> {
    let (place, name) = match &mapping.source {
        MappingSource::Header(name) | MappingSource::MultiValueHeader(name) => {
            (ParameterPlace::Header, name)
        }
        MappingSource::QueryString(name) | MappingSource::MultiValueQueryString(name) => {
            (ParameterPlace::QueryString, name)
        }
        MappingSource::Path(name) => (ParameterPlace::Path, name),
        MappingSource::Context(name)
            if name.starts_with("authorizer.") && method.authorizer.is_none() =>
        {
            return Some(DeployWarning::NoAuthorizer { name: name.clone() });
        }
        MappingSource::Body(_)
        | MappingSource::Context(_)
        | MappingSource::StageVariable(_)
        | MappingSource::Static(_) => {
            return None;
        }
    };
    let is_declared = declared.iter().any(|parameter| {
        parameter.place == place
            && match place {
                ParameterPlace::Header => parameter.name.eq_ignore_ascii_case(name),
                ParameterPlace::QueryString | ParameterPlace::Path => parameter.name == *name,
            }
    });
    (!is_declared).then(|| DeployWarning::Undeclared { mapped: mapping.source.clone() })
}
