//! The parts of a document, and what is wrong with one.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use saphyr_parser::Marker;
#[cfg(test)]
use serde_json::Value;
use thiserror::Error;

/// A position in a file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilePosition {
    /// The line.
    pub(crate) line: usize,
    /// The column, in characters.
    pub(crate) column: usize,
}

impl Display for FilePosition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl From<&Marker> for FilePosition {
    fn from(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) position: FilePosition,
    /// What it is.
    pub(crate) data: Data,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Names with their values, in their order.
    Map(Vec<(String, Node)>),
}

/// Something at a position that is wrong, isn't known here or isn't served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub(crate) struct Problem {
    /// Where.
    pub(crate) position: FilePosition,
    /// What it is.
    pub(crate) what: String,
}

impl Problem {
    /// The same problem, with what it belongs to in front.
    #[must_use]
    pub(crate) fn within(self, subject: impl Display) -> Self {
        Self { position: self.position, what: format!("{subject}: {}", self.what) }
    }
}

impl Node {
    /// A text at this position.
    #[must_use]
    pub(crate) fn of_text(position: FilePosition, text: impl Into<String>) -> Self {
        Self { position, data: Data::Text(text.into()) }
    }

    /// How many nodes there are in it, with itself.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        let items = self.items().iter();
        let values = self.entries().iter().map(|(_, node)| node);
        items.chain(values).map(Self::count).sum::<usize>() + 1
    }

    /// A problem of this node. Each stage has its own reasons; here they become a sentence with a position.
    #[must_use]
    pub(crate) fn problem(&self, reason: impl Display) -> Problem {
        Problem { position: self.position, what: reason.to_string() }
    }

    /// The value of a name.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(other, _)| other == name).map(|(_, node)| node)
    }

    /// The names and values of a map; nothing for anything else.
    #[must_use]
    pub(crate) fn entries(&self) -> &[(String, Self)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; nothing for anything else.
    #[must_use]
    pub(crate) fn items(&self) -> &[Self] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    /// A text, a number or a truth value, as a text.
    #[must_use]
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        match &self.data {
            Data::Text(text) | Data::Number(text) => Some(text.into()),
            Data::Bool(truth) => Some(if *truth { "true".into() } else { "false".into() }),
            Data::Null | Data::List(_) | Data::Map(_) => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub(crate) fn number(&self) -> Option<u32> {
        self.text()?.parse().ok()
    }

    /// A truth value, also one written as a text.
    #[must_use]
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.text()?.as_ref() {
            "true" | "True" | "yes" => Some(true),
            "false" | "False" | "no" => Some(false),
            _ => None,
        }
    }

    /// The one name of a map that has one, and its value: the form of an intrinsic function.
    #[must_use]
    pub(crate) fn single(&self) -> Option<(&str, &Self)> {
        match self.entries() {
            [(name, node)] => Some((name, node)),
            _ => None,
        }
    }

    /// The same as JSON.
    #[cfg(test)]
    pub(crate) fn json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(truth) => (*truth).into(),
            Data::Number(text) => {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => items.iter().map(Self::json).collect(),
            Data::Map(entries) => {
                entries.iter().map(|(name, node)| (name.clone(), node.json())).collect()
            }
        }
    }
}
