//! The AWS query protocol: a form, answered in XML.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::wire::call::CloudWatchCall;

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

/// How deep the names of parameters may be nested. No request of CloudWatch has half as many levels.
const LEVELS: usize = 32;

/// The call that a form makes; `None` when it has no `Action`.
#[must_use]
pub(crate) fn read(body: &[u8]) -> Option<CloudWatchCall> {
    let mut operation = None;
    let mut input = FormNode::default();
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "Action" => operation = Some(value.into_owned()),
            "Version" => {}
            name => input.insert(name, value.into_owned()),
        }
    }
    Some(CloudWatchCall { operation: operation?, input: input.into_value() })
}

/// The parameters below a name.
#[derive(Debug, Default)]
struct FormNode {
    text: Option<String>,
    /// In the order in which they came.
    below: Vec<(String, FormNode)>,
}

impl FormNode {
    fn insert(&mut self, name: &str, text: String) {
        let mut node = self;
        for segment in name.splitn(LEVELS, '.') {
            let known = node.below.iter().position(|(known, _)| known == segment);
            let index = known.unwrap_or_else(|| {
                node.below.push((segment.to_owned(), Self::default()));
                node.below.len() - 1
            });
            node = &mut node.below[index].1;
        }
        node.text = Some(text);
    }

    /// Parameters below the single name `member` are a list, in the order of their numbers.
    fn into_value(mut self) -> Value {
        if let Some(text) = self.text {
            return Value::String(text);
        }
        let is_list = |name: &str| name == "member";
        if self.below.len() == 1 && is_list(&self.below[0].0) {
            let mut items = std::mem::take(&mut self.below[0].1.below);
            items.sort_by_key(|(number, _)| number.parse::<u32>().unwrap_or(u32::MAX));
            return items.into_iter().map(|(_, item)| item.into_value()).collect();
        }
        let members = self.below.into_iter().map(|(name, node)| (name, node.into_value()));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

/// The answer to an operation.
#[must_use]
pub(crate) fn write(operation: &str, answer: &AnswerDocument, request_id: Uuid) -> Vec<u8> {
    document(&format!("{operation}Response"), |writer| {
        if *answer != AnswerDocument::Structure(Vec::new()) {
            element(writer, &format!("{operation}Result"), |writer| content(writer, answer))?;
        }
        element(writer, "ResponseMetadata", |writer| {
            text_element(writer, "RequestId", &request_id.to_string())
        })
    })
}

/// A refusal.
#[must_use]
pub(crate) fn write_refusal(code: &str, message: &str, request_id: Uuid) -> Vec<u8> {
    document("ErrorResponse", |writer| {
        element(writer, "Error", |writer| {
            text_element(writer, "Type", "Sender")?;
            text_element(writer, "Code", code)?;
            text_element(writer, "Message", message)
        })?;
        text_element(writer, "RequestId", &request_id.to_string())
    })
}

type Xml = Writer<Vec<u8>>;

fn document(root: &str, inside: impl FnOnce(&mut Xml) -> io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let start = BytesStart::new(root).with_attributes([("xmlns", NAMESPACE)]);
    let written = writer
        .write_event(Event::Start(start))
        .and_then(|()| inside(&mut writer))
        .and_then(|()| writer.write_event(Event::End(BytesEnd::new(root))));
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    writer.into_inner()
}

fn element(
    writer: &mut Xml,
    name: &str,
    inside: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    writer.write_event(Event::Start(BytesStart::new(name)))?;
    inside(writer)?;
    writer.write_event(Event::End(BytesEnd::new(name)))
}

fn text_element(writer: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    element(writer, name, |writer| writer.write_event(Event::Text(BytesText::new(text))))
}

fn content(writer: &mut Xml, document: &AnswerDocument) -> io::Result<()> {
    let text = match document {
        AnswerDocument::List(items) => {
            return items
                .iter()
                .try_for_each(|item| element(writer, "member", |writer| content(writer, item)));
        }
        AnswerDocument::Structure(members) => {
            return members.iter().try_for_each(|(name, member)| {
                element(writer, name, |writer| content(writer, member))
            });
        }
        AnswerDocument::Map(entries) => {
            return entries.iter().try_for_each(|(name, entry)| {
                element(writer, "entry", |writer| {
                    text_element(writer, "key", name)?;
                    element(writer, "value", |writer| content(writer, entry))
                })
            });
        }
        AnswerDocument::Text(text) => text.clone(),
        AnswerDocument::Number(number) => number.to_string(),
        AnswerDocument::Timestamp(timestamp) => timestamp.to_string(),
    };
    writer.write_event(Event::Text(BytesText::new(&text)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::{read, write, write_refusal};
    use crate::endpoints::cloudwatch_api::document::AnswerDocument;

    #[test]
    fn a_form_is_a_document() {
        let form = "Action=ListMetrics&Version=2010-08-01&MetricName=a+b%26c\
                    &Dimensions.member.2.Name=two&Dimensions.member.10.Name=ten\
                    &Dimensions.member.1.Name=one";
        let call = read(form.as_bytes()).unwrap();
        assert_eq!(call.operation, "ListMetrics");
        let dimensions = json!([{ "Name": "one" }, { "Name": "two" }, { "Name": "ten" }]);
        assert_eq!(call.input, json!({ "MetricName": "a b&c", "Dimensions": dimensions }));
        assert_eq!(read(b"a=b"), None);
        let deep = format!("Action=x&{}=1", ".".repeat(100_000));
        assert!(read(deep.as_bytes()).is_some());
    }

    #[test]
    fn answers_are_xml() {
        let answer = AnswerDocument::Structure(vec![
            ("Label", AnswerDocument::text("<&>")),
            ("Map", AnswerDocument::Map(vec![("p99".to_owned(), AnswerDocument::Number(1.5))])),
            ("List", AnswerDocument::List(vec![AnswerDocument::text("x")])),
        ]);
        assert_eq!(
            String::from_utf8(write("Op", &answer, Uuid::nil())).unwrap(),
            "<OpResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><OpResult>\
             <Label>&lt;&amp;&gt;</Label>\
             <Map><entry><key>p99</key><value>1.5</value></entry></Map>\
             <List><member>x</member></List></OpResult><ResponseMetadata>\
             <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>\
             </OpResponse>"
        );
        let refusal = String::from_utf8(write_refusal("Code", "why", Uuid::nil())).unwrap();
        assert!(refusal.contains("<Code>Code</Code><Message>why</Message></Error>"), "{refusal}");
    }
}
