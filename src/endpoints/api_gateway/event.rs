//! The event of a Lambda proxy integration, in the payload format 1.0. It has no tenant id: a function
//! knows that from its context.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::endpoints::api_gateway::api::{ApiMethod, RestApi};
use crate::endpoints::api_gateway::evaluate::Mapped;
use crate::endpoints::api_gateway::method_request::MethodRequest;

/// What the headers begin with that control the call of Lambda. They are not part of the event.
const OF_LAMBDA: &str = "x-amz-";

/// The event. It has what was mapped, except headers that control the call of Lambda.
#[must_use]
pub(crate) fn proxy(
    api: &RestApi,
    method: &ApiMethod,
    request: &MethodRequest,
    mapped: &Mapped,
) -> Value {
    let mut headers = request.headers.clone();
    let of_lambda = |name: &str| name.to_ascii_lowercase().starts_with(OF_LAMBDA);
    for (name, value) in mapped.headers.iter().filter(|(name, _)| !of_lambda(name)) {
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push((name.clone(), value.clone()));
    }
    let mut query_strings = request.query_strings.clone();
    for (name, value) in &mapped.query_strings {
        query_strings.retain(|(other, _)| other != name);
        query_strings.push((name.clone(), value.clone()));
    }
    let mut path = request.place.parameters.clone();
    path.extend(mapped.path.iter().cloned());
    let is_base64 = !request.body.is_empty() && request.has_binary_body(&api.binary_media_types);
    let body = match &*request.body {
        [] => Value::Null,
        bytes if is_base64 => BASE64_STANDARD.encode(bytes).into(),
        text => String::from_utf8_lossy(text).into(),
    };
    json!({
        "resource": method.resource.to_string(),
        "path": request.place.path,
        "httpMethod": request.context["httpMethod"],
        "headers": last_values(&headers),
        "multiValueHeaders": all_values(&headers),
        "queryStringParameters": last_values(&query_strings),
        "multiValueQueryStringParameters": all_values(&query_strings),
        "pathParameters": map(&path),
        "stageVariables": map(&request.stage_variables),
        "requestContext": request.context,
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// The last value of each name; `null` when there are none.
fn last_values(pairs: &[(String, String)]) -> Value {
    map(&pairs.iter().cloned().collect())
}

fn all_values(pairs: &[(String, String)]) -> Value {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        all.entry(name).or_default().push(value);
    }
    if all.is_empty() { Value::Null } else { json!(all) }
}

fn map(map: &BTreeMap<String, String>) -> Value {
    if map.is_empty() { Value::Null } else { json!(map) }
}
