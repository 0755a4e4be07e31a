//! The methods of an OpenAPI document with API Gateway's extensions. Knows no resources.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>

use std::time::Duration;

use http::Method;

use crate::api_gateway::api::{ApiMethod, Integration, Parameter, ParameterPlace};
use crate::api_gateway::authorizer::Authorizer;
use crate::api_gateway::mapping::{Mapping, Source, Target};
use crate::quotas;
use crate::template::authorizers::{self, Authorizers};
use crate::template::document::{Node, Place};

const ANY: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
const VALIDATORS: &str = "x-amazon-apigateway-request-validators";
const BINARY: &str = "x-amazon-apigateway-binary-media-types";

/// The methods of a path by the names that OpenAPI has for them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", ANY];

/// What an OpenAPI document describes.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Its methods that run functions.
    pub methods: Vec<ApiMethod>,
    /// The media types whose bodies are bytes.
    pub binary_media_types: Vec<String>,
    /// What of it isn't served, and why.
    pub problems: Vec<(Place, String)>,
}

/// Reads a document whose intrinsic functions have been resolved, for an API with these authorizers
/// besides its own.
#[must_use]
pub fn definition(document: &Node, of_api: &Authorizers) -> Definition {
    let mut definition =
        Definition { binary_media_types: texts(document.get(BINARY)), ..Definition::default() };
    let mut authorizers = authorizers::of_openapi(document, &mut definition.problems);
    authorizers.extend(of_api.clone());
    for (path, item) in document.get("paths").map(Node::entries).unwrap_or_default() {
        for name in METHODS {
            let Some(operation) = item.get(name) else { continue };
            let authorizers = &authorizers;
            let operation = Operation { document, authorizers, path, item, name, node: operation };
            match operation.method() {
                Ok(method) => definition.methods.push(method),
                Err((place, problem)) => {
                    let name = operation.shown();
                    definition.problems.push((place, format!("{name} {path}: {problem}")));
                }
            }
        }
    }
    definition
}

fn texts(list: Option<&Node>) -> Vec<String> {
    let items = list.map(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::text).map(std::borrow::Cow::into_owned).collect()
}

/// One method of a path.
#[derive(Clone, Copy)]
struct Operation<'a> {
    document: &'a Node,
    authorizers: &'a Authorizers,
    path: &'a str,
    item: &'a Node,
    name: &'a str,
    node: &'a Node,
}

type Problem = (Place, String);

impl Operation<'_> {
    fn shown(self) -> String {
        if self.name == ANY { "ANY".to_owned() } else { self.name.to_ascii_uppercase() }
    }

    fn method(self) -> Result<ApiMethod, Problem> {
        let wrong = |problem: String| (self.node.place, problem);
        let Some(integration) = self.node.get(INTEGRATION) else {
            return Err(wrong("it has no integration".to_owned()));
        };
        Ok(ApiMethod {
            resource: self.path.parse().map_err(|error| wrong(format!("{error}")))?,
            http_method: match self.name {
                ANY => None,
                _ => self.shown().parse::<Method>().ok(),
            },
            authorizer: self.authorizer(),
            required: self.required(),
            integration: integration_of(integration)?,
        })
    }

    /// The first of its security schemes, or of the document's, that is an authorizer.
    fn authorizer(self) -> Option<Authorizer> {
        let security = self.node.get("security").or_else(|| self.document.get("security"))?;
        let mut names = security.items().iter().flat_map(Node::entries).map(|(name, _)| name);
        names.find_map(|name| self.authorizers.get(name).cloned())
    }

    /// The parameters that a request must have, where a validator looks at them.
    fn required(self) -> Vec<Parameter> {
        if !self.validates_parameters() {
            return Vec::new();
        }
        let own = self.node.get("parameters").map(Node::items).unwrap_or_default();
        let of_path = self.item.get("parameters").map(Node::items).unwrap_or_default();
        own.iter().chain(of_path).filter_map(|node| self.parameter(node)).collect()
    }

    fn validates_parameters(self) -> bool {
        let name = self.node.get(VALIDATOR).or_else(|| self.document.get(VALIDATOR));
        let name = name.and_then(Node::text);
        let validators = self.document.get(VALIDATORS);
        name.and_then(|name| validators?.get(&name)?.get("validateRequestParameters")?.truth())
            .unwrap_or(false)
    }

    /// A required parameter, which may be described elsewhere in the document.
    fn parameter(self, node: &Node) -> Option<Parameter> {
        let reference = node.get("$ref").and_then(Node::text);
        let node = match reference {
            None => node,
            Some(path) => {
                let mut names = path.strip_prefix("#/")?.split('/');
                names.try_fold(self.document, |found, name| found.get(name))?
            }
        };
        node.get("required")?.truth().filter(|required| *required)?;
        let place = match node.get("in")?.text()?.as_ref() {
            "query" => ParameterPlace::QueryString,
            "header" => ParameterPlace::Header,
            "path" => ParameterPlace::Path,
            _ => return None,
        };
        Some(Parameter { place, name: node.get("name")?.text()?.into_owned() })
    }
}

/// A Lambda proxy integration, also one of `AWS::ApiGateway::Method`, whose names begin in upper case.
///
/// # Errors
///
/// When it is another integration, or has a mistake.
pub fn integration_of(node: &Node) -> Result<Integration, (Place, String)> {
    let either = |lower: &str, upper: &str| node.get(lower).or_else(|| node.get(upper));
    let kind = either("type", "Type").and_then(Node::text).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("aws_proxy") {
        return Err((
            node.place,
            format!("its integration is `{kind}`, and only aws_proxy is served"),
        ));
    }
    let uri = either("uri", "Uri").and_then(Node::text).unwrap_or_default();
    let Some(function) = function_of(&uri) else {
        return Err((node.place, format!("its integration `{uri}` names no Lambda function")));
    };
    let mappings = either("requestParameters", "RequestParameters");
    let mut parameters = Vec::new();
    for (target, source) in mappings.map(Node::entries).unwrap_or_default() {
        parameters.push(mapping(target, source).map_err(|problem| (source.place, problem))?);
    }
    let timeout = either("timeoutInMillis", "TimeoutInMillis").and_then(Node::number);
    let timeout = timeout.map_or(quotas::API_INTEGRATION_TIMEOUT, |milliseconds| {
        Duration::from_millis(milliseconds.into())
    });
    Ok(Integration { function, parameters, timeout })
}

fn mapping(target: &str, source: &Node) -> Result<Mapping, String> {
    let target: Target = target.parse().map_err(|error| format!("{error}"))?;
    let source = source.text().ok_or("a mapping is a text")?;
    let source: Source = source.parse().map_err(|error| format!("{error}"))?;
    Ok(Mapping { target, source })
}

/// The function's name in `…/functions/arn:…:function:NAME/invocations`.
#[must_use]
pub fn function_of(uri: &str) -> Option<String> {
    let (_, arn) = uri.split_once("/functions/")?;
    let arn = arn.strip_suffix("/invocations").unwrap_or(arn);
    let (_, name) = arn.rsplit_once("function:")?;
    let name = name.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}
