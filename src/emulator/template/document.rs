//! A document in YAML or JSON as a tree whose every node has its position in the file.

mod mistake;
mod node;

mod short_form;
mod surrogate_pairs;

mod reader;

pub(crate) use mistake::{DocumentError, DocumentMistake};
pub(crate) use node::{Data, FilePosition, Node, Problem};
pub(crate) use reader::parse;
