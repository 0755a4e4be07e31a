//! The REST APIs of a template, as they are deployed: SAM's and CloudFormation's, each with the methods of
//! its OpenAPI document. Knows no functions but their names.

mod cloud_formation;
mod sam;

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;

use crate::emulator::template::authorizers::Authorizers;
use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::functions::{Refused, TemplateFunction};
use crate::emulator::template::openapi::{self, Definition};
use crate::emulator::template::source::Source;
use crate::endpoints::api_gateway::api::RestApi;

/// The stage of an API that has none.
const STAGE: &str = "Prod";

/// What is said where a template asks for API keys.
const WITHOUT_KEY: &str = "API keys are not looked at: all may pass";

/// An API while its parts are put together.
#[derive(Default)]
struct Draft {
    logical_id: String,
    stage: Option<String>,
    variables: BTreeMap<String, String>,
    definition: Definition,
}

/// The APIs that have methods.
pub(crate) fn apis(
    source: &mut Source<'_>,
    functions: &[Result<TemplateFunction, Refused>],
) -> Vec<RestApi> {
    sam::name(source);
    cloud_formation::name(source);
    let mut drafts = sam::drafts(source, functions);
    drafts.extend(cloud_formation::drafts(source));
    drafts.retain(|draft| !draft.definition.methods.is_empty());
    let settings = source.settings();
    let deployed = |Draft { logical_id, stage, variables, definition }: Draft| RestApi {
        id: id(&logical_id),
        name: logical_id,
        account_id: settings.account_id.clone(),
        region: settings.region.clone(),
        stage: stage.unwrap_or_else(|| STAGE.to_owned()),
        stage_variables: variables,
        binary_media_types: definition.binary_media_types,
        methods: definition.methods,
    };
    drafts.into_iter().map(deployed).collect()
}

/// Ten letters and digits, the same for the same name.
fn id(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
    letters.chain(std::iter::repeat('0')).take(10).collect()
}

/// The methods of an OpenAPI document, in the template or in a file of its own, and the API's own binary
/// media types.
fn definition(source: &mut Source<'_>, properties: &Node, authorizers: &Authorizers) -> Definition {
    let inside = properties.get("DefinitionBody").or_else(|| properties.get("Body"));
    let file = properties.get("DefinitionUri").and_then(Node::text).or_else(|| included(inside?));
    let read = file.as_deref().and_then(|file| source.file(file));
    let mut definition = Definition::default();
    if let Some(document) = read.as_ref().or(inside) {
        let document = source.known(document);
        definition = openapi::definition(&document, authorizers);
        let from = file.as_deref().filter(|_| read.is_some());
        for problem in definition.problems.drain(..) {
            source.warn_in(from, &problem);
        }
    }
    let types = source.value(properties, "BinaryMediaTypes");
    let types = types.as_ref().map(Node::items).unwrap_or_default().iter().filter_map(Node::text);
    // SAM has the slash written as in the name of a member of a document.
    definition.binary_media_types.extend(types.map(|text| text.replace("~1", "/")));
    definition
}

/// The file that `AWS::Include` names.
fn included(body: &Node) -> Option<Cow<'_, str>> {
    let (name, transform) = body.single()?;
    let is_include = name == "Fn::Transform" && transform.get("Name")?.text()? == "AWS::Include";
    is_include.then(|| transform.get("Parameters")?.get("Location")?.text()).flatten()
}

/// The variables of a stage.
fn variables(source: &mut Source<'_>, properties: &Node) -> BTreeMap<String, String> {
    let all = source.value(properties, "Variables");
    let entries = all.as_ref().map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.text()?.into_owned())))
        .collect()
}

/// The HTTP method that a template names; `None` for any.
fn method_named(name: &str, node: &Node) -> Result<Option<Method>, Problem> {
    match name.to_ascii_uppercase().as_str() {
        "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Ok(None),
        name => match name.parse() {
            Ok(method) if METHODS.contains(&method) => Ok(Some(method)),
            _ => Err(node.problem(format!("`{name}` is no method of an API"))),
        },
    }
}

/// The methods that API Gateway has.
const METHODS: [Method; 7] = [
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::POST,
    Method::PUT,
];
