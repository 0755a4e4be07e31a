//! What is served of a method here and would fail on AWS, or be another answer: it is said, since a
//! deployment is a late time to find out. Knows no resources.

use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::integration::either;
use crate::endpoints::api_gateway::api::{ApiMethod, Integration, Parameter, ParameterPlace};
use crate::endpoints::api_gateway::mapping::{Mapping, MappingSource};

/// The doubts about a method whose requests declare these parameters, and whose integration is this.
pub(super) fn about(
    method: &ApiMethod,
    declared: &[Parameter],
    integration: &Node,
) -> Vec<Problem> {
    let shown = format!("{} {}", method.http_method(), method.resource);
    let mut doubts = Vec::new();
    let mut doubt = |what: String| doubts.push(integration.problem(format!("{shown}: {what}")));
    match &method.integration {
        Integration::Lambda(lambda) => {
            for mapping in &lambda.parameters {
                doubts_of_mapping(mapping, method, declared).map(&mut doubt);
            }
            let verb = either(integration, "httpMethod")
                .or_else(|| integration.get("IntegrationHttpMethod"))
                .and_then(Node::text);
            if let Some(verb) = verb.filter(|verb| !verb.eq_ignore_ascii_case("POST")) {
                doubt(format!(
                    "Lambda is called with POST, so with `{verb}` every call fails on AWS"
                ));
            }
        }
        Integration::Fixed(response) if response.body.is_none() => {
            doubt("its response template is not evaluated, so the body is empty".to_owned());
        }
        Integration::Fixed(_) => {}
    }
    doubts
}

fn doubts_of_mapping(
    mapping: &Mapping,
    method: &ApiMethod,
    declared: &[Parameter],
) -> Option<String> {
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
            return Some(format!("it maps context.{name}, and has no Lambda authorizer"));
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
    (!is_declared).then(|| {
        format!(
            "it maps the {} without declaring that parameter, which AWS refuses to deploy",
            mapping.source
        )
    })
}
