//! A SAM or CloudFormation template, or what `cdk synth` writes, as the functions and the APIs that it
//! describes. What can't be known or run here is named and left out, never guessed. Knows neither
//! arguments nor what is made of it.

mod api;
mod authorizers;
mod document;
mod doubts;
pub(crate) mod functions;
mod integration;
mod openapi;
mod source;
mod unserved;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::emulator::template::document::{Node, Place, Problem};
use crate::emulator::template::functions::{Refused, TemplateFunction};
use crate::emulator::template::source::Source;
use crate::endpoints::api_gateway::api::RestApi;

/// What the values of a template depend on.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The file.
    pub(crate) file: PathBuf,
    /// Parameters that were given.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The Region.
    pub(crate) region: String,
    /// The account.
    pub(crate) account_id: String,
}

/// What a template describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    /// The functions that can be served.
    pub(crate) functions: Vec<TemplateFunction>,
    /// Those that can't.
    pub(crate) refused: Vec<Refused>,
    /// The APIs in front of them.
    pub(crate) apis: Vec<RestApi>,
    /// What its user should know, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Why a file is no template that can be served.
#[derive(Debug, Error)]
pub(crate) enum TemplateError {
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
pub(crate) fn read(settings: &Settings) -> Result<Template, TemplateError> {
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
