//! `requestContext` of events, which mappings name as `context`.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use http::header::USER_AGENT;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::endpoints::api_gateway::api::{ApiMethod, RestApi};
use crate::endpoints::api_gateway::received::Received;

/// The context of a request to this method.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html>
#[must_use]
pub(crate) fn of_request(api: &RestApi, method: &ApiMethod, request: &Received) -> Value {
    let head = &request.head;
    let user_agent = head.headers.get_all(USER_AGENT).iter().next_back();
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
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
            "sourceIp": request.source_ip(),
            "user": null,
            "userAgent": user_agent,
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

/// Six letters and digits that are always the same for the same resource.
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
