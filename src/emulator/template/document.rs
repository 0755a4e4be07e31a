//! A document in YAML or JSON as a tree whose every node has its position in the file. The short forms of intrinsic
//! functions (`!Sub x`) become their long ones (`{"Fn::Sub": x}`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
#[cfg(test)]
use serde_json::Value;
use thiserror::Error;

/// How deep a document may be.
const DEPTH: usize = 100;

/// How many nodes a document may have with all that its aliases repeat.
const NODES: usize = 1_000_000;

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
    pub(super) fn json(&self) -> Value {
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

/// Reads the first document of a text.
///
/// # Errors
///
/// With the position of what is wrong.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    let text = joined_surrogates(text);
    let mut reader =
        Reader { parser: Parser::new_from_str(&text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, position) => {
                return Err(Problem { position, what: "the file is empty".to_owned() });
            }
            (event, position) => return reader.node(event, position, 0),
        }
    }
}

/// JSON may have a character as a pair of escapes, which YAML has not.
fn joined_surrogates(text: &str) -> Cow<'_, str> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    if !is_json || !text.contains("\\u") {
        return text.into();
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let pair = rest.get(at..at + 12);
        let character =
            pair.and_then(|pair| serde_json::from_str::<String>(&format!("\"{pair}\"")).ok());
        let is_pair =
            pair.is_some_and(|pair| pair.starts_with("\\u") && pair[6..].starts_with("\\u"));
        if let Some(character) = character.filter(|text| is_pair && text.chars().count() == 1) {
            joined += &rest[..at];
            joined += &character;
            rest = &rest[at + 12..];
        } else {
            // An escape and what it escapes, which may be another backslash.
            let next = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            joined += &rest[..=at + next];
            rest = &rest[at + 1 + next..];
        }
    }
    joined += rest;
    joined.into()
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, FilePosition), Problem> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, FilePosition::from(&span.start))),
            Some(Err(error)) => {
                Err(Problem { position: error.marker().into(), what: error.info().to_owned() })
            }
            None => Ok((Event::StreamEnd, FilePosition::default())),
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        position: FilePosition,
        depth: usize,
    ) -> Result<Node, Problem> {
        let wrong = |what: &str| Problem { position, what: what.to_owned() };
        self.nodes += 1;
        if depth > DEPTH || self.nodes > NODES {
            return Err(wrong("the document is too deep or too large"));
        }
        let (node, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let data = if is_plain { plain(&text) } else { Data::Text(text.into_owned()) };
                (Node { position, data }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => {
                (Node { position, data: Data::List(self.items(depth)?) }, anchor, tag)
            }
            Event::MappingStart(anchor, tag) => {
                (Node { position, data: Data::Map(self.entries(depth)?) }, anchor, tag)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| wrong("it refers to something that is not there"))?;
                self.nodes += size(&node);
                return Ok(node);
            }
            _ => return Err(wrong("expected a value")),
        };
        let node = tag.and_then(|tag| intrinsic(&tag)).map_or(node.clone(), |name| {
            let argument = argument(&name, node);
            Node { position, data: Data::Map(vec![(name, argument)]) }
        });
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, position) => items.push(self.node(event, position, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Problem> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (name, position) = match self.next()? {
                (Event::MappingEnd, _) => {
                    for node in merged {
                        merge(&mut entries, node);
                    }
                    return Ok(entries);
                }
                (event, position) => (self.node(event, position, depth + 1)?, position),
            };
            let Some(name) = name.text().map(Cow::into_owned) else {
                return Err(Problem { position, what: "a name must be a text".to_owned() });
            };
            let (event, value_position) = self.next()?;
            let value = self.node(event, value_position, depth + 1)?;
            match name.as_str() {
                "<<" => merged.push(value),
                _ if entries.iter().any(|(other, _)| *other == name) => {
                    let what = format!("`{name}` is there twice");
                    return Err(Problem { position, what });
                }
                _ => entries.push((name, value)),
            }
        }
    }
}

/// What is merged does not replace what is there.
fn merge(entries: &mut Vec<(String, Node)>, merged: Node) {
    let merged = match merged.data {
        Data::Map(entries) => entries,
        Data::List(items) => {
            return items.into_iter().for_each(|item| merge(entries, item));
        }
        _ => return,
    };
    for (name, node) in merged {
        if !entries.iter().any(|(other, _)| *other == name) {
            entries.push((name, node));
        }
    }
}

fn size(node: &Node) -> usize {
    let below: usize = match &node.data {
        Data::List(items) => items.iter().map(size).sum(),
        Data::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
        _ => 0,
    };
    below + 1
}

/// A scalar without quotes.
fn plain(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        number
            if number.parse::<f64>().is_ok() && number.contains(|c: char| c.is_ascii_digit()) =>
        {
            Data::Number(number.to_owned())
        }
        text => Data::Text(text.to_owned()),
    }
}

/// `!Ref` and `!Condition` have the name of their long form, all others get `Fn::` in front. Tags of YAML
/// itself name none.
fn intrinsic(tag: &Tag) -> Option<String> {
    if tag.handle != "!" {
        return None;
    }
    Some(match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    })
}

/// `!GetAtt A.B` is short for a list.
fn argument(name: &str, node: Node) -> Node {
    match (name, &node.data) {
        ("Fn::GetAtt", Data::Text(text)) => {
            let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
            let part =
                |text: &str| Node { position: node.position, data: Data::Text(text.to_owned()) };
            Node {
                position: node.position,
                data: Data::List(vec![part(resource), part(attribute)]),
            }
        }
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FilePosition, parse};

    fn json_of(text: &str) -> serde_json::Value {
        parse(text).unwrap().json()
    }

    #[test]
    fn short_forms_become_long_ones() {
        let text =
            "a: !Sub 'x-${Y}'\nb: !GetAtt F.Arn\nc: !If [C, 1, !Ref D]\nd: !Join\n  - ','\n  - [a]";
        assert_eq!(
            json_of(text),
            json!({
                "a": { "Fn::Sub": "x-${Y}" },
                "b": { "Fn::GetAtt": ["F", "Arn"] },
                "c": { "Fn::If": ["C", 1, { "Ref": "D" }] },
                "d": { "Fn::Join": [",", ["a"]] },
            })
        );
    }

    #[test]
    fn json_is_read_and_scalars_have_their_types() {
        assert_eq!(json_of(r#"{"a": [1, "1", true, null]}"#), json!({ "a": [1, "1", true, null] }));
        let text = "v: 2012-10-17\nt: yes\nn: 3.5\ne:\ntext: |\n  a\n  b\n";
        let expected =
            json!({ "v": "2012-10-17", "t": "yes", "n": 3.5, "e": null, "text": "a\nb\n" });
        assert_eq!(json_of(text), expected);
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let text = "base: &b {a: 1, b: 2}\nover:\n  <<: *b\n  b: 3\nsame: *b";
        let expected = json!({
            "base": { "a": 1, "b": 2 },
            "over": { "a": 1, "b": 3 },
            "same": { "a": 1, "b": 2 },
        });
        assert_eq!(json_of(text), expected);
    }

    #[test]
    fn a_mistake_has_its_place() {
        let position = |text: &str| parse(text).unwrap_err().position;
        assert_eq!(position("a: 1\na: 2\n"), FilePosition { line: 2, column: 1 });
        assert_eq!(position("a:\n  - b\n c: d\n").line, 3);
        assert_eq!(parse("").unwrap_err().what, "the file is empty");
        let emoji = parse(r#"{"a": "\ud83d\ude00 \\ud83d \u00e4"}"#).unwrap();
        assert_eq!(emoji.json(), serde_json::json!({ "a": "😀 \\ud83d ä" }));
    }

    #[test]
    fn a_document_that_repeats_itself_without_end_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert_eq!(parse(&text).unwrap_err().what, "the document is too deep or too large");
    }
}
