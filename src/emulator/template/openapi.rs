//! The methods of an OpenAPI document with API Gateway's extensions.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html>

use http::Method;
use thiserror::Error;

use crate::emulator::template::authorizers::{self, Authorizers};
use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::{deploy_warnings, integration};
use crate::endpoints::api_gateway::api::{ApiMethod, Parameter, ParameterPlace};
use crate::endpoints::api_gateway::authorizer::Authorizer;

const ANY: &str = "x-amazon-apigateway-any-method";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const VALIDATOR: &str = "x-amazon-apigateway-request-validator";
const VALIDATORS: &str = "x-amazon-apigateway-request-validators";
const BINARY: &str = "x-amazon-apigateway-binary-media-types";

/// The methods of a path by the names that OpenAPI has for them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", ANY];

/// What of an operation isn't served, or is served otherwise than on AWS.
#[derive(Debug, Error)]
enum OpenApiProblem {
    /// Nothing answers it.
    #[error("it has no integration")]
    NoIntegration,
    /// Whom it lets pass isn't known.
    #[error("its security is not known here, so it is not served")]
    UnknownSecurity,
    /// Bodies aren't validated here.
    #[error("its validator looks at bodies too, which is not done here")]
    BodyValidator,
}

/// What an OpenAPI document describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ApiDefinition {
    /// Its methods.
    pub(crate) methods: Vec<ApiMethod>,
    /// The media types whose bodies are bytes.
    pub(crate) binary_media_types: Vec<String>,
    /// What of it isn't served, and why.
    pub(crate) problems: Vec<Problem>,
}

/// Reads a document whose intrinsic functions have been resolved, for an API with these authorizers
/// besides its own.
#[must_use]
pub(crate) fn definition(document: &Node, of_api: &Authorizers) -> ApiDefinition {
    let mut definition = ApiDefinition {
        binary_media_types: texts(document.get(BINARY)),
        ..ApiDefinition::default()
    };
    let mut authorizers = authorizers::of_openapi(document, &mut definition.problems);
    authorizers.extend(of_api);
    for (path, item) in document.get("paths").map(Node::entries).unwrap_or_default() {
        for name in METHODS {
            let Some(operation) = item.get(name) else { continue };
            let authorizers = &authorizers;
            let operation = Operation { document, authorizers, path, item, name, node: operation };
            match operation.method() {
                Ok(method) => {
                    definition.problems.extend(operation.deploy_warnings(&method));
                    definition.methods.push(method);
                }
                Err(problem) => definition.problems.push(problem.within(operation.label())),
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

impl Operation<'_> {
    fn shown(self) -> String {
        if self.name == ANY { "ANY".to_owned() } else { self.name.to_ascii_uppercase() }
    }

    /// The HTTP method and the path, as warnings have them.
    fn label(self) -> String {
        format!("{} {}", self.shown(), self.path)
    }

    fn method(self) -> Result<ApiMethod, Problem> {
        let Some(integration) = self.node.get(INTEGRATION) else {
            return Err(self.node.problem(OpenApiProblem::NoIntegration));
        };
        let http_method = match self.name {
            ANY => None,
            _ => self.shown().parse::<Method>().ok(),
        };
        let unnamed = || self.authorizers.of_unnamed(http_method.as_ref());
        Ok(ApiMethod {
            resource: self.path.parse().map_err(|error| self.node.problem(error))?,
            authorizer: self.authorizer()?.or_else(unnamed),
            http_method,
            required: self.required(),
            integration: integration::integration(integration)?,
        })
    }

    /// The first of its security schemes, or of the document's, that is an authorizer.
    fn authorizer(self) -> Result<Option<Authorizer>, Problem> {
        let security = self.node.get("security").or_else(|| self.document.get("security"));
        let items = security.map(Node::items).unwrap_or_default();
        // A part that isn't known has become nothing: it must not let everybody pass.
        let is_unknown = |node: &&Node| node.data == Data::Null;
        if let Some(node) = security.into_iter().chain(items).find(is_unknown) {
            return Err(node.problem(OpenApiProblem::UnknownSecurity));
        }
        for (name, _) in items.iter().flat_map(Node::entries) {
            if let Some(authorizer) = self.authorizers.named(name, self.node)? {
                return Ok(Some(authorizer));
            }
        }
        Ok(None)
    }

    /// The parameters that a request must have, where a validator looks at them.
    fn required(self) -> Vec<Parameter> {
        if !self.validates("validateRequestParameters") {
            return Vec::new();
        }
        let all = self.parameters().into_iter();
        all.filter(|(_, is_required)| *is_required).map(|(parameter, _)| parameter).collect()
    }

    /// What of it is otherwise on AWS.
    fn deploy_warnings(self, method: &ApiMethod) -> Vec<Problem> {
        let Some(integration) = self.node.get(INTEGRATION) else { return Vec::new() };
        let declared: Vec<_> = self.parameters().into_iter().map(|(it, _)| it).collect();
        let mut warnings = deploy_warnings::about(method, &declared, integration);
        if self.validates("validateRequestBody") {
            let problem = self.node.problem(OpenApiProblem::BodyValidator);
            warnings.push(problem.within(self.label()));
        }
        warnings
    }

    fn validates(self, what: &str) -> bool {
        let name = self.node.get(VALIDATOR).or_else(|| self.document.get(VALIDATOR));
        let name = name.and_then(Node::text);
        let validators = self.document.get(VALIDATORS);
        name.and_then(|name| validators?.get(&name)?.get(what)?.truth()).unwrap_or(false)
    }

    /// The parameters that its requests declare, and whether they must have them.
    fn parameters(self) -> Vec<(Parameter, bool)> {
        let own = self.node.get("parameters").map(Node::items).unwrap_or_default();
        let of_path = self.item.get("parameters").map(Node::items).unwrap_or_default();
        own.iter().chain(of_path).filter_map(|node| self.parameter(node)).collect()
    }

    /// A parameter, which may be described elsewhere in the document.
    fn parameter(self, node: &Node) -> Option<(Parameter, bool)> {
        let reference = node.get("$ref").and_then(Node::text);
        let node = match reference {
            None => node,
            Some(path) => {
                let mut names = path.strip_prefix("#/")?.split('/');
                names.try_fold(self.document, |found, name| found.get(name))?
            }
        };
        let is_required = node.get("required").and_then(Node::truth).unwrap_or(false);
        let place = match node.get("in")?.text()?.as_ref() {
            "query" => ParameterPlace::QueryString,
            "header" => ParameterPlace::Header,
            "path" => ParameterPlace::Path,
            _ => return None,
        };
        Some((Parameter { place, name: node.get("name")?.text()?.into_owned() }, is_required))
    }
}
