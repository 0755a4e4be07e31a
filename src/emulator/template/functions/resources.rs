//! The resources that are functions: their types, their properties, and what the names of functions and
//! of their aliases come to.

use crate::emulator::template::document::{Data, Node};
use crate::emulator::template::globals::merged;
use crate::emulator::template::input::TemplateInput;
use crate::emulator::template::integration::name_in;
use crate::emulator::template::resolver::Resolver;

/// SAM's functions.
pub(super) const SAM: &str = "AWS::Serverless::Function";
/// Functions of CloudFormation itself, which CDK writes.
pub(super) const CLOUD_FORMATION: &str = "AWS::Lambda::Function";

/// The properties of a function, with what is global in a SAM template.
#[must_use]
pub(crate) fn properties(resolver: &Resolver<'_>, resource: &Node) -> Node {
    let none = Node { position: resource.position, data: Data::Map(vec![]) };
    let own = resource.get("Properties").unwrap_or(&none);
    let is_sam = resource.get("Type").and_then(Node::text).is_some_and(|kind| kind == SAM);
    let globals = resolver.global("Function");
    match globals {
        Some(globals) if is_sam => merged(globals, own),
        _ => own.clone(),
    }
}

/// What `Ref` and `Fn::GetAtt` of a function come to, and with `AutoPublishAlias` those of what SAM adds.
pub(super) fn name_function(
    resolver: &mut Resolver<'_>,
    logical_id: &str,
    name: &str,
    alias: Option<&str>,
) {
    let TemplateInput { region, account_id, .. } = resolver.input();
    let arn = format!("arn:aws:lambda:{region}:{account_id}:function:{name}");
    resolver.name(logical_id.to_owned(), name.to_owned());
    resolver.name(format!("{logical_id}.Arn"), arn.clone());
    if let Some(alias) = alias {
        let version = format!("{arn}:1");
        for (reference, value) in [("Version", &version), ("Alias", &format!("{arn}:{alias}"))] {
            resolver.name(format!("{logical_id}.{reference}"), value.clone());
        }
        resolver.name(format!("{logical_id}Alias{alias}"), format!("{arn}:{alias}"));
    }
}

/// Aliases and versions that are resources of their own: mtl has the one version for all of them.
pub(super) fn name_aliases(resolver: &mut Resolver<'_>) {
    for kind in ["AWS::Lambda::Alias", "AWS::Lambda::Version"] {
        for (logical_id, resource) in resolver.of_type(kind) {
            let Some(properties) = resource.get("Properties") else { continue };
            let function = resolver.text(properties, "FunctionName");
            let Some(function) = function else { continue };
            let TemplateInput { region, account_id, .. } = resolver.input();
            let function = name_in(&function).unwrap_or(function);
            let qualifier = resolver.text(properties, "Name").unwrap_or_else(|| "1".to_owned());
            let arn =
                format!("arn:aws:lambda:{region}:{account_id}:function:{function}:{qualifier}");
            resolver.name(logical_id.to_owned(), arn);
        }
    }
}

/// Whether a property is the name or the ARN of a function.
pub(super) fn names(
    resolver: &Resolver<'_>,
    properties: &Node,
    member: &str,
    function: &str,
) -> bool {
    let Some(text) = properties.get(member).and_then(|node| resolver.values().text(node).ok())
    else {
        return false;
    };
    text == function || text.ends_with(&format!(":function:{function}"))
}
