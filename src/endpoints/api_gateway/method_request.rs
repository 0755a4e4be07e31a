//! A request as a method of an API sees it: its headers, its query, its body, and the context that
//! mappings and events name. Knows no functions.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use bytes::Bytes;
use http::header::{
    CONNECTION, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::endpoints::api_gateway::api::{ApiMethod, Parameter, ParameterPlace, RestApi};
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::api_gateway::resource::RequestPath;
use crate::lambda::invocation::new_trace_id;
use crate::system::http::Peer;

/// Headers about one connection; none of them reaches a function.
const NOT_PASSED_ON: [HeaderName; 7] =
    [CONNECTION, EXPECT, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A request to a method.
#[derive(Clone, Debug)]
pub(crate) struct MethodRequest {
    /// Its id, which is also that of the invocation.
    pub(crate) id: Uuid,
    /// Where it is in the API.
    pub(crate) place: RequestPath,
    /// The variables of its stage.
    pub(crate) stage_variables: BTreeMap<String, String>,
    /// All headers in their order, with the names that HTTP/1.1 writes.
    pub(crate) headers: Vec<(String, String)>,
    /// All parameters of the query in their order, decoded.
    pub(crate) query_strings: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Bytes,
    /// `requestContext`, as events have it.
    pub(crate) context: Value,
}

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Received {
    /// Its head.
    pub(crate) head: Parts,
    /// Its body, read to its end.
    pub(crate) body: Bytes,
    /// The path below the stage, with the parameters in it.
    pub(crate) place: RequestPath,
    /// The id that it gets.
    pub(crate) id: Uuid,
}

/// Who sent a request, and with which head.
struct Caller<'a> {
    head: &'a Parts,
    source_ip: String,
}

impl MethodRequest {
    /// The request with this head and body to a method of an API.
    #[must_use]
    pub(crate) fn new(api: &RestApi, method: &ApiMethod, received: Received) -> Self {
        let Received { head, body, place, id } = received;
        let source_ip = head.extensions.get::<Peer>().map(|peer| peer.address.ip().to_string());
        let source_ip = source_ip.unwrap_or_else(|| "127.0.0.1".to_owned());
        let query = head.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut request = Self {
            id,
            place,
            stage_variables: api.stage_variables.clone(),
            headers: headers(&head, &source_ip),
            query_strings: query,
            body,
            context: Value::Null,
        };
        request.context = context(api, method, &request, &Caller { head: &head, source_ip });
        request
    }

    /// All values of a header.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.clone()).collect()
    }

    /// All values of a parameter of the query.
    #[must_use]
    pub(crate) fn query_string(&self, name: &str) -> Vec<String> {
        let named = self.query_strings.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// A member of the context by the names that lead to it, as a text.
    #[must_use]
    pub(crate) fn context(&self, name: &str) -> Option<String> {
        match name.split('.').try_fold(&self.context, |value, name| value.get(name))? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Its ARN, by which policies permit it.
    #[must_use]
    pub(crate) fn method_arn(&self, api: &RestApi) -> String {
        let RestApi { region, account_id, id, stage, .. } = api;
        let method = self.context["httpMethod"].as_str().unwrap_or_default();
        let path = self.place.path.trim_start_matches('/');
        format!("arn:aws:execute-api:{region}:{account_id}:{id}/{stage}/{method}/{path}")
    }

    /// Its X-Ray trace.
    #[must_use]
    pub(crate) fn trace_id(&self) -> HeaderValue {
        let given = self.header("X-Amzn-Trace-Id");
        let given = given.last().and_then(|trace| HeaderValue::from_str(trace).ok());
        given.unwrap_or_else(new_trace_id)
    }

    /// Checks that it has what its method requires.
    ///
    /// # Errors
    ///
    /// With the names of what is missing.
    pub(crate) fn check_required(&self, required: &[Parameter]) -> Result<(), GatewayRefusal> {
        let has = |Parameter { place, name }: &&Parameter| match place {
            ParameterPlace::QueryString => self.query_string(name).iter().any(|v| !v.is_empty()),
            ParameterPlace::Header => self.header(name).iter().any(|value| !value.is_empty()),
            ParameterPlace::Path => self.place.parameters.contains_key(name),
        };
        let missing = required.iter().filter(|parameter| !has(parameter));
        let missing: Vec<String> = missing.map(|parameter| parameter.name.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(GatewayRefusal::MissingParameters(missing)) }
    }

    /// Whether its body is one of these media types.
    #[must_use]
    pub(crate) fn has_binary_body(&self, media_types: &[String]) -> bool {
        is_one_of(self.header("Content-Type").last().map(String::as_str), media_types)
    }

    /// Whether what its caller asks for first is one of these media types.
    #[must_use]
    pub(crate) fn accepts_binary(&self, media_types: &[String]) -> bool {
        let accepted = self.header("Accept");
        is_one_of(accepted.first().and_then(|accepted| accepted.split(',').next()), media_types)
    }
}

fn is_one_of(media_type: Option<&str>, media_types: &[String]) -> bool {
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    media_types.iter().any(|binary| {
        binary == "*/*" || media_type.is_some_and(|text| text.eq_ignore_ascii_case(binary))
    })
}

/// What was sent, and what API Gateway adds.
fn headers(head: &Parts, source_ip: &str) -> Vec<(String, String)> {
    let sent = head.headers.iter().filter(|(name, _)| !NOT_PASSED_ON.contains(name));
    let mut headers: Vec<(String, String)> = sent
        .map(|(name, value)| {
            (written(name), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let port = head.headers.get(HOST).and_then(|host| host.to_str().ok()?.rsplit_once(':'));
    let port = port.map_or("80", |(_, port)| port);
    let added =
        [("X-Forwarded-For", source_ip), ("X-Forwarded-Port", port), ("X-Forwarded-Proto", "http")];
    for (name, value) in added {
        headers.retain(|(other, _)| other != name);
        headers.push((name.to_owned(), value.to_owned()));
    }
    if !headers.iter().any(|(name, _)| name == "X-Amzn-Trace-Id") {
        let trace = String::from_utf8_lossy(new_trace_id().as_bytes()).into_owned();
        headers.push(("X-Amzn-Trace-Id".to_owned(), trace));
    }
    headers
}

/// A name as HTTP/1.1 writes it: the server knows it in lower case only.
fn written(name: &HeaderName) -> String {
    let words = name.as_str().split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect::<Vec<_>>().join("-")
}

/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
fn context(
    api: &RestApi,
    method: &ApiMethod,
    request: &MethodRequest,
    Caller { head, source_ip }: &Caller<'_>,
) -> Value {
    let now = Timestamp::now();
    let path = match request.place.path.as_str() {
        "/" => format!("/{}", api.stage),
        path => format!("/{}{path}", api.stage),
    };
    json!({
        "accountId": api.account_id,
        "apiId": api.id,
        "domainName": format!("{}.execute-api.{}.amazonaws.com", api.id, api.region),
        "domainPrefix": api.id,
        "extendedRequestId": extended_request_id(request.id),
        "httpMethod": head.method.as_str(),
        "identity": {
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            "sourceIp": source_ip,
            "user": null,
            "userAgent": request.header("User-Agent").last(),
            "userArn": null,
        },
        "path": path,
        "protocol": format!("{:?}", head.version),
        "requestId": request.id,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "requestTimeEpoch": now.as_millisecond(),
        "resourceId": resource_id(method),
        "resourcePath": method.resource.to_string(),
        "stage": api.stage,
    })
}

/// Six letters and digits, the same for the same resource.
fn resource_id(method: &ApiMethod) -> String {
    let path = method.resource.to_string();
    let hash = path
        .bytes()
        .fold(5381_u64, |hash, byte| hash.wrapping_mul(33).wrapping_add(u64::from(byte)));
    format!("{:06x}", hash & 0x00ff_ffff)
}

/// The id that API Gateway has for a request besides its UUID: 15 letters and digits and a `=`.
#[must_use]
pub(crate) fn extended_request_id(request_id: Uuid) -> String {
    let mut id = BASE64_URL_SAFE.encode(request_id.as_bytes());
    id.truncate(15);
    id.push('=');
    id
}
