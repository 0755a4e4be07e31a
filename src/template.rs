//! A SAM or CloudFormation template, or what `cdk synth` writes, as the functions and the APIs that it
//! describes. What can't be known or run here is named and left out, never guessed. Knows neither
//! arguments nor what is made of it.

pub mod api;
pub mod authorizers;
pub mod document;
mod doubts;
pub mod functions;
pub mod integration;
pub mod openapi;
pub mod source;
mod unserved;
pub mod values;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::api_gateway::api::RestApi;
use crate::template::document::{Node, Place, Problem};
use crate::template::functions::{Refused, TemplateFunction};
use crate::template::source::Source;

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
    /// The APIs in front of them.
    pub apis: Vec<RestApi>,
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
    let document = read_document(&settings.file)?;
    let mut source = Source::new(settings, &document)?;
    let functions = functions::functions(&mut source);
    let apis = api::apis(&mut source, &functions);
    let served: Vec<_> = functions.iter().flatten().map(|one| one.logical_id.as_str()).collect();
    unserved::warn(&mut source, &served);
    let mut template = Template { apis, ..Template::default() };
    for function in functions {
        match function {
            Ok(function) => template.functions.push(function),
            Err(refused) => template.refused.push(refused),
        }
    }
    template.warnings = source.into_warnings();
    Ok(template)
}

/// Reads a file as a document.
fn read_document(file: &Path) -> Result<Node, TemplateError> {
    let text =
        fs::read_to_string(file).map_err(|error| TemplateError::Read(file.to_owned(), error))?;
    document::parse(&text).map_err(|Problem { place, what }| TemplateError::Wrong {
        file: file.to_owned(),
        place,
        message: what,
    })
}
