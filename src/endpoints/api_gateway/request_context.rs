//! `requestContext` of events, which mappings name as `context`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use http::header::USER_AGENT;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

use crate::endpoints::api_gateway::method_request::MethodRequest;

/// What the context calls the answer of the authorizer.
const AUTHORIZER: &str = "authorizer";

/// What `identity` has only for callers with AWS credentials or certificates, which nobody has here.
const UNKNOWN_IDENTITY: [&str; 9] = [
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
];

/// The context of a request. It is written straight into the event: only a mapping that names a member
/// makes a value of it.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestContext<'a>(pub(crate) &'a MethodRequest<'a>);

struct Identity<'a>(&'a MethodRequest<'a>);

impl Serialize for RequestContext<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MethodRequest { api, received, authorizer, time, .. } = self.0;
        let path = match received.place.path.as_str() {
            "/" => "",
            path => path,
        };
        let resource_path = self.0.method.resource.to_string();
        let mut context = serializer.serialize_map(None)?;
        context.serialize_entry("accountId", &api.account_id)?;
        context.serialize_entry("apiId", &api.id)?;
        if let Some(authorizer) = authorizer {
            context.serialize_entry(AUTHORIZER, authorizer)?;
        }
        let domain = format_args!("{}.execute-api.{}.amazonaws.com", api.id, api.region);
        context.serialize_entry("domainName", &domain)?;
        context.serialize_entry("domainPrefix", &api.id)?;
        context.serialize_entry("extendedRequestId", &extended_request_id(received.id))?;
        context.serialize_entry("httpMethod", received.head.method.as_str())?;
        context.serialize_entry("identity", &Identity(self.0))?;
        context.serialize_entry("path", &format_args!("/{}{path}", api.stage))?;
        context.serialize_entry("protocol", &format_args!("{:?}", received.head.version))?;
        context.serialize_entry("requestId", &received.id)?;
        let written = time.strftime("%d/%b/%Y:%H:%M:%S +0000");
        context.serialize_entry("requestTime", &format_args!("{written}"))?;
        context.serialize_entry("requestTimeEpoch", &time.as_millisecond())?;
        context.serialize_entry("resourceId", &resource_id(&resource_path))?;
        context.serialize_entry("resourcePath", &resource_path)?;
        context.serialize_entry("stage", &api.stage)?;
        context.end()
    }
}

impl Serialize for Identity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let received = &self.0.received;
        let user_agent = received.head.headers.get_all(USER_AGENT).iter().next_back();
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut identity = serializer.serialize_map(None)?;
        for name in UNKNOWN_IDENTITY {
            identity.serialize_entry(name, &())?;
        }
        identity.serialize_entry("sourceIp", &received.source_ip())?;
        identity.serialize_entry("userAgent", &user_agent)?;
        identity.serialize_entry("userArn", &())?;
        identity.end()
    }
}

impl RequestContext<'_> {
    /// A member by the names that lead to it, as a text.
    #[must_use]
    pub(crate) fn member(self, name: &str) -> Option<String> {
        let mut names = name.split('.');
        let first = names.next()?;
        let all;
        // By far the most that is mapped, and it is there as a value.
        let member = if first == AUTHORIZER {
            self.0.authorizer.as_ref()?
        } else {
            all = serde_json::to_value(self).ok()?;
            all.get(first)?
        };
        match names.try_fold(member, |value, name| value.get(name))? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// Six letters and digits that are always the same for the same resource.
fn resource_id(path: &str) -> String {
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
