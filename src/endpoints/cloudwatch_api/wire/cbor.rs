//! The bodies of Smithy RPC v2 in CBOR.
//!
//! <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use minicbor::data::{IanaTag, Tag, Type};
use minicbor::decode::Error;
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};

/// How deep what a caller sends may be nested. No request of CloudWatch has half as many levels.
const LEVELS: u32 = 32;

/// The parameters of a request.
///
/// # Errors
///
/// When the body is no valid CBOR, or no map.
pub(crate) fn read(body: &[u8]) -> Result<Value, CloudWatchError> {
    if body.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let refusal =
        |message: String| CloudWatchError::new(CloudWatchErrorKind::Serialization, message);
    match value(&mut Decoder::new(body), LEVELS) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(refusal("The body is no CBOR map.".to_owned())),
        Err(error) => Err(refusal(format!("The body is no valid CBOR: {error}."))),
    }
}

fn value(decoder: &mut Decoder<'_>, levels: u32) -> Result<Value, Error> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::message("it is nested too deeply"));
    };
    match decoder.datatype()? {
        Type::Bool => decoder.bool().map(Value::Bool),
        Type::Null => decoder.null().map(|()| Value::Null),
        Type::Undefined => decoder.undefined().map(|()| Value::Null),
        Type::F16 | Type::F32 | Type::F64 => decoder.f64().map(number),
        Type::String | Type::StringIndef => {
            decoder.str_iter()?.collect::<Result<String, _>>().map(Value::String)
        }
        Type::Array | Type::ArrayIndef => array(decoder, levels),
        Type::Map | Type::MapIndef => map(decoder, levels),
        // The protocol has only the tag for timestamps, whose content can be read without it.
        Type::Tag => {
            decoder.tag()?;
            value(decoder, levels)
        }
        Type::Int | Type::U64 | Type::I64 => {
            i128::from(decoder.int()?).to_string().parse().map_err(Error::custom).map(Value::Number)
        }
        Type::U8 | Type::U16 | Type::U32 | Type::I8 | Type::I16 | Type::I32 => {
            decoder.i64().map(Value::from)
        }
        other => Err(Error::message(format!("{other} is no value of the protocol"))),
    }
}

/// JSON has neither infinities nor NaN, so they become texts, as JSON clients write them.
fn number(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn array(decoder: &mut Decoder<'_>, levels: u32) -> Result<Value, Error> {
    let length = decoder.array()?;
    let mut items = Vec::new();
    while goes_on(decoder, length, items.len())? {
        items.push(value(decoder, levels)?);
    }
    Ok(Value::Array(items))
}

fn map(decoder: &mut Decoder<'_>, levels: u32) -> Result<Value, Error> {
    let length = decoder.map()?;
    let mut members = Map::new();
    let mut seen = 0;
    while goes_on(decoder, length, seen)? {
        let name = decoder.str_iter()?.collect::<Result<String, _>>()?;
        members.insert(name, value(decoder, levels)?);
        seen += 1;
    }
    Ok(Value::Object(members))
}

/// Whether another item follows. Where the number of items isn't given, it reads the mark at their end.
fn goes_on(decoder: &mut Decoder<'_>, length: Option<u64>, seen: usize) -> Result<bool, Error> {
    if let Some(length) = length {
        return Ok((seen as u64) < length);
    }
    let ends = decoder.datatype()? == Type::Break;
    if ends {
        decoder.skip()?;
    }
    Ok(!ends)
}

/// An answer as bytes.
#[must_use]
pub(crate) fn write(answer: &AnswerDocument) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let written = encode(&mut encoder, answer);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    encoder.into_writer()
}

type Encoded = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn encode(encoder: &mut Encoder<Vec<u8>>, document: &AnswerDocument) -> Encoded {
    match document {
        AnswerDocument::Text(text) => encoder.str(text)?,
        AnswerDocument::Number(number) => encoder.f64(*number)?,
        AnswerDocument::Timestamp(timestamp) => {
            encoder.tag(Tag::from(IanaTag::Timestamp))?.i64(timestamp.as_second())?
        }
        AnswerDocument::List(items) => {
            encoder.array(items.len() as u64)?;
            return items.iter().try_for_each(|item| encode(encoder, item));
        }
        AnswerDocument::Structure(members) => {
            let members = members.iter().map(|(name, member)| (*name, member));
            return encode_map(encoder, members);
        }
        AnswerDocument::Map(entries) => {
            let entries = entries.iter().map(|(name, entry)| (name.as_str(), entry));
            return encode_map(encoder, entries);
        }
    };
    Ok(())
}

fn encode_map<'a>(
    encoder: &mut Encoder<Vec<u8>>,
    mut entries: impl ExactSizeIterator<Item = (&'a str, &'a AnswerDocument)>,
) -> Encoded {
    encoder.map(entries.len() as u64)?;
    entries.try_for_each(|(name, value)| {
        encoder.str(name)?;
        encode(encoder, value)
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use minicbor::Encoder;
    use serde_json::json;

    use super::{read, write};
    use crate::endpoints::cloudwatch_api::document::AnswerDocument;

    #[test]
    fn what_is_written_is_read() {
        let answer = AnswerDocument::Structure(vec![
            ("Id", AnswerDocument::text("m")),
            (
                "Timestamps",
                AnswerDocument::List(vec![AnswerDocument::Timestamp(Timestamp::UNIX_EPOCH)]),
            ),
            ("Map", AnswerDocument::Map(vec![("p99".to_owned(), AnswerDocument::Number(1.5))])),
        ]);
        let read = read(&write(&answer)).unwrap();
        assert_eq!(read, json!({ "Id": "m", "Timestamps": [0], "Map": { "p99": 1.5 } }));
    }

    #[test]
    fn maps_and_arrays_may_tell_their_length_at_the_end() {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_map().unwrap().str("a").unwrap().begin_array().unwrap();
        encoder.u64(u64::MAX).unwrap().f32(0.5).unwrap().f64(f64::NAN).unwrap();
        encoder.i64(-1).unwrap().end().unwrap().end().unwrap();
        let read = read(&encoder.into_writer()).unwrap();
        assert_eq!(read, json!({ "a": [u64::MAX, 0.5, "NaN", -1] }));
    }

    #[test]
    fn what_is_no_cbor_is_refused() {
        assert!(read(b"\x80").is_err(), "an array");
        assert!(read(b"\xa1\x61").is_err(), "cut off");
        assert!(read(&vec![0x81; 100_000]).is_err(), "nested too deeply");
    }
}
