//! The short forms of intrinsic functions (`!Sub x`), which become their long ones (`{"Fn::Sub": x}`).

use saphyr_parser::Tag;

use crate::emulator::template::document::node::{Data, Node};

/// What a node with this tag is in the long form. A tag of YAML itself changes nothing.
pub(super) fn lengthened(tag: &Tag, node: Node) -> Node {
    let Some(name) = long_name(tag) else { return node };
    let position = node.position;
    let argument = if name == "Fn::GetAtt" { attribute(node) } else { node };
    Node { position, data: Data::Map(vec![(name, argument)]) }
}

/// `!Ref` and `!Condition` have the name of their long form, all others get `Fn::` in front.
fn long_name(tag: &Tag) -> Option<String> {
    if tag.handle != "!" {
        return None;
    }
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

/// `!GetAtt A.B` is short for a list.
fn attribute(node: Node) -> Node {
    let Data::Text(text) = &node.data else { return node };
    let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
    let parts = [resource, attribute].map(|part| Node::of_text(node.position, part));
    Node { position: node.position, data: Data::List(parts.into()) }
}
