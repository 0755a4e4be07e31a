//! Why a text is no document.

use thiserror::Error;

use crate::emulator::template::document::node::FilePosition;

/// A text is no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{mistake}")]
pub(crate) struct DocumentError {
    /// Where.
    pub(crate) position: FilePosition,
    /// Why.
    pub(crate) mistake: DocumentMistake,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum DocumentMistake {
    /// It has nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It has too many nodes, or too many within each other.
    #[error("the document is too deep or too large")]
    TooLarge,
    /// An alias without its anchor.
    #[error("it refers to something that is not there")]
    MissingAnchor,
    /// Something else where a value must be.
    #[error("expected a value")]
    NotValue,
    /// The name of a value is a list or a map.
    #[error("a name must be a text")]
    NameNotText,
    /// A map has a name twice.
    #[error("`{name}` is there twice")]
    RepeatedName {
        /// The name.
        name: String,
    },
    /// It is no YAML, and so no JSON either.
    #[error("{message}")]
    NotYaml {
        /// What the parser says of it.
        message: String,
    },
}
