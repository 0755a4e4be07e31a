//! What a template is read from and with, and why a file is no template.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::emulator::template::document::{
    self, DocumentError, DocumentMistake, FilePosition, Node,
};

/// What the values of a template depend on.
#[derive(Clone, Debug)]
pub(crate) struct TemplateInput {
    /// The file.
    pub(crate) file: PathBuf,
    /// Parameters that were given.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The Region.
    pub(crate) region: String,
    /// The account.
    pub(crate) account_id: String,
}

/// Why a file is no template that can be served.
#[derive(Debug, Error)]
pub(crate) enum TemplateError {
    /// The file can't be read.
    #[error("failed to read `{}`", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It has a mistake.
    #[error("{}:{position}: {mistake}", file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Where in it.
        position: FilePosition,
        /// What is wrong.
        mistake: TemplateMistake,
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

/// What is wrong in a template as a whole. What is wrong in one function keeps only that one from being
/// served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TemplateMistake {
    /// It is neither YAML nor JSON.
    #[error(transparent)]
    Document(#[from] DocumentMistake),
    /// It has no section `Resources`.
    #[error("this is no template: it has no `Resources`")]
    NoResources,
    /// A parameter has another value than the template allows.
    #[error("the parameter {parameter} is one of {allowed}, not `{given}`")]
    ValueNotAllowed {
        /// The parameter.
        parameter: String,
        /// What is allowed.
        allowed: String,
        /// Its value.
        given: String,
    },
}

/// Reads a file as a document.
///
/// # Errors
///
/// When it can't be read, or is neither YAML nor JSON.
pub(super) fn read_document(file: &Path) -> Result<Node, TemplateError> {
    let text =
        fs::read_to_string(file).map_err(|error| TemplateError::Read(file.to_owned(), error))?;
    document::parse(&text).map_err(|DocumentError { position, mistake }| TemplateError::Wrong {
        file: file.to_owned(),
        position,
        mistake: mistake.into(),
    })
}
