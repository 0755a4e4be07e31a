//! An answer of CloudWatch before it is written in one of its protocols.

use jiff::Timestamp;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnswerDocument {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A moment.
    Timestamp(Timestamp),
    /// Values of one kind.
    List(Vec<AnswerDocument>),
    /// The members that are present.
    Structure(Vec<(&'static str, AnswerDocument)>),
    /// Values under names that the caller chose.
    Map(Vec<(String, AnswerDocument)>),
}

impl AnswerDocument {
    /// A text.
    #[must_use]
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}
