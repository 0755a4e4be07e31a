//! AWS JSON 1.0.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

use serde_json::{Map, Number, Value};

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};

/// The parameters of a request.
///
/// # Errors
///
/// When the body is no JSON object.
pub(crate) fn read(body: &[u8]) -> Result<Value, CloudWatchError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(CloudWatchError::new(
            CloudWatchErrorKind::Serialization,
            "The body is no JSON object.",
        )),
        Err(error) => Err(CloudWatchError::new(
            CloudWatchErrorKind::Serialization,
            format!("The body is no valid JSON: {error}."),
        )),
    }
}

/// An answer as a text.
#[must_use]
pub(crate) fn write(answer: &AnswerDocument) -> Vec<u8> {
    value(answer).to_string().into_bytes()
}

fn value(document: &AnswerDocument) -> Value {
    match document {
        AnswerDocument::Text(text) => Value::String(text.clone()),
        AnswerDocument::Number(number) => {
            Number::from_f64(*number).map_or(Value::Null, Value::Number)
        }
        AnswerDocument::Timestamp(timestamp) => timestamp.as_second().into(),
        AnswerDocument::List(items) => items.iter().map(value).collect(),
        AnswerDocument::Structure(members) => {
            members.iter().map(|(name, member)| ((*name).to_owned(), value(member))).collect()
        }
        AnswerDocument::Map(entries) => {
            entries.iter().map(|(name, entry)| (name.clone(), value(entry))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{read, write};
    use crate::endpoints::cloudwatch_api::document::AnswerDocument;

    #[test]
    fn answers_have_seconds_since_1970() {
        let answer = AnswerDocument::Structure(vec![
            (
                "Timestamps",
                AnswerDocument::List(vec![AnswerDocument::Timestamp(Timestamp::UNIX_EPOCH)]),
            ),
            ("Values", AnswerDocument::List(vec![AnswerDocument::Number(1.5)])),
        ]);
        assert_eq!(write(&answer), br#"{"Timestamps":[0],"Values":[1.5]}"#);
    }

    #[test]
    fn only_objects_are_requests() {
        assert!(read(b"").unwrap().is_object());
        assert!(read(b"[]").is_err());
        assert!(read(b"{").is_err());
    }
}
