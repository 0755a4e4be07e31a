//! A template while it is read: its resources, what their values come to, and what couldn't be told.
//! Knows no functions and no APIs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use crate::emulator::template::document::{Data, FilePosition, Node, Problem};
use crate::emulator::template::input::{TemplateError, TemplateInput, read_document};
use crate::emulator::template::values::Values;

/// A template while it is read.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    input: &'a TemplateInput,
    /// The section `Globals`.
    globals: Option<&'a Node>,
    /// Those whose condition holds, by their logical ids, in their order.
    resources: Vec<(&'a str, &'a Node)>,
    values: Values,
    warnings: Vec<String>,
}

impl<'a> Resolver<'a> {
    /// The resources of a document whose condition holds.
    ///
    /// # Errors
    ///
    /// When it is no template, or has no parameter of a name that was given.
    pub(crate) fn new(input: &'a TemplateInput, document: &'a Node) -> Result<Self, TemplateError> {
        let wrong = |position, message: &str| TemplateError::Wrong {
            file: input.file.clone(),
            position,
            message: message.to_owned(),
        };
        let Some(resources) = document.get("Resources") else {
            return Err(wrong(document.position, "this is no template: it has no `Resources`"));
        };
        let values = Values {
            parameters: parameters(input, document.get("Parameters"))?,
            mappings: document.get("Mappings").cloned(),
            conditions: document.get("Conditions").cloned(),
            ..Values::default()
        };
        let declared = document.get("Parameters").map(Node::entries).unwrap_or_default();
        let mut resolver = Self {
            input,
            globals: document.get("Globals"),
            resources: Vec::new(),
            values,
            warnings: Vec::new(),
        };
        for (name, parameter) in declared {
            if !resolver.values.parameters.contains_key(name) {
                let what = "has no value, without which AWS does not deploy it";
                resolver.warn(&parameter.problem(format!(
                    "the parameter {name} {what}; --parameter {name}=VALUE gives it one"
                )));
            }
        }
        for (name, resource) in resources.entries() {
            if resolver.exists(resource) {
                resolver.resources.push((name, resource));
            }
        }
        Ok(resolver)
    }

    /// Whether the condition of a resource holds. One that isn't known here is said.
    fn exists(&mut self, resource: &Node) -> bool {
        let Some(condition) = resource.get("Condition") else { return true };
        let name = condition.text().unwrap_or_default();
        self.values.holds(&name, condition).unwrap_or_else(|problem| {
            self.warn(&problem);
            true
        })
    }

    /// Says what isn't known or served here.
    pub(crate) fn warn(&mut self, problem: &Problem) {
        self.warn_in(None, problem);
    }

    /// Says so of a file that the template names.
    pub(crate) fn warn_in(&mut self, file: Option<&str>, Problem { position, what }: &Problem) {
        let file = file.map_or_else(|| self.input.file.clone(), |it| self.folder().join(it));
        let warning = format!("{}:{position}: {what}", file.display());
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// All that was said, a sentence each.
    #[must_use]
    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings
    }

    /// What the template was read with.
    #[must_use]
    pub(crate) fn input(&self) -> &'a TemplateInput {
        self.input
    }

    /// What `Ref` of a resource comes to, or with `Name.Attribute` what `Fn::GetAtt` does.
    pub(crate) fn name(&mut self, reference: String, value: String) {
        self.values.resources.insert(reference, value);
    }

    /// What values come to.
    #[must_use]
    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// The resource of this logical id.
    #[must_use]
    pub(crate) fn resource(&self, logical_id: &str) -> Option<&'a Node> {
        self.resources.iter().find(|(name, _)| *name == logical_id).map(|(_, node)| *node)
    }

    /// The resources of this type.
    #[must_use]
    pub(crate) fn of_type(&self, kind: &str) -> Vec<(&'a str, &'a Node)> {
        let of_type = |resource: &Node| {
            resource.get("Type").and_then(Node::text).is_some_and(|found| found == kind)
        };
        self.resources.iter().filter(|(_, resource)| of_type(resource)).copied().collect()
    }

    /// What makes resources in a loop, by the names in the template.
    #[must_use]
    pub(crate) fn loops(&self) -> Vec<(&'a str, &'a Node)> {
        let is_loop = |(name, _): &&(&str, &Node)| name.starts_with("Fn::ForEach");
        self.resources.iter().filter(is_loop).copied().collect()
    }

    /// What is said of all resources of a kind in the section `Globals`.
    #[must_use]
    pub(crate) fn global(&self, kind: &str) -> Option<&'a Node> {
        self.globals.and_then(|globals| globals.get(kind))
    }

    /// What a property comes to as a text, if it is there and known.
    pub(crate) fn text(&mut self, properties: &Node, name: &str) -> Option<String> {
        let node = properties.get(name)?;
        match self.values.resolve(node) {
            Ok(value) => value.as_ref().and_then(Node::text).map(Cow::into_owned),
            Err(problem) => {
                self.warn(&problem);
                None
            }
        }
    }

    /// What a property comes to, if it is there and known.
    pub(crate) fn value(&mut self, properties: &Node, name: &str) -> Option<Node> {
        let node = properties.get(name)?;
        self.values.resolve(node).unwrap_or_else(|problem| {
            self.warn(&problem);
            None
        })
    }

    /// A node with all that is known of it: a part that isn't is said and becomes nothing.
    pub(crate) fn known(&mut self, node: &Node) -> Node {
        let problem = match self.values.resolve(node) {
            Ok(value) => {
                return value.unwrap_or(Node { position: node.position, data: Data::Null });
            }
            Err(problem) => problem,
        };
        let is_intrinsic =
            node.single().is_some_and(|(name, _)| name == "Ref" || name.starts_with("Fn::"));
        let data = match &node.data {
            Data::Map(entries) if !is_intrinsic => {
                let known = |(name, node): &(String, Node)| (name.clone(), self.known(node));
                Data::Map(entries.iter().map(known).collect())
            }
            Data::List(items) => Data::List(items.iter().map(|item| self.known(item)).collect()),
            _ => {
                self.warn(&problem);
                Data::Null
            }
        };
        Node { position: node.position, data }
    }

    /// The document in a file that the template names. That it can't be read is said.
    pub(crate) fn file(&mut self, name: &str) -> Option<Node> {
        match read_document(&self.folder().join(name)) {
            Ok(document) => Some(document),
            Err(error) => {
                self.warnings.push(error.to_string());
                None
            }
        }
    }

    /// The folder of the template.
    #[must_use]
    pub(crate) fn folder(&self) -> &'a Path {
        self.input.file.parent().unwrap_or(Path::new("."))
    }
}

fn parameters(
    input: &TemplateInput,
    section: Option<&Node>,
) -> Result<BTreeMap<String, Node>, TemplateError> {
    let declared = section.map(Node::entries).unwrap_or_default();
    if let Some(name) =
        input.parameters.keys().find(|name| !declared.iter().any(|(known, _)| known == *name))
    {
        return Err(TemplateError::Parameter { file: input.file.clone(), name: name.clone() });
    }
    let pseudo = [
        ("AWS::AccountId", input.account_id.as_str()),
        ("AWS::Partition", "aws"),
        ("AWS::Region", input.region.as_str()),
        ("AWS::StackName", "local"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ];
    let text =
        |text: &str| Node { position: FilePosition::default(), data: Data::Text(text.to_owned()) };
    let mut parameters: BTreeMap<String, Node> =
        pseudo.map(|(name, value)| (name.to_owned(), text(value))).into();
    for (name, parameter) in declared {
        let given = input.parameters.get(name).map(String::as_str);
        if let Some(given) = given {
            check_allowed(input, name, parameter, given)?;
        }
        let default = parameter.get("Default").and_then(Node::text);
        let Some(value) = given.map(Cow::Borrowed).or(default) else { continue };
        let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
        let is_list = kind == "CommaDelimitedList" || kind.contains("List<");
        let data = if is_list {
            Data::List(value.split(',').map(|item| text(item.trim())).collect())
        } else {
            Data::Text(value.into_owned())
        };
        parameters.insert(name.clone(), Node { position: parameter.position, data });
    }
    Ok(parameters)
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
    Err(TemplateError::Wrong {
        file: input.file.clone(),
        position: parameter.position,
        message: format!("the parameter {name} is one of {}, not `{given}`", allowed.join(", ")),
    })
}

/// What is global with what is a resource's own: maps are merged, lists are joined, and of anything else
/// the resource's own counts, as SAM does it.
#[must_use]
pub(crate) fn merged(global: &Node, own: &Node) -> Node {
    let data = match (&global.data, &own.data) {
        (Data::Map(global), Data::Map(_)) => {
            let mut entries: Vec<(String, Node)> = own.entries().to_vec();
            for (name, value) in global {
                match entries.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = merged(value, known),
                    None => entries.push((name.clone(), value.clone())),
                }
            }
            Data::Map(entries)
        }
        (Data::List(global), Data::List(own)) => Data::List([global.clone(), own.clone()].concat()),
        _ => own.data.clone(),
    };
    Node { position: own.position, data }
}
