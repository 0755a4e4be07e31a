//! An API while its parts are put together, and what both kinds of APIs have in common: a document, the
//! variables of a stage, the names of methods.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;

use crate::emulator::template::api::problem::ApiProblem;
use crate::emulator::template::authorizers::Authorizers;
use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::openapi::{self, ApiDefinition};
use crate::emulator::template::resolver::Resolver;

/// An API while its parts are put together.
#[derive(Default)]
pub(super) struct ApiDraft {
    pub(super) logical_id: String,
    pub(super) stage: Option<String>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) definition: ApiDefinition,
}

/// The methods of an OpenAPI document, in the template or in a file of its own, and the API's own binary
/// media types.
pub(super) fn definition(
    resolver: &mut Resolver<'_>,
    properties: &Node,
    authorizers: &Authorizers,
) -> ApiDefinition {
    let inside = properties.get("DefinitionBody").or_else(|| properties.get("Body"));
    let file = properties.get("DefinitionUri").and_then(Node::text).or_else(|| included(inside?));
    let read = file.as_deref().and_then(|file| resolver.file(file));
    let mut definition = ApiDefinition::default();
    if let Some(document) = read.as_ref().or(inside) {
        let document = resolver.known(document);
        definition = openapi::definition(&document, authorizers);
        let from = file.as_deref().filter(|_| read.is_some());
        for problem in definition.problems.drain(..) {
            resolver.warn_in(from, &problem);
        }
    }
    let types = resolver.value(properties, "BinaryMediaTypes");
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
pub(super) fn variables(
    resolver: &mut Resolver<'_>,
    properties: &Node,
) -> BTreeMap<String, String> {
    let all = resolver.value(properties, "Variables");
    let entries = all.as_ref().map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.text()?.into_owned())))
        .collect()
}

/// The HTTP method that a template names; `None` for any.
pub(super) fn method_named(name: &str, node: &Node) -> Result<Option<Method>, Problem> {
    match name.to_ascii_uppercase().as_str() {
        "ANY" | "X-AMAZON-APIGATEWAY-ANY-METHOD" => Ok(None),
        name => match name.parse() {
            Ok(method) if METHODS.contains(&method) => Ok(Some(method)),
            _ => Err(node.problem(ApiProblem::HttpMethod { name: name.to_owned() })),
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
