//! Intrinsic functions that look up what a name stands for.

use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::values::evaluation::Call;
use crate::emulator::template::values::unknown_value::UnknownValue;

/// `Ref`
pub(super) fn reference(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let name = call.argument.text().ok_or_else(|| call.malformed("a name"))?;
    if name == "AWS::NoValue" {
        return Ok(None);
    }
    if let Some(parameter) = call.known().parameters.get(name.as_ref()) {
        return Ok(Some(parameter.clone()));
    }
    let resource = call.known().resources.get(name.as_ref());
    let unknown = || call.problem(UnknownValue::Reference { name: name.to_string() });
    resource.map(|value| Some(call.of_text(value))).ok_or_else(unknown)
}

/// `Fn::GetAtt`
pub(super) fn attribute(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let parts: Vec<_> = call.argument.items().iter().filter_map(Node::text).collect();
    let name = parts.join(".");
    match call.known().resources.get(&name) {
        Some(value) => Ok(Some(call.of_text(value))),
        None => Err(call.problem(UnknownValue::Attribute { name })),
    }
}

/// `Fn::FindInMap`
pub(super) fn find_in_map(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let keys = call.argument.items();
    let mut found = call.known().mappings.as_ref();
    for key in keys.iter().take(3) {
        let key = call.text(key)?;
        found = found.and_then(|node| node.get(&key));
    }
    let found = found.filter(|_| keys.len() >= 3).cloned();
    found.map(Some).ok_or_else(|| call.nothing())
}
