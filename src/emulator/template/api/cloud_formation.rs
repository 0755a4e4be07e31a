//! CloudFormation's APIs: `AWS::ApiGateway::RestApi` with its resources, methods, authorizers and stage, as
//! CDK writes them.

use crate::emulator::template::api::draft::{ApiDraft, definition, method_named, variables};
use crate::emulator::template::api::problem::ApiProblem;
use crate::emulator::template::authorizers::{self, Authorizers};
use crate::emulator::template::deploy_warnings;
use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::integration::integration;
use crate::emulator::template::resolver::Resolver;
use crate::endpoints::api_gateway::api::{ApiMethod, Parameter};
use crate::endpoints::api_gateway::authorizer::Authorizer;

const API: &str = "AWS::ApiGateway::RestApi";
const RESOURCE: &str = "AWS::ApiGateway::Resource";
const AUTHORIZER: &str = "AWS::ApiGateway::Authorizer";
const VALIDATOR: &str = "AWS::ApiGateway::RequestValidator";

/// Gives `Ref` of the APIs and their parts its meaning.
pub(super) fn name(resolver: &mut Resolver<'_>) {
    for (logical_id, _) in resolver.of_type(API) {
        resolver.name(format!("{logical_id}.RootResourceId"), root(logical_id));
    }
    for kind in [API, RESOURCE, AUTHORIZER, VALIDATOR] {
        for (logical_id, _) in resolver.of_type(kind) {
            resolver.name(logical_id.to_owned(), logical_id.to_owned());
            resolver.name(format!("{logical_id}.ResourceId"), logical_id.to_owned());
        }
    }
}

/// What `RootResourceId` of an API comes to.
fn root(api: &str) -> String {
    format!("{api}/")
}

/// The APIs.
pub(super) fn drafts(resolver: &mut Resolver<'_>) -> Vec<ApiDraft> {
    let apis = resolver.of_type(API);
    apis.into_iter().map(|(logical_id, resource)| api(resolver, logical_id, resource)).collect()
}

fn api(resolver: &mut Resolver<'_>, logical_id: &str, resource: &Node) -> ApiDraft {
    let none = Node { position: resource.position, data: Data::Map(Vec::new()) };
    let properties = resource.get("Properties").unwrap_or(&none);
    let mut definition = definition(resolver, properties, &Authorizers::default());
    for properties in parts(resolver, "AWS::ApiGateway::Method", logical_id) {
        match raw_method(resolver, logical_id, properties) {
            Ok(method) => definition.methods.push(method),
            Err(problem) => resolver.warn(&problem),
        }
    }
    let stage = parts(resolver, "AWS::ApiGateway::Stage", logical_id).into_iter().next();
    let deployment = parts(resolver, "AWS::ApiGateway::Deployment", logical_id).into_iter().next();
    let named = stage.or(deployment);
    ApiDraft {
        logical_id: logical_id.to_owned(),
        stage: named.and_then(|stage| resolver.text(stage, "StageName")),
        variables: stage.map(|stage| variables(resolver, stage)).unwrap_or_default(),
        definition,
    }
}

/// The properties of those resources of a type that belong to an API.
fn parts<'a>(resolver: &mut Resolver<'a>, kind: &str, api: &str) -> Vec<&'a Node> {
    let resources = resolver.of_type(kind).into_iter();
    let properties = resources.filter_map(|(_, resource)| resource.get("Properties"));
    properties.filter(|it| resolver.text(it, "RestApiId").as_deref() == Some(api)).collect()
}

fn raw_method(
    resolver: &mut Resolver<'_>,
    api: &str,
    properties: &Node,
) -> Result<ApiMethod, Problem> {
    let problem = |reason: ApiProblem| properties.problem(reason);
    let at = resolver.text(properties, "ResourceId").unwrap_or_default();
    let path = path(resolver, api, &at).ok_or_else(|| {
        problem(ApiProblem::MissingResource { resource: at.clone(), api: api.to_owned() })
    })?;
    let http_method = resolver.values().property_text(properties, "HttpMethod")?;
    let http_method = http_method.ok_or_else(|| problem(ApiProblem::NoHttpMethod))?;
    let shown = format!("{http_method} {path}");
    let node = properties.get("Integration").map(|node| resolver.known(node));
    let node = node.ok_or_else(|| problem(ApiProblem::NoIntegration { method: shown.clone() }))?;
    let integration = integration(&node).map_err(|problem| problem.within(&shown))?;
    let declared = declared(resolver, properties);
    let method = ApiMethod {
        resource: path.parse().map_err(|error| properties.problem(error))?,
        http_method: method_named(&http_method, properties)?,
        authorizer: authorizer(resolver, properties)?,
        required: if validates(resolver, properties)? { required(&declared) } else { Vec::new() },
        integration,
    };
    let declared: Vec<_> = declared.into_iter().map(|(parameter, _)| parameter).collect();
    for warning in deploy_warnings::about(&method, &declared, &node) {
        resolver.warn(&warning);
    }
    Ok(method)
}

/// The parameters that requests declare, and whether they must have them.
fn declared(resolver: &mut Resolver<'_>, properties: &Node) -> Vec<(Parameter, bool)> {
    let parameters = resolver.value(properties, "RequestParameters");
    let entries = parameters.as_ref().map(Node::entries).unwrap_or_default();
    let declared = entries.iter().filter_map(|(name, required)| {
        Some((name.parse().ok()?, required.truth().unwrap_or(false)))
    });
    declared.collect()
}

fn required(declared: &[(Parameter, bool)]) -> Vec<Parameter> {
    let required = declared.iter().filter(|(_, is_required)| *is_required);
    required.map(|(parameter, _)| parameter.clone()).collect()
}

/// Whether a validator looks at the parameters of requests.
fn validates(resolver: &Resolver<'_>, properties: &Node) -> Result<bool, Problem> {
    let Some(id) = resolver.values().property_text(properties, "RequestValidatorId")? else {
        return Ok(false);
    };
    let validator = resolver.resource(&id).and_then(|resource| resource.get("Properties"));
    let validates = validator.and_then(|it| it.get("ValidateRequestParameters")?.truth());
    Ok(validates.unwrap_or(false))
}

/// The authorizer of a method, if it has one. Other ways of authorization are not served.
fn authorizer(
    resolver: &mut Resolver<'_>,
    properties: &Node,
) -> Result<Option<Authorizer>, Problem> {
    if properties.get("ApiKeyRequired").and_then(Node::truth) == Some(true) {
        resolver.warn(&properties.problem(ApiProblem::WithoutKey));
    }
    let kind = resolver.values().property_text(properties, "AuthorizationType")?;
    match kind.as_deref() {
        None | Some("NONE") => return Ok(None),
        Some("CUSTOM") => {}
        Some(kind) => {
            let kind = kind.to_owned();
            resolver.warn(&properties.problem(ApiProblem::Authorization { kind }));
            return Ok(None);
        }
    }
    let id = resolver.values().property_text(properties, "AuthorizerId")?.unwrap_or_default();
    let authorizers = resolver.of_type(AUTHORIZER);
    let found = authorizers.into_iter().find(|(name, _)| *name == id);
    let found = found.and_then(|(name, resource)| Some((name, resource.get("Properties")?)));
    let missing = || properties.problem(ApiProblem::MissingAuthorizer { id: id.clone() });
    let (name, node) = found.ok_or_else(missing)?;
    let node = resolver.known(node);
    authorizers::of_cloud_formation(name, &node).map(Some)
}

/// The path of a resource, from the root.
fn path(resolver: &mut Resolver<'_>, api: &str, id: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut id = id.to_owned();
    while id != root(api) {
        let resources = resolver.of_type(RESOURCE);
        let (_, resource) = resources.into_iter().find(|(name, _)| *name == id)?;
        let properties = resource.get("Properties")?;
        parts.push(resolver.text(properties, "PathPart")?);
        id = resolver.text(properties, "ParentId")?;
        if parts.len() > MAXIMUM_DEPTH {
            return None;
        }
    }
    parts.reverse();
    Some(format!("/{}", parts.join("/")))
}

/// More parts than any path has; resources that are each other's parents have no end.
const MAXIMUM_DEPTH: usize = 1_000;
