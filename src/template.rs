//! A SAM or CloudFormation template, or what `cdk synth` writes, as the functions and the API that it
//! describes. What can't be known or run here is named and left out, never guessed. Knows neither
//! arguments nor what is made of it.

pub mod api;
pub mod authorizers;
pub mod document;
pub mod functions;
pub mod integration;
pub mod openapi;
pub mod values;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::api_gateway::api::RestApi;
use crate::template::document::{DocumentError, Node, Place};
use crate::template::functions::{Refused, TemplateFunction};
use crate::template::values::{Unknown, Values};

/// What the values of a template depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file.
    pub file: PathBuf,
    /// Parameters that were given.
    pub parameters: BTreeMap<String, String>,
    /// The Region.
    pub region: String,
    /// The account.
    pub account_id: String,
}

/// What a template describes.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The functions that can be served.
    pub functions: Vec<TemplateFunction>,
    /// Those that can't.
    pub refused: Vec<Refused>,
    /// The API in front of them.
    pub api: Option<RestApi>,
    /// What its user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// Why a file is no template that can be served.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The file can't be read.
    #[error("failed to read `{}`", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It has a mistake.
    #[error("{}:{place}: {message}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Where in it.
        place: Place,
        /// What is wrong.
        message: String,
    },
    /// A parameter was given that it doesn't have.
    #[error("`{}` has no parameter `{name}`", file.display())]
    Parameter {
        /// The file.
        file: PathBuf,
        /// The parameter.
        name: String,
    },
}

/// Reads a template.
///
/// # Errors
///
/// When the file can't be read, or is no template.
pub fn read(settings: &Settings) -> Result<Template, TemplateError> {
    let document = document(&settings.file)?;
    let mut source = Source::new(settings, &document)?;
    let functions = functions::functions(&mut source);
    let api = api::api(&mut source, &functions);
    let mut template = Template { api, ..Template::default() };
    for function in functions {
        match function {
            Ok(function) => template.functions.push(function),
            Err(refused) => template.refused.push(refused),
        }
    }
    template.warnings = source.warnings;
    Ok(template)
}

fn document(file: &Path) -> Result<Node, TemplateError> {
    let text =
        fs::read_to_string(file).map_err(|error| TemplateError::Read(file.to_owned(), error))?;
    document::parse(&text).map_err(|DocumentError { place, message }| TemplateError::Wrong {
        file: file.to_owned(),
        place,
        message,
    })
}

/// A template while it is read.
#[derive(Debug)]
pub struct Source<'a> {
    settings: &'a Settings,
    /// The section `Globals`.
    globals: Option<&'a Node>,
    /// Those whose condition holds, by their logical ids, in their order.
    resources: Vec<(&'a str, &'a Node)>,
    values: Values,
    warnings: Vec<String>,
}

impl<'a> Source<'a> {
    fn new(settings: &'a Settings, document: &'a Node) -> Result<Self, TemplateError> {
        let wrong = |place, message: &str| TemplateError::Wrong {
            file: settings.file.clone(),
            place,
            message: message.to_owned(),
        };
        let Some(resources) = document.get("Resources") else {
            return Err(wrong(document.place, "this is no template: it has no `Resources`"));
        };
        let values = Values {
            parameters: parameters(settings, document.get("Parameters"))?,
            mappings: document.get("Mappings").cloned(),
            conditions: document.get("Conditions").cloned(),
            resources: BTreeMap::new(),
        };
        let mut source = Self {
            settings,
            globals: document.get("Globals"),
            resources: Vec::new(),
            values,
            warnings: Vec::new(),
        };
        for (name, resource) in resources.entries() {
            if source.exists(resource) {
                source.resources.push((name, resource));
            }
        }
        Ok(source)
    }

    /// Whether the condition of a resource holds. One that isn't known here is said.
    fn exists(&mut self, resource: &Node) -> bool {
        let Some(condition) = resource.get("Condition") else { return true };
        let name = condition.text().unwrap_or_default();
        self.values.holds(&name, condition).unwrap_or_else(|unknown| {
            self.warn(&unknown);
            true
        })
    }

    /// Says what isn't known here.
    fn warn(&mut self, Unknown { place, what }: &Unknown) {
        let file = self.settings.file.display();
        self.warnings.push(format!("{file}:{place}: {what}"));
    }

    /// The resources of this type.
    fn of_type(&self, kind: &str) -> Vec<(&'a str, &'a Node)> {
        let of_type = |resource: &Node| {
            resource.get("Type").and_then(Node::text).is_some_and(|found| found == kind)
        };
        self.resources.iter().filter(|(_, resource)| of_type(resource)).copied().collect()
    }

    /// What a property comes to as a text, if it is there and known.
    fn text(&mut self, properties: &Node, name: &str) -> Option<String> {
        let node = properties.get(name)?;
        match self.values.resolve(node) {
            Ok(value) => value.as_ref().and_then(Node::text).map(std::borrow::Cow::into_owned),
            Err(unknown) => {
                self.warn(&unknown);
                None
            }
        }
    }

    /// What a property comes to, if it is there and known.
    fn value(&mut self, properties: &Node, name: &str) -> Option<Node> {
        let node = properties.get(name)?;
        self.values.resolve(node).unwrap_or_else(|unknown| {
            self.warn(&unknown);
            None
        })
    }

    /// A node with all that is known of it: a part that isn't is said and becomes nothing.
    fn known(&mut self, node: &Node) -> Node {
        use document::Data;
        let unknown = match self.values.resolve(node) {
            Ok(value) => return value.unwrap_or(Node { place: node.place, data: Data::Null }),
            Err(unknown) => unknown,
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
                self.warn(&unknown);
                Data::Null
            }
        };
        Node { place: node.place, data }
    }

    /// The folder of the template.
    fn folder(&self) -> &'a Path {
        self.settings.file.parent().unwrap_or(Path::new("."))
    }
}

fn parameters(
    settings: &Settings,
    section: Option<&Node>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let declared = section.map(Node::entries).unwrap_or_default();
    if let Some(name) =
        settings.parameters.keys().find(|name| !declared.iter().any(|(known, _)| known == *name))
    {
        return Err(TemplateError::Parameter { file: settings.file.clone(), name: name.clone() });
    }
    let mut parameters: BTreeMap<String, String> = [
        ("AWS::AccountId", settings.account_id.as_str()),
        ("AWS::Partition", "aws"),
        ("AWS::Region", settings.region.as_str()),
        ("AWS::StackName", "local"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, parameter) in declared {
        let default = parameter.get("Default").and_then(Node::text);
        let given = settings.parameters.get(name).cloned();
        if let Some(value) = given.or_else(|| default.map(std::borrow::Cow::into_owned)) {
            parameters.insert(name.clone(), value);
        }
    }
    Ok(parameters)
}

/// What is global with what is a resource's own: maps are merged, lists are joined, and of anything else
/// the resource's own counts, as SAM does it.
fn merged(global: &Node, own: &Node) -> Node {
    use document::Data;
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
    Node { place: own.place, data }
}
