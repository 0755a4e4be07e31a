//! From the events of the YAML parser to the tree. JSON is YAML but for its pairs of escapes.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

use crate::emulator::template::document::mistake::{DocumentError, DocumentMistake};
use crate::emulator::template::document::node::{Data, FilePosition, Node};
use crate::emulator::template::document::short_form::lengthened;
use crate::emulator::template::document::surrogate_pairs::joined_surrogates;

/// How deep a document may be.
const DEPTH: usize = 100;

/// How many nodes a document may have with all that its aliases repeat.
const NODES: usize = 1_000_000;

/// Reads the first document of a text.
///
/// # Errors
///
/// With the position of what is wrong.
pub(crate) fn parse(text: &str) -> Result<Node, DocumentError> {
    let text = joined_surrogates(text);
    let mut reader =
        Reader { parser: Parser::new_from_str(&text), anchors: HashMap::new(), nodes: 0 };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, position) => {
                return Err(at(position, DocumentMistake::Empty));
            }
            (event, position) => return reader.node(event, position, 0),
        }
    }
}

fn at(position: FilePosition, mistake: DocumentMistake) -> DocumentError {
    DocumentError { position, mistake }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    /// How many nodes were read, with all that aliases repeat.
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, FilePosition), DocumentError> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, FilePosition::from(&span.start))),
            Some(Err(error)) => {
                let message = error.info().to_owned();
                Err(at(error.marker().into(), DocumentMistake::NotYaml { message }))
            }
            None => Ok((Event::StreamEnd, FilePosition::default())),
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        position: FilePosition,
        depth: usize,
    ) -> Result<Node, DocumentError> {
        self.nodes += 1;
        if depth > DEPTH || self.nodes > NODES {
            return Err(at(position, DocumentMistake::TooLarge));
        }
        let (data, anchor, tag) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain && tag.is_none();
                let data = if is_plain { plain(&text) } else { Data::Text(text.into_owned()) };
                (data, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (Data::List(self.items(depth)?), anchor, tag),
            Event::MappingStart(anchor, tag) => (Data::Map(self.entries(depth)?), anchor, tag),
            Event::Alias(anchor) => return self.repeated(anchor, position),
            _ => return Err(at(position, DocumentMistake::NotValue)),
        };
        let mut node = Node { position, data };
        if let Some(tag) = tag {
            node = lengthened(&tag, node);
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// What an alias stands for.
    fn repeated(&mut self, anchor: usize, position: FilePosition) -> Result<Node, DocumentError> {
        let node = self.anchors.get(&anchor).cloned();
        let node = node.ok_or_else(|| at(position, DocumentMistake::MissingAnchor))?;
        self.nodes += node.count();
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, DocumentError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, position) => items.push(self.node(event, position, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(String, Node)>, DocumentError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, position) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let name = self.node(event, position, depth + 1)?;
            let Some(name) = name.text().map(Cow::into_owned) else {
                return Err(at(position, DocumentMistake::NameNotText));
            };
            let (event, value_position) = self.next()?;
            let value = self.node(event, value_position, depth + 1)?;
            if name == "<<" {
                merged.push(value);
            } else if entries.iter().any(|(other, _)| *other == name) {
                return Err(at(position, DocumentMistake::RepeatedName { name }));
            } else {
                entries.push((name, value));
            }
        }
        for node in merged {
            merge(&mut entries, node);
        }
        Ok(entries)
    }
}

/// Adds what `<<` merges, except for the names that are there.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DocumentMistake, FilePosition, parse};

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
    fn a_mistake_has_its_position() {
        let position = |text: &str| parse(text).unwrap_err().position;
        assert_eq!(position("a: 1\na: 2\n"), FilePosition { line: 2, column: 1 });
        assert_eq!(position("a:\n  - b\n c: d\n").line, 3);
        assert_eq!(parse("").unwrap_err().to_string(), "the file is empty");
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
        assert_eq!(parse(&text).unwrap_err().mistake, DocumentMistake::TooLarge);
    }
}
