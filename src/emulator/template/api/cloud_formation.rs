//! CloudFormation's APIs: `AWS::ApiGateway::RestApi` with its resources, methods, authorizers and stage, as
//! CDK writes them. Knows nothing of SAM's.

use crate::emulator::template::api::{Draft, WITHOUT_KEY, definition, method_named, variables};
use crate::emulator::template::authorizers::{self, Authorizers};
use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::doubts;
use crate::emulator::template::integration::integration;
use crate::emulator::template::source::Source;
use crate::endpoints::api_gateway::api::{ApiMethod, Parameter};
use crate::endpoints::api_gateway::authorizer::Authorizer;

const API: &str = "AWS::ApiGateway::RestApi";
const RESOURCE: &str = "AWS::ApiGateway::Resource";
const AUTHORIZER: &str = "AWS::ApiGateway::Authorizer";
const VALIDATOR: &str = "AWS::ApiGateway::RequestValidator";

/// Gives `Ref` of the APIs and their parts its meaning.
pub(super) fn name(source: &mut Source<'_>) {
    for (logical_id, _) in source.of_type(API) {
        source.name(format!("{logical_id}.RootResourceId"), root(logical_id));
    }
    for kind in [API, RESOURCE, AUTHORIZER, VALIDATOR] {
        for (logical_id, _) in source.of_type(kind) {
            source.name(logical_id.to_owned(), logical_id.to_owned());
            source.name(format!("{logical_id}.ResourceId"), logical_id.to_owned());
        }
    }
}

/// What `RootResourceId` of an API comes to.
fn root(api: &str) -> String {
    format!("{api}/")
}

/// The APIs.
pub(super) fn drafts(source: &mut Source<'_>) -> Vec<Draft> {
    let apis = source.of_type(API);
    apis.into_iter().map(|(logical_id, resource)| api(source, logical_id, resource)).collect()
}

fn api(source: &mut Source<'_>, logical_id: &str, resource: &Node) -> Draft {
    let none = Node { place: resource.place, data: Data::Map(Vec::new()) };
    let properties = resource.get("Properties").unwrap_or(&none);
    let mut definition = definition(source, properties, &Authorizers::default());
    for properties in parts(source, "AWS::ApiGateway::Method", logical_id) {
        match raw_method(source, logical_id, properties) {
            Ok(method) => definition.methods.push(method),
            Err(problem) => source.warn(&problem),
        }
    }
    let stage = parts(source, "AWS::ApiGateway::Stage", logical_id).into_iter().next();
    let deployment = parts(source, "AWS::ApiGateway::Deployment", logical_id).into_iter().next();
    let named = stage.or(deployment);
    Draft {
        logical_id: logical_id.to_owned(),
        stage: named.and_then(|stage| source.text(stage, "StageName")),
        variables: stage.map(|stage| variables(source, stage)).unwrap_or_default(),
        definition,
    }
}

/// The properties of those resources of a type that belong to an API.
fn parts<'a>(source: &mut Source<'a>, kind: &str, api: &str) -> Vec<&'a Node> {
    let resources = source.of_type(kind).into_iter();
    let properties = resources.filter_map(|(_, resource)| resource.get("Properties"));
    properties.filter(|it| source.text(it, "RestApiId").as_deref() == Some(api)).collect()
}

fn raw_method(source: &mut Source<'_>, api: &str, properties: &Node) -> Result<ApiMethod, Problem> {
    let problem = |what: String| properties.problem(what);
    let at = source.text(properties, "ResourceId").unwrap_or_default();
    let path = path(source, api, &at).ok_or_else(|| {
        problem(format!("the resource `{at}` of a method of the API {api} is not there"))
    })?;
    let http_method = source.values().property_text(properties, "HttpMethod")?;
    let http_method =
        http_method.ok_or_else(|| problem("a method has no HttpMethod".to_owned()))?;
    let shown = format!("{http_method} {path}");
    let node = properties.get("Integration").map(|node| source.known(node));
    let node = node.ok_or_else(|| problem(format!("{shown} has no integration")))?;
    let integration = integration(&node)
        .map_err(|Problem { place, what }| Problem { place, what: format!("{shown}: {what}") })?;
    let declared = declared(source, properties);
    let method = ApiMethod {
        resource: path.parse().map_err(|error| problem(format!("{error}")))?,
        http_method: method_named(&http_method, properties)?,
        authorizer: authorizer(source, properties)?,
        required: if validates(source, properties)? { required(&declared) } else { Vec::new() },
        integration,
    };
    let declared: Vec<_> = declared.into_iter().map(|(parameter, _)| parameter).collect();
    for doubt in doubts::about(&method, &declared, &node) {
        source.warn(&doubt);
    }
    Ok(method)
}

/// The parameters that requests declare, and whether they must have them.
fn declared(source: &mut Source<'_>, properties: &Node) -> Vec<(Parameter, bool)> {
    let parameters = source.value(properties, "RequestParameters");
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
fn validates(source: &Source<'_>, properties: &Node) -> Result<bool, Problem> {
    let Some(id) = source.values().property_text(properties, "RequestValidatorId")? else {
        return Ok(false);
    };
    let validator = source.resource(&id).and_then(|resource| resource.get("Properties"));
    let validates = validator.and_then(|it| it.get("ValidateRequestParameters")?.truth());
    Ok(validates.unwrap_or(false))
}

/// The authorizer of a method, if it has one. Other ways of authorization are not served.
fn authorizer(source: &mut Source<'_>, properties: &Node) -> Result<Option<Authorizer>, Problem> {
    if properties.get("ApiKeyRequired").and_then(Node::truth) == Some(true) {
        source.warn(&properties.problem(WITHOUT_KEY));
    }
    let kind = source.values().property_text(properties, "AuthorizationType")?;
    match kind.as_deref() {
        None | Some("NONE") => return Ok(None),
        Some("CUSTOM") => {}
        Some(kind) => {
            let what = format!("the authorization {kind} of a method is not served: all may pass");
            source.warn(&properties.problem(what));
            return Ok(None);
        }
    }
    let id = source.values().property_text(properties, "AuthorizerId")?.unwrap_or_default();
    let authorizers = source.of_type(AUTHORIZER);
    let found = authorizers.into_iter().find(|(name, _)| *name == id);
    let found = found.and_then(|(name, resource)| Some((name, resource.get("Properties")?)));
    let missing = || {
        let what = format!("the authorizer `{id}` of a method is not there, so it is not served");
        properties.problem(what)
    };
    let (name, node) = found.ok_or_else(missing)?;
    let node = source.known(node);
    authorizers::of_cloud_formation(name, &node).map(Some)
}

/// The path of a resource, from the root.
fn path(source: &mut Source<'_>, api: &str, id: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut id = id.to_owned();
    while id != root(api) {
        let resources = source.of_type(RESOURCE);
        let (_, resource) = resources.into_iter().find(|(name, _)| *name == id)?;
        let properties = resource.get("Properties")?;
        parts.push(source.text(properties, "PathPart")?);
        id = source.text(properties, "ParentId")?;
        if parts.len() > MAXIMUM_DEPTH {
            return None;
        }
    }
    parts.reverse();
    Some(format!("/{}", parts.join("/")))
}

/// More parts than any path has; resources that are each other's parents have no end.
const MAXIMUM_DEPTH: usize = 1_000;
