//! SAM's APIs: what `AWS::Serverless::Api` describes, and the methods that are events of functions.

use http::Method;

use crate::emulator::template::api::draft::{ApiDraft, definition, method_named, variables};
use crate::emulator::template::api::problem::ApiProblem;
use crate::emulator::template::authorizers::{self, Authorizers};
use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::functions::function::TemplateFunction;
use crate::emulator::template::functions::refusal::RefusedFunction;
use crate::emulator::template::globals::merged;
use crate::emulator::template::integration::preflight;
use crate::emulator::template::openapi::ApiDefinition;
use crate::emulator::template::resolver::Resolver;
use crate::endpoints::api_gateway::api::{
    ApiMethod, FixedResponse, Integration, LambdaIntegration, Parameter,
};
use crate::endpoints::api_gateway::authorizer::Authorizer;
use crate::lambda::quotas;

const API: &str = "AWS::Serverless::Api";

/// The API that SAM makes of events which name none.
const IMPLICIT: &str = "ServerlessRestApi";

/// One of SAM's APIs while its events are added.
struct SamApi {
    draft: ApiDraft,
    /// Whether it has a document which SAM leaves alone: events add no methods to it.
    is_described: bool,
    authorizers: Authorizers,
    /// The authorizer of methods that name none; an error where it isn't known.
    default_authorizer: Result<Option<String>, Problem>,
    /// The answer to preflight requests, for all paths.
    cors: Option<FixedResponse>,
}

/// Gives `Ref` of the APIs its meaning.
pub(super) fn name(resolver: &mut Resolver<'_>) {
    for (logical_id, _) in resolver.of_type(API) {
        resolver.name(logical_id.to_owned(), logical_id.to_owned());
    }
    resolver.name(IMPLICIT.to_owned(), IMPLICIT.to_owned());
}

/// The APIs with the events of functions.
pub(super) fn drafts(
    resolver: &mut Resolver<'_>,
    functions: &[Result<TemplateFunction, RefusedFunction>],
) -> Vec<ApiDraft> {
    let mut apis: Vec<SamApi> = Vec::new();
    for (logical_id, resource) in resolver.of_type(API) {
        apis.push(api(resolver, logical_id, resource));
    }
    for function in functions.iter().flatten() {
        let resource = resolver.resource(&function.logical_id);
        let events = resource.and_then(|resource| resource.get("Properties")?.get("Events"));
        for (_, event) in events.map(Node::entries).unwrap_or_default() {
            if event.get("Type").and_then(Node::text).is_none_or(|kind| kind != "Api") {
                continue;
            }
            if let Err(problem) = add_event(resolver, &mut apis, &function.name, event) {
                resolver.warn(&problem);
            }
        }
    }
    apis.iter_mut().for_each(add_preflight);
    apis.into_iter().map(|api| api.draft).collect()
}

fn api(resolver: &mut Resolver<'_>, logical_id: &str, resource: &Node) -> SamApi {
    let none = Node { position: resource.position, data: Data::Map(Vec::new()) };
    let own = resource.get("Properties").unwrap_or(&none);
    let properties = resolver.global("Api").map_or_else(|| own.clone(), |all| merged(all, own));
    let auth = properties.get("Auth").map(|auth| resolver.known(auth));
    let mut problems = Vec::new();
    let mut authorizers =
        auth.as_ref().map(|auth| authorizers::of_sam(auth, &mut problems)).unwrap_or_default();
    if needs_key(auth.as_ref()) {
        problems.push(own.problem(ApiProblem::WithoutKey));
    }
    let default_authorizer = member_of_auth(resolver, &properties, "DefaultAuthorizer");
    if let Ok(Some(authorizers::AWS_IAM)) = default_authorizer.as_ref().map(Option::as_deref) {
        problems.push(own.problem(ApiProblem::Unsigned));
    }
    for problem in &problems {
        resolver.warn(problem);
    }
    let default = default_authorizer.clone().and_then(|name| match name {
        Some(name) => authorizers.named(&name, own),
        None => Ok(None),
    });
    authorizers.guards_preflight = guards_preflight(auth.as_ref());
    let definition = match default {
        Ok(default) => {
            authorizers.default = default;
            definition(resolver, &properties, &authorizers)
        }
        // Nobody knows whom its methods let pass.
        Err(problem) => {
            resolver.warn(&problem);
            ApiDefinition::default()
        }
    };
    SamApi {
        draft: ApiDraft {
            logical_id: logical_id.to_owned(),
            stage: resolver.text(&properties, "StageName"),
            variables: variables(resolver, &properties),
            definition,
        },
        is_described: ["DefinitionBody", "DefinitionUri"]
            .iter()
            .any(|it| properties.get(it).is_some())
            && properties.get("MergeDefinitions").and_then(Node::truth) != Some(true),
        authorizers,
        default_authorizer,
        cors: resolver.value(&properties, "Cors").map(|cors| preflight(&cors)),
    }
}

/// Adds the method of an event to its API, unless that has it already.
fn add_event(
    resolver: &mut Resolver<'_>,
    apis: &mut Vec<SamApi>,
    function: &str,
    event: &Node,
) -> Result<(), Problem> {
    let properties = event.get("Properties").unwrap_or(event);
    let name = match properties.get("RestApiId") {
        None => IMPLICIT.to_owned(),
        Some(node) => resolver.values().text(node)?,
    };
    if name == IMPLICIT && !apis.iter().any(|api| api.draft.logical_id == name) {
        let none = Node { position: event.position, data: Data::Null };
        apis.push(api(resolver, IMPLICIT, &none));
    }
    let api = apis.iter_mut().find(|api| api.draft.logical_id == name);
    let api =
        api.ok_or_else(|| properties.problem(ApiProblem::MissingApi { api: name.clone() }))?;
    let authorizer = authorizer(resolver, properties, api)?;
    let method = ApiMethod { authorizer, ..method(resolver, properties, function)? };
    let methods = &mut api.draft.definition.methods;
    let same = |other: &ApiMethod| {
        other.resource == method.resource && other.http_method == method.http_method
    };
    match (methods.iter().any(same), api.is_described) {
        (false, false) => methods.push(method),
        (false, true) => {
            let verb = method.http_method().to_owned();
            let reason = ApiProblem::NotInDocument { verb, path: method.resource, api: name };
            resolver.warn(&properties.problem(reason));
        }
        (true, _) if properties.get("Auth").is_some() => {
            resolver.warn(&properties.problem(ApiProblem::AuthOfEvent { api: name }));
        }
        (true, _) => {}
    }
    Ok(())
}

/// What `Auth` says there. Who may pass is not guessed.
fn member_of_auth(
    resolver: &Resolver<'_>,
    properties: &Node,
    name: &str,
) -> Result<Option<String>, Problem> {
    let values = resolver.values();
    let Some(auth) = properties.get("Auth") else { return Ok(None) };
    if auth.get(name).is_some() {
        return values.property_text(auth, name);
    }
    let is_intrinsic = auth.single().is_some_and(|(it, _)| it == "Ref" || it.starts_with("Fn::"));
    let whole = if is_intrinsic { values.resolve(auth)? } else { None };
    whole.map_or(Ok(None), |auth| values.property_text(&auth, name))
}

/// Whether preflight requests need the default authorizer, as SAM has it unless it is told otherwise.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apiauth.html>
fn guards_preflight(auth: Option<&Node>) -> bool {
    let said = auth.and_then(|auth| auth.get("AddDefaultAuthorizerToCorsPreflight")?.truth());
    said.unwrap_or(true)
}

fn needs_key(auth: Option<&Node>) -> bool {
    auth.and_then(|auth| auth.get("ApiKeyRequired")?.truth()).unwrap_or(false)
}

fn authorizer(
    resolver: &mut Resolver<'_>,
    event: &Node,
    api: &SamApi,
) -> Result<Option<Authorizer>, Problem> {
    let auth = event.get("Auth");
    if needs_key(auth) {
        resolver.warn(&event.problem(ApiProblem::WithoutKey));
    }
    let asked = member_of_auth(resolver, event, "Authorizer")?;
    let name = match &asked {
        Some(name) => Some(name.clone()),
        None => api.default_authorizer.clone()?,
    };
    let Some(name) = name.filter(|name| name != "NONE") else { return Ok(None) };
    if asked.as_deref() == Some(authorizers::AWS_IAM) {
        resolver.warn(&event.problem(ApiProblem::Unsigned));
    }
    api.authorizers.named(&name, event)
}

fn method(resolver: &Resolver<'_>, event: &Node, function: &str) -> Result<ApiMethod, Problem> {
    let member = |name: &str| {
        let node = event
            .get(name)
            .ok_or_else(|| event.problem(ApiProblem::EventWithout { property: name.to_owned() }));
        resolver.values().text(node?)
    };
    let path = member("Path")?;
    let integration = Integration::Lambda(LambdaIntegration {
        function: function.to_owned(),
        parameters: Vec::new(),
        timeout: quotas::API_INTEGRATION_TIMEOUT,
    });
    Ok(ApiMethod {
        resource: path.parse().map_err(|error| event.problem(error))?,
        http_method: method_named(&member("Method")?, event)?,
        authorizer: None,
        required: required(event),
        integration,
    })
}

/// The required ones of `RequestParameters`. SAM has them looked at only where a model says so.
///
/// <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-requestmodel.html>
fn required(event: &Node) -> Vec<Parameter> {
    let model = event.get("RequestModel");
    let validates = model.and_then(|model| model.get("ValidateParameters")?.truth());
    if validates != Some(true) {
        return Vec::new();
    }
    let all = event.get("RequestParameters").map(Node::items).unwrap_or_default();
    let is_required = |node: &Node| node.get("Required").and_then(Node::truth) == Some(true);
    let named = all.iter().flat_map(Node::entries).filter(|(_, node)| is_required(node));
    named.filter_map(|(name, _)| name.parse().ok()).collect()
}

/// Every path answers preflight requests, if it doesn't already.
fn add_preflight(api: &mut SamApi) {
    let Some(response) = &api.cors else { return };
    let methods = &mut api.draft.definition.methods;
    let mut preflights: Vec<ApiMethod> = Vec::new();
    for method in methods.iter() {
        let answers = |other: &ApiMethod| {
            other.resource == method.resource && other.http_method == Some(Method::OPTIONS)
        };
        if !methods.iter().chain(&preflights).any(answers) {
            preflights.push(ApiMethod {
                resource: method.resource.clone(),
                http_method: Some(Method::OPTIONS),
                authorizer: api.authorizers.of_unnamed(Some(&Method::OPTIONS)),
                required: Vec::new(),
                integration: Integration::Fixed(response.clone()),
            });
        }
    }
    methods.extend(preflights);
}
