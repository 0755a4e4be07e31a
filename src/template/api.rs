//! The REST API of a template: one of SAM's, with its OpenAPI document or the events of functions, or one
//! of CloudFormation's, resource by resource. Knows no functions but their names.

use std::collections::BTreeMap;
use std::path::Path;

use http::Method;

use crate::api_gateway::api::{
    ApiMethod, FixedResponse, Integration, Lambda, Parameter, ParameterPlace, RestApi,
};
use crate::api_gateway::authorizer::Authorizer;
use crate::api_gateway::resource::Resource;
use crate::quotas;
use crate::template::authorizers::{self, Authorizers};
use crate::template::document::{Data, Node};
use crate::template::functions::{Refused, TemplateFunction};
use crate::template::integration::{integration, preflight};
use crate::template::openapi::{self, Definition};
use crate::template::values::Unknown;
use crate::template::{Source, document, merged};

const SAM: &str = "AWS::Serverless::Api";
const CLOUD_FORMATION: &str = "AWS::ApiGateway::RestApi";

const AUTHORIZER: &str = "AWS::ApiGateway::Authorizer";

/// The stage of the API that SAM makes of events alone.
const STAGE: &str = "Prod";

/// An API while its parts are put together.
#[derive(Default)]
struct Draft<'a> {
    /// `None` for the one that SAM makes of events alone.
    logical_id: Option<&'a str>,
    stage: Option<String>,
    variables: BTreeMap<String, String>,
    definition: Definition,
    authorizers: Authorizers,
    /// That of methods which name none.
    default_authorizer: Option<String>,
    /// The answer to preflight requests, for all paths.
    cors: Option<FixedResponse>,
}

/// The first API that has methods. That there are others is said.
pub fn api(
    source: &mut Source<'_>,
    functions: &[Result<TemplateFunction, Refused>],
) -> Option<RestApi> {
    let sam = source.of_type(SAM);
    let cloud_formation = source.of_type(CLOUD_FORMATION);
    for (logical_id, _) in sam.iter().chain(&cloud_formation) {
        let resources = &mut source.values.resources;
        resources.insert((*logical_id).to_owned(), (*logical_id).to_owned());
        resources.insert(format!("{logical_id}.RootResourceId"), root(logical_id));
    }
    let mut referred = source.of_type("AWS::ApiGateway::Resource");
    referred.extend(source.of_type(AUTHORIZER));
    for (logical_id, _) in referred {
        source.values.resources.insert(logical_id.to_owned(), logical_id.to_owned());
    }
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    drafts.extend(sam.into_iter().map(|(name, resource)| of_sam(source, name, resource)));
    drafts.extend(
        cloud_formation
            .into_iter()
            .map(|(name, resource)| of_cloud_formation(source, name, resource)),
    );
    add_events(source, &mut drafts, functions);
    drafts.retain(|draft| !draft.definition.methods.is_empty());
    drafts.iter_mut().for_each(add_preflight);
    let mut drafts = drafts.into_iter();
    let first = drafts.next()?;
    for other in drafts {
        let name = other.logical_id.unwrap_or("of events");
        source.warnings.push(format!("the API {name} is not served: only the first one is"));
    }
    Some(RestApi {
        id: id(first.logical_id.unwrap_or("ServerlessRestApi")),
        account_id: source.settings.account_id.clone(),
        region: source.settings.region.clone(),
        stage: first.stage.unwrap_or_else(|| STAGE.to_owned()),
        stage_variables: first.variables,
        binary_media_types: first.definition.binary_media_types,
        methods: first.definition.methods,
    })
}

/// What `RootResourceId` of an API comes to.
fn root(api: &str) -> String {
    format!("{api}/")
}

/// Ten letters and digits, the same for the same name.
fn id(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
    letters.chain(std::iter::repeat('0')).take(10).collect()
}

fn of_sam<'a>(source: &mut Source<'_>, logical_id: &'a str, resource: &Node) -> Draft<'a> {
    let none = Node { place: resource.place, data: Data::Map(Vec::new()) };
    let own = resource.get("Properties").unwrap_or(&none);
    let globals = source.globals.and_then(|globals| globals.get("Api"));
    let properties = globals.map_or_else(|| own.clone(), |globals| merged(globals, own));
    let auth = properties.get("Auth").map(|auth| source.known(auth));
    let mut problems = Vec::new();
    let authorizers =
        auth.as_ref().map(|auth| authorizers::of_sam(auth, &mut problems)).unwrap_or_default();
    for (place, what) in problems {
        source.warn(&Unknown { place, what });
    }
    let default_authorizer = auth.as_ref().and_then(|auth| auth.get("DefaultAuthorizer")?.text());
    let default_authorizer = default_authorizer.map(std::borrow::Cow::into_owned);
    let mut definition = described(source, &properties, &authorizers);
    if let Some(name) = &default_authorizer {
        for method in definition.methods.iter_mut().filter(|method| method.authorizer.is_none()) {
            method.authorizer = authorizers.get(name).cloned();
        }
    }
    let types = source.value(&properties, "BinaryMediaTypes");
    let types = types.as_ref().map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
    definition.binary_media_types.extend(types.map(|text| text.replace("~1", "/")));
    let cors = source.value(&properties, "Cors").map(|cors| preflight(&cors));
    Draft {
        logical_id: Some(logical_id),
        stage: source.text(&properties, "StageName"),
        variables: variables(source, &properties),
        definition,
        authorizers,
        default_authorizer,
        cors,
    }
}

/// The methods of an OpenAPI document, in the template or in a file of its own.
fn described(source: &mut Source<'_>, properties: &Node, authorizers: &Authorizers) -> Definition {
    let inside = properties.get("DefinitionBody").or_else(|| properties.get("Body"));
    let file = properties.get("DefinitionUri").and_then(Node::text).or_else(|| included(inside?));
    let read = file.and_then(|file| {
        let path = source.folder().join(Path::new(file.as_ref()));
        document(&path).map_err(|error| source.warnings.push(error.to_string())).ok()
    });
    let Some(document) = read.as_ref().or(inside) else { return Definition::default() };
    let document = source.known(document);
    let mut definition = openapi::definition(&document, authorizers);
    for (place, what) in definition.problems.drain(..) {
        source.warn(&Unknown { place, what });
    }
    definition
}

/// The file that `AWS::Include` names.
fn included(body: &Node) -> Option<std::borrow::Cow<'_, str>> {
    let (name, transform) = body.single()?;
    let is_include = name == "Fn::Transform" && transform.get("Name")?.text()? == "AWS::Include";
    is_include.then(|| transform.get("Parameters")?.get("Location")?.text()).flatten()
}

fn variables(source: &mut Source<'_>, properties: &Node) -> BTreeMap<String, String> {
    let all = source.value(properties, "Variables");
    let entries = all.as_ref().map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.text()?.into_owned())))
        .collect()
}

/// The events of functions are methods too, unless the API has them already.
fn add_events(
    source: &mut Source<'_>,
    drafts: &mut Vec<Draft<'_>>,
    functions: &[Result<TemplateFunction, Refused>],
) {
    for function in functions.iter().flatten() {
        let resources = source.resources.clone();
        let resource = resources.iter().find(|(name, _)| *name == function.logical_id);
        let events = resource.and_then(|(_, it)| it.get("Properties")?.get("Events"));
        for (_, event) in events.map(Node::entries).unwrap_or_default() {
            if event.get("Type").and_then(Node::text).is_none_or(|kind| kind != "Api") {
                continue;
            }
            if let Some((api, method)) = event_method(source, &function.name, event) {
                let auth = event.get("Properties").and_then(|it| it.get("Auth"));
                let asked = auth.and_then(|auth| auth.get("Authorizer")?.text());
                add_event(drafts, api.as_deref(), (method, asked.as_deref()));
            }
        }
    }
}

/// Every path answers preflight requests, if it doesn't already.
fn add_preflight(draft: &mut Draft<'_>) {
    let Some(response) = &draft.cors else { return };
    let methods = &mut draft.definition.methods;
    let mut preflights: Vec<ApiMethod> = Vec::new();
    for method in methods.iter() {
        let answers = |other: &ApiMethod| {
            other.resource == method.resource && other.http_method == Some(Method::OPTIONS)
        };
        if !methods.iter().chain(&preflights).any(answers) {
            preflights.push(ApiMethod {
                resource: method.resource.clone(),
                http_method: Some(Method::OPTIONS),
                authorizer: None,
                required: Vec::new(),
                integration: Integration::Fixed(response.clone()),
            });
        }
    }
    methods.extend(preflights);
}

fn add_event(
    drafts: &mut Vec<Draft<'_>>,
    api: Option<&str>,
    (mut method, asked): (ApiMethod, Option<&str>),
) {
    let known = drafts.iter_mut().find(|draft| draft.logical_id == api);
    if let Some(draft) = known {
        let same = |other: &&ApiMethod| {
            other.resource == method.resource && other.http_method == method.http_method
        };
        let name = asked.or(draft.default_authorizer.as_deref());
        method.authorizer = name.and_then(|name| draft.authorizers.get(name)).cloned();
        if draft.definition.methods.iter().find(same).is_none() {
            draft.definition.methods.push(method);
        }
    } else if api.is_none() {
        let definition = Definition { methods: vec![method], ..Definition::default() };
        drafts.push(Draft { definition, ..Draft::default() });
    }
}

/// The API that an event belongs to, and its method.
fn event_method(
    source: &mut Source<'_>,
    function: &str,
    event: &Node,
) -> Option<(Option<String>, ApiMethod)> {
    let properties = event.get("Properties")?;
    let path = source.text(properties, "Path")?;
    let http_method = source.text(properties, "Method")?;
    let resource: Resource = match path.parse() {
        Ok(resource) => resource,
        Err(error) => {
            source.warn(&Unknown { place: properties.place, what: format!("{error}") });
            return None;
        }
    };
    let integration = Integration::Lambda(Lambda {
        function: function.to_owned(),
        parameters: Vec::new(),
        timeout: quotas::API_INTEGRATION_TIMEOUT,
    });
    let http_method = method_named(&http_method);
    let required = required_of_event(properties);
    let authorizer = None;
    let method = ApiMethod { resource, http_method, authorizer, required, integration };
    Some((source.text(properties, "RestApiId"), method))
}

/// `RequestParameters` of an event: names, or names with `Required`.
fn required_of_event(properties: &Node) -> Vec<Parameter> {
    let all = properties.get("RequestParameters").map(Node::items).unwrap_or_default();
    let is_required = |node: &Node| node.get("Required").and_then(Node::truth) == Some(true);
    let named = all.iter().flat_map(Node::entries).filter(|(_, node)| is_required(node));
    named.filter_map(|(name, _)| parameter(name)).collect()
}

/// `None` for any.
fn method_named(name: &str) -> Option<Method> {
    match name.to_ascii_uppercase().as_str() {
        "ANY" => None,
        name => name.parse().ok(),
    }
}

fn of_cloud_formation<'a>(
    source: &mut Source<'_>,
    logical_id: &'a str,
    resource: &Node,
) -> Draft<'a> {
    let none = Node { place: resource.place, data: Data::Map(Vec::new()) };
    let properties = resource.get("Properties").unwrap_or(&none);
    let mut definition = described(source, properties, &Authorizers::new());
    let types = source.value(properties, "BinaryMediaTypes");
    let types = types.as_ref().map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
    definition.binary_media_types.extend(types.map(std::borrow::Cow::into_owned));
    for (_, method) in source.of_type("AWS::ApiGateway::Method") {
        let Some(properties) = method.get("Properties") else { continue };
        if source.text(properties, "RestApiId").as_deref() != Some(logical_id) {
            continue;
        }
        match raw_method(source, logical_id, properties) {
            Ok(method) => definition.methods.push(method),
            Err(problem) => source.warn(&problem),
        }
    }
    let stages = source.of_type("AWS::ApiGateway::Stage");
    let stage = stages.into_iter().find_map(|(_, stage)| stage.get("Properties"));
    Draft {
        logical_id: Some(logical_id),
        stage: stage.and_then(|stage| source.text(stage, "StageName")),
        variables: stage.map(|stage| variables(source, stage)).unwrap_or_default(),
        definition,
        ..Draft::default()
    }
}

fn raw_method(source: &mut Source<'_>, api: &str, properties: &Node) -> Result<ApiMethod, Unknown> {
    let problem = |what: String| Unknown { place: properties.place, what };
    let at = source.text(properties, "ResourceId").unwrap_or_default();
    let path = path(source, api, &at).ok_or_else(|| {
        problem(format!("the resource `{at}` of a method of the API {api} is not there"))
    })?;
    let http_method = source.text(properties, "HttpMethod").unwrap_or_default();
    let shown = format!("{http_method} {path}");
    let node = properties.get("Integration").map(|node| source.known(node));
    let node = node.ok_or_else(|| problem(format!("{shown} has no integration")))?;
    let integration = integration(&node)
        .map_err(|(place, what)| Unknown { place, what: format!("{shown}: {what}") })?;
    Ok(ApiMethod {
        resource: path.parse().map_err(|error| problem(format!("{error}")))?,
        http_method: method_named(&http_method),
        authorizer: authorizer(source, properties)?,
        required: required(source, properties),
        integration,
    })
}

/// The authorizer of a method, if it has one. Other ways of authorization are not served.
fn authorizer(source: &mut Source<'_>, properties: &Node) -> Result<Option<Authorizer>, Unknown> {
    let kind = source.text(properties, "AuthorizationType").unwrap_or_else(|| "NONE".to_owned());
    match kind.as_str() {
        "NONE" => return Ok(None),
        "CUSTOM" => {}
        _ => {
            let what = format!("the authorization {kind} of a method is not served: all may pass");
            source.warn(&Unknown { place: properties.place, what });
            return Ok(None);
        }
    }
    let id = source.text(properties, "AuthorizerId").unwrap_or_default();
    let authorizers = source.of_type(AUTHORIZER);
    let found = authorizers.into_iter().find(|(name, _)| *name == id);
    let found = found.and_then(|(name, resource)| Some((name, resource.get("Properties")?)));
    let missing = || Unknown {
        place: properties.place,
        what: format!("the authorizer `{id}` of a method is not there, so it is not served"),
    };
    let (name, node) = found.ok_or_else(missing)?;
    let node = source.known(node);
    let authorizer = authorizers::of_cloud_formation(name, &node);
    authorizer.map(Some).map_err(|(place, what)| Unknown { place, what })
}

/// The path of a resource, from the root.
fn path(source: &mut Source<'_>, api: &str, id: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut id = id.to_owned();
    while id != root(api) {
        let resources = source.of_type("AWS::ApiGateway::Resource");
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

/// What a request must have, where a validator looks at it.
fn required(source: &mut Source<'_>, properties: &Node) -> Vec<Parameter> {
    let validator = properties.get("RequestValidatorId").and_then(|node| node.get("Ref")?.text());
    let validators = source.of_type("AWS::ApiGateway::RequestValidator");
    let validates = validator.is_some_and(|validator| {
        validators.iter().any(|(name, resource)| {
            let properties = resource.get("Properties");
            let validates = properties.and_then(|it| it.get("ValidateRequestParameters")?.truth());
            *name == validator && validates.unwrap_or(false)
        })
    });
    if !validates {
        return Vec::new();
    }
    let parameters = source.value(properties, "RequestParameters");
    let entries = parameters.as_ref().map(Node::entries).unwrap_or_default();
    let required = entries.iter().filter(|(_, required)| required.truth().unwrap_or(false));
    required.filter_map(|(name, _)| parameter(name)).collect()
}

/// `method.request.querystring.NAME` and its like.
fn parameter(text: &str) -> Option<Parameter> {
    let (place, name) = text.strip_prefix("method.request.")?.split_once('.')?;
    let place = match place {
        "querystring" => ParameterPlace::QueryString,
        "header" => ParameterPlace::Header,
        "path" => ParameterPlace::Path,
        _ => return None,
    };
    Some(Parameter { place, name: name.to_owned() })
}
