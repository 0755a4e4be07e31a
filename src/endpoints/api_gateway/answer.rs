//! What a function answers to a proxy integration, and the HTTP response that it becomes.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::system::http::{Reply, json as json_reply};

/// The members that an answer may have.
const MEMBERS: [&str; 5] =
    ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// Headers that only API Gateway sets. If a function answers with one of them, it is renamed.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>
const REMAPPED: [&str; 11] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "host",
    "server",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// Which bodies the caller accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// Only text: a body in base64 is passed on as it is.
    Text,
    /// Bytes: a body in base64 is decoded.
    Bytes,
}

/// The response for what a function answered.
///
/// # Errors
///
/// When API Gateway doesn't understand the answer.
pub(crate) fn reply(payload: &[u8], accepts: Accepts) -> Result<Reply, GatewayRefusal> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(payload) else {
        return Err(malformed("it is no JSON object"));
    };
    if let Some(unknown) = answer.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(malformed(&format!("it has `{unknown}`, which is no part of a response")));
    }
    let mut reply = json_reply(status(&answer)?, body(&mut answer, accepts)?);
    for (name, value) in &headers(&answer)? {
        if name == CONTENT_TYPE {
            reply.headers_mut().insert(name, value.clone());
        } else {
            reply.headers_mut().append(name, value.clone());
        }
    }
    Ok(reply)
}

fn status(answer: &Map<String, Value>) -> Result<StatusCode, GatewayRefusal> {
    let status = match answer.get("statusCode") {
        None | Some(Value::Null) => return Ok(StatusCode::OK),
        Some(Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status
        .filter(|status| (200..600).contains(&status.as_u16()))
        .ok_or_else(|| malformed("`statusCode` is no HTTP status"))
}

fn body(answer: &mut Map<String, Value>, accepts: Accepts) -> Result<Bytes, GatewayRefusal> {
    let body = match answer.remove("body") {
        None | Some(Value::Null) => return Ok(Bytes::new()),
        Some(Value::String(body)) => body,
        Some(_) => return Err(malformed("`body` is no text")),
    };
    let is_base64 = match answer.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(is_base64)) => *is_base64,
        Some(_) => return Err(malformed("`isBase64Encoded` is neither true nor false")),
    };
    if is_base64 && accepts == Accepts::Bytes {
        let decoded = BASE64_STANDARD.decode(body);
        return decoded.map(Bytes::from).map_err(|_| malformed("`body` is no base64"));
    }
    Ok(Bytes::from(body))
}

/// The headers of the answer: all of `multiValueHeaders`, and those of `headers` that aren't among them.
fn headers(answer: &Map<String, Value>) -> Result<HeaderMap, GatewayRefusal> {
    let mut pairs: Vec<(&str, &Value)> = Vec::new();
    for (name, values) in members(answer, "multiValueHeaders")? {
        let values = values
            .as_array()
            .ok_or_else(|| malformed(&format!("`multiValueHeaders.{name}` is no list")))?;
        pairs.extend(values.iter().map(|value| (name.as_str(), value)));
    }
    for (name, value) in members(answer, "headers")? {
        if !pairs.iter().any(|(other, same)| other.eq_ignore_ascii_case(name) && *same == value) {
            pairs.push((name, value));
        }
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), GatewayRefusal> {
    let wrong = || malformed(&format!("`{name}` is no header"));
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(malformed(&format!("the header `{name}` is no text"))),
    };
    let is_remapped = REMAPPED.iter().any(|remapped| name.eq_ignore_ascii_case(remapped));
    let name = if is_remapped { format!("x-amzn-Remapped-{name}") } else { name.to_owned() };
    let name = HeaderName::try_from(name).map_err(|_| wrong())?;
    Ok((name, HeaderValue::from_str(&value).map_err(|_| wrong())?))
}

fn members<'a>(
    answer: &'a Map<String, Value>,
    name: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, GatewayRefusal> {
    match answer.get(name) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(members)) => Ok(Some(members).into_iter().flatten()),
        Some(_) => Err(malformed(&format!("`{name}` is no JSON object"))),
    }
}

fn malformed(reason: &str) -> GatewayRefusal {
    GatewayRefusal::Malformed(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::{Accepts, reply};
    use crate::endpoints::api_gateway::refusal::GatewayRefusal;

    fn error(answer: &str) -> String {
        match reply(answer.as_bytes(), Accepts::Text) {
            Err(GatewayRefusal::Malformed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn headers_of_both_kinds_come_together() {
        let answer = r#"{"statusCode":201,"headers":{"X-A":"1","Date":"x","content-type":"text/plain"},
            "multiValueHeaders":{"x-a":["1","2"]},"body":"hello"}"#;
        let reply = reply(answer.as_bytes(), Accepts::Text).unwrap();
        assert_eq!(reply.status(), StatusCode::CREATED);
        let values: Vec<_> = reply.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(reply.headers()["x-amzn-remapped-date"], "x");
        let types: Vec<_> = reply.headers().get_all("content-type").iter().collect();
        assert_eq!(types, ["text/plain"]);
    }

    #[test]
    fn what_is_no_response_is_told_apart() {
        for (answer, reason) in [
            ("\"text\"", "it is no JSON object"),
            (r#"{"statusCode":200,"cookies":[]}"#, "it has `cookies`, which is no part"),
            (r#"{"statusCode":"ok"}"#, "`statusCode` is no HTTP status"),
            (r#"{"statusCode":99}"#, "`statusCode` is no HTTP status"),
            (r#"{"body":{}}"#, "`body` is no text"),
            (r#"{"headers":{"a":[]}}"#, "the header `a` is no text"),
            (r#"{"headers":{"a b":"c"}}"#, "`a b` is no header"),
            (r#"{"multiValueHeaders":{"a":"b"}}"#, "`multiValueHeaders.a` is no list"),
        ] {
            assert!(error(answer).contains(reason), "{answer}: {}", error(answer));
        }
    }
}
