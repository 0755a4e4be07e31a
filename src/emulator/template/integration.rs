//! What answers a method: a Lambda function, or a fixed response as CORS needs it. OpenAPI's extension and
//! `AWS::ApiGateway::Method` differ in the first letters of their names.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html>

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use thiserror::Error;

use crate::emulator::template::document::{Node, Problem};
use crate::endpoints::api_gateway::api::{FixedResponse, Integration, LambdaIntegration};
use crate::endpoints::api_gateway::mapping::{Mapping, MappingError, MappingSource, MappingTarget};
use crate::lambda::quotas;

/// Why an integration isn't served.
#[derive(Debug, Error)]
enum IntegrationRefusal {
    /// Another type than those that are served.
    #[error("its integration is `{kind}`, and only aws_proxy and mock are served")]
    Kind {
        /// The type.
        kind: String,
    },
    /// Its URI isn't one of a Lambda function.
    #[error("its integration `{uri}` names no Lambda function")]
    NoFunction {
        /// The URI.
        uri: String,
    },
    /// The source of a mapping is a list or a map.
    #[error("a mapping is a text")]
    MappingWithoutText,
    /// A mapping that API Gateway doesn't have.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

/// Reads an integration whose values have been resolved.
///
/// # Errors
///
/// When it is one that isn't served, or has a mistake.
pub(crate) fn integration(node: &Node) -> Result<Integration, Problem> {
    let kind = either(node, "type").and_then(Node::text).unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "aws_proxy" => lambda(node).map(Integration::Lambda),
        "mock" => Ok(Integration::Fixed(fixed(node))),
        _ => Err(node.problem(IntegrationRefusal::Kind { kind: kind.into_owned() })),
    }
}

/// A member whose name begins in lower case, or in upper.
#[must_use]
pub(crate) fn either<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let (first, rest) = name.split_at(1);
    node.get(name).or_else(|| node.get(&format!("{}{rest}", first.to_ascii_uppercase())))
}

fn lambda(node: &Node) -> Result<LambdaIntegration, Problem> {
    let uri = either(node, "uri").and_then(Node::text).unwrap_or_default();
    let Some(function) = function_of(&uri) else {
        return Err(node.problem(IntegrationRefusal::NoFunction { uri: uri.into_owned() }));
    };
    let mappings = either(node, "requestParameters");
    let mut parameters = Vec::new();
    for (target, source) in mappings.map(Node::entries).unwrap_or_default() {
        parameters.push(mapping(target, source).map_err(|reason| source.problem(reason))?);
    }
    let timeout = either(node, "timeoutInMillis").and_then(Node::number);
    let timeout = timeout.map_or(quotas::API_INTEGRATION_TIMEOUT, |milliseconds| {
        Duration::from_millis(milliseconds.into())
    });
    Ok(LambdaIntegration { function, parameters, timeout })
}

fn mapping(target: &str, source: &Node) -> Result<Mapping, IntegrationRefusal> {
    let target: MappingTarget = target.parse()?;
    let source = source.text().ok_or(IntegrationRefusal::MappingWithoutText)?;
    let source: MappingSource = source.parse()?;
    Ok(Mapping { target, source })
}

/// The function's name in `…/functions/arn:…:function:NAME/invocations`.
#[must_use]
pub(crate) fn function_of(uri: &str) -> Option<String> {
    let (_, arn) = uri.split_once("/functions/")?;
    name_in(arn.strip_suffix("/invocations").unwrap_or(arn))
}

/// The function's name in `arn:…:function:NAME`, with or without a qualifier.
#[must_use]
pub(crate) fn name_in(arn: &str) -> Option<String> {
    let (_, name) = arn.rsplit_once("function:")?;
    let name = name.split(':').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The response of a mock integration: that of the status which its request template names, the default
/// one, or the first.
fn fixed(node: &Node) -> FixedResponse {
    let request =
        either(node, "requestTemplates").and_then(|it| it.get("application/json")?.text());
    let request: Value = serde_json::from_str(&request.unwrap_or_default()).unwrap_or_default();
    let status = request["statusCode"].to_string();
    let of_openapi = node.get("responses").map(Node::entries).unwrap_or_default().iter();
    let of_openapi = of_openapi.map(|(name, response)| (name.clone(), response));
    let of_cloud_formation = node.get("IntegrationResponses").map(Node::items).unwrap_or_default();
    let of_cloud_formation = of_cloud_formation.iter().map(|response| {
        let pattern = response.get("SelectionPattern").and_then(Node::text);
        (pattern.map_or_else(|| "default".to_owned(), Cow::into_owned), response)
    });
    let responses: Vec<_> = of_openapi.chain(of_cloud_formation).collect();
    let named = |wanted: &str| responses.iter().find(|(name, _)| name == wanted);
    let response = named(&status).or_else(|| named("default")).or(responses.first());
    let response = response.map(|(_, response)| *response);
    let status = response.and_then(|response| either(response, "statusCode")?.number());
    let status = status.and_then(|status| u16::try_from(status).ok());
    let headers = response.and_then(|response| either(response, "responseParameters"));
    let headers = headers.map(Node::entries).unwrap_or_default();
    let templates = response.and_then(|response| either(response, "responseTemplates"));
    let template = templates.and_then(|templates| templates.get("application/json")?.text());
    let template = template.unwrap_or_default();
    FixedResponse {
        body: (!is_program(&template)).then(|| template.into_owned()),
        status: status.and_then(|it| StatusCode::from_u16(it).ok()).unwrap_or(StatusCode::OK),
        headers: headers.iter().filter_map(|(name, value)| header(name, value)).collect(),
    }
}

/// Whether a template has references or directives in it, and so is no text.
fn is_program(template: &str) -> bool {
    const DIRECTIVES: [&str; 9] =
        ["set", "if", "else", "end", "foreach", "include", "parse", "stop", "#"];
    let refers = template
        .split('$')
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '{' || c == '!'));
    let directs = template.split('#').skip(1);
    refers || directs.into_iter().any(|rest| DIRECTIVES.iter().any(|it| rest.starts_with(it)))
}

/// `method.response.header.NAME: 'text'`.
fn header(name: &str, value: &Node) -> Option<(HeaderName, HeaderValue)> {
    let name = name.strip_prefix("method.response.header.")?;
    let value = value.text()?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
}

/// The answer to a preflight request, from the `Cors` of one of SAM's APIs: the origin alone, or an object.
/// Each text has quotation marks in it, as API Gateway asks for.
#[must_use]
pub(crate) fn preflight(cors: &Node) -> FixedResponse {
    const HEADERS: [(&str, &str); 4] = [
        ("AllowOrigin", "access-control-allow-origin"),
        ("AllowMethods", "access-control-allow-methods"),
        ("AllowHeaders", "access-control-allow-headers"),
        ("MaxAge", "access-control-max-age"),
    ];
    let mut headers = Vec::new();
    let mut set = |name: &'static str, text: &str| {
        let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
        headers.extend(
            HeaderValue::from_str(text).ok().map(|value| (HeaderName::from_static(name), value)),
        );
    };
    if let Some(origin) = cors.text() {
        set(HEADERS[0].1, &origin);
    }
    for (member, name) in HEADERS {
        if let Some(text) = cors.get(member).and_then(Node::text) {
            set(name, &text);
        }
    }
    if cors.get("AllowCredentials").and_then(Node::truth) == Some(true) {
        set("access-control-allow-credentials", "true");
    }
    if !headers.iter().any(|(name, _)| name == HEADERS[1].1) {
        let all = HeaderValue::from_static("DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT");
        headers.push((HeaderName::from_static(HEADERS[1].1), all));
    }
    FixedResponse { status: StatusCode::OK, headers, body: Some(String::new()) }
}
