//! The values of parameters: those that were given, the defaults of the template, and pseudo parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::emulator::template::document::{Data, FilePosition, Node, Problem};
use crate::emulator::template::input::{TemplateError, TemplateInput, TemplateMistake};

/// AWS deploys no template with a parameter without a value.
#[derive(Debug, Error)]
#[error(
    "the parameter {name} has no value, without which AWS does not deploy it; --parameter {name}=VALUE \
     gives it one"
)]
struct ParameterWithoutValue<'a> {
    name: &'a str,
}

/// The values of all parameters that have one.
#[derive(Debug)]
pub(super) struct ParameterValues {
    /// Texts and lists of texts, by name.
    pub(super) values: BTreeMap<String, Node>,
    /// Parameters without a value.
    pub(super) problems: Vec<Problem>,
}

/// The values of the parameters in the section `Parameters`.
///
/// # Errors
///
/// When it has no parameter of a name that was given, or doesn't allow the value.
pub(super) fn parameter_values(
    input: &TemplateInput,
    section: Option<&Node>,
) -> Result<ParameterValues, TemplateError> {
    let declared = section.map(Node::entries).unwrap_or_default();
    let is_declared = |name: &&String| declared.iter().any(|(known, _)| known == *name);
    if let Some(name) = input.parameters.keys().find(|name| !is_declared(name)) {
        return Err(TemplateError::Parameter { file: input.file.clone(), name: name.clone() });
    }
    let mut values = pseudo_parameters(input);
    let mut problems = Vec::new();
    for (name, parameter) in declared {
        let given = input.parameters.get(name).map(String::as_str);
        if let Some(given) = given {
            check_allowed(input, name, parameter, given)?;
        }
        let default = parameter.get("Default").and_then(Node::text);
        match given.map(Cow::Borrowed).or(default) {
            Some(value) => drop(values.insert(name.clone(), value_of(parameter, &value))),
            None => problems.push(parameter.problem(ParameterWithoutValue { name })),
        }
    }
    Ok(ParameterValues { values, problems })
}

/// What AWS gives a value.
fn pseudo_parameters(input: &TemplateInput) -> BTreeMap<String, Node> {
    let pseudo = [
        ("AWS::AccountId", input.account_id.as_str()),
        ("AWS::Partition", "aws"),
        ("AWS::Region", input.region.as_str()),
        ("AWS::StackName", "local"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ];
    pseudo
        .map(|(name, value)| (name.to_owned(), Node::of_text(FilePosition::default(), value)))
        .into()
}

/// A value as the type of its parameter says.
fn value_of(parameter: &Node, value: &str) -> Node {
    let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
    if kind != "CommaDelimitedList" && !kind.contains("List<") {
        return Node::of_text(parameter.position, value);
    }
    let item = |item: &str| Node::of_text(FilePosition::default(), item.trim());
    let items = value.split(',').map(item).collect();
    Node { position: parameter.position, data: Data::List(items) }
}

/// A parameter that was given must be one of the values that the template allows, as on AWS.
fn check_allowed(
    input: &TemplateInput,
    name: &str,
    parameter: &Node,
    given: &str,
) -> Result<(), TemplateError> {
    let allowed = parameter.get("AllowedValues").map(Node::items).unwrap_or_default();
    let allowed: Vec<_> = allowed.iter().filter_map(Node::text).collect();
    if allowed.is_empty() || allowed.iter().any(|value| value == given) {
        return Ok(());
    }
    let mistake = TemplateMistake::ValueNotAllowed {
        parameter: name.to_owned(),
        allowed: allowed.join(", "),
        given: given.to_owned(),
    };
    Err(TemplateError::Wrong { file: input.file.clone(), position: parameter.position, mistake })
}
