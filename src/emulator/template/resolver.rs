//! A template while it is read: its resources, what their values come to, and warnings about what isn't
//! known.

use std::borrow::Cow;
use std::path::Path;

use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::input::{
    TemplateError, TemplateInput, TemplateMistake, read_document,
};
use crate::emulator::template::parameters::parameter_values;
use crate::emulator::template::values::{KnownValues, Values};

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
        let Some(resources) = document.get("Resources") else {
            return Err(TemplateError::Wrong {
                file: input.file.clone(),
                position: document.position,
                mistake: TemplateMistake::NoResources,
            });
        };
        let parameters = parameter_values(input, document.get("Parameters"))?;
        let known = KnownValues {
            parameters: parameters.values,
            mappings: document.get("Mappings").cloned(),
            conditions: document.get("Conditions").cloned(),
            ..KnownValues::default()
        };
        let mut resolver = Self {
            input,
            globals: document.get("Globals"),
            resources: Vec::new(),
            values: Values { known },
            warnings: Vec::new(),
        };
        for problem in &parameters.problems {
            resolver.warn(problem);
        }
        for (name, resource) in resources.entries() {
            if resolver.exists(resource) {
                resolver.resources.push((name, resource));
            }
        }
        Ok(resolver)
    }

    /// Whether the condition of a resource holds. If that isn't known there is a warning, and the resource exists.
    fn exists(&mut self, resource: &Node) -> bool {
        let Some(condition) = resource.get("Condition") else { return true };
        let name = condition.text().unwrap_or_default();
        self.values.holds(&name, condition).unwrap_or_else(|problem| {
            self.warn(&problem);
            true
        })
    }

    /// Warns of what isn't known or served here.
    pub(crate) fn warn(&mut self, problem: &Problem) {
        self.warn_in(None, problem);
    }

    /// The same, in a file that the template names if one is given.
    pub(crate) fn warn_in(&mut self, file: Option<&str>, Problem { position, what }: &Problem) {
        let file = file.map_or_else(|| self.input.file.clone(), |it| self.folder().join(it));
        let warning = format!("{}:{position}: {what}", file.display());
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// All warnings, a sentence each.
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
        self.values.known.resources.insert(reference, value);
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

    /// The loops that would make resources (`Fn::ForEach`), by their names in the template.
    #[must_use]
    pub(crate) fn loops(&self) -> Vec<(&'a str, &'a Node)> {
        let is_loop = |(name, _): &&(&str, &Node)| name.starts_with("Fn::ForEach");
        self.resources.iter().filter(is_loop).copied().collect()
    }

    /// What the section `Globals` has for all resources of a kind.
    #[must_use]
    pub(crate) fn global(&self, kind: &str) -> Option<&'a Node> {
        self.globals.and_then(|globals| globals.get(kind))
    }

    /// What a property comes to as a text, if it is there and known. If it isn't known there is a warning.
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

    /// What a property comes to, if it is there and known. If it isn't known there is a warning.
    pub(crate) fn value(&mut self, properties: &Node, name: &str) -> Option<Node> {
        let node = properties.get(name)?;
        self.values.resolve(node).unwrap_or_else(|problem| {
            self.warn(&problem);
            None
        })
    }

    /// A node with all that is known of it. A part that isn't known becomes null, with a warning.
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

    /// The document in a file that the template names; a warning if it can't be read.
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
