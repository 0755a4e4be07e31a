//! A request as a method of an API sees it: its headers, its query, and what its authorizer said.

use http::HeaderValue;
use jiff::Timestamp;
use serde_json::Value;

use crate::endpoints::api_gateway::api::{ApiMethod, Parameter, ParameterPlace, RestApi};
use crate::endpoints::api_gateway::received::Received;
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::lambda_api::trace::new_trace_id;

/// A request to a method.
#[derive(Debug)]
pub(crate) struct MethodRequest<'a> {
    /// The API.
    pub(crate) api: &'a RestApi,
    /// The method.
    pub(crate) method: &'a ApiMethod,
    /// The request as it came in.
    pub(crate) received: Received,
    /// When it came in.
    pub(crate) time: Timestamp,
    /// All headers in their order, with the names that HTTP/1.1 writes.
    pub(crate) headers: Vec<(String, String)>,
    /// All parameters of the query in their order, decoded.
    pub(crate) query_strings: Vec<(String, String)>,
    /// What its authorizer tells the function.
    pub(crate) authorizer: Option<Value>,
}

impl<'a> MethodRequest<'a> {
    /// The request with this head and body to a method of an API.
    #[must_use]
    pub(crate) fn new(api: &'a RestApi, method: &'a ApiMethod, received: Received) -> Self {
        let query = received.head.uri.query().unwrap_or_default();
        Self {
            api,
            method,
            time: Timestamp::now(),
            headers: received.headers(),
            query_strings: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            authorizer: None,
            received,
        }
    }

    /// All values of a header.
    pub(crate) fn header(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// All values of a parameter of the query.
    pub(crate) fn query_string(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let named = self.query_strings.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Its ARN, by which policies permit it.
    #[must_use]
    pub(crate) fn method_arn(&self) -> String {
        let RestApi { region, account_id, id, stage, .. } = self.api;
        let method = &self.received.head.method;
        let path = self.received.place.path.trim_start_matches('/');
        format!("arn:aws:execute-api:{region}:{account_id}:{id}/{stage}/{method}/{path}")
    }

    /// Its X-Ray trace.
    #[must_use]
    pub(crate) fn trace_id(&self) -> HeaderValue {
        let given = self.header("X-Amzn-Trace-Id").next_back();
        let given = given.and_then(|trace| HeaderValue::from_str(trace).ok());
        given.unwrap_or_else(new_trace_id)
    }

    /// Checks that it has what its method requires.
    ///
    /// # Errors
    ///
    /// With the names of what is missing.
    pub(crate) fn check_required(&self) -> Result<(), GatewayRefusal> {
        let has = |Parameter { place, name }: &&Parameter| match place {
            ParameterPlace::QueryString => self.query_string(name).any(|value| !value.is_empty()),
            ParameterPlace::Header => self.header(name).any(|value| !value.is_empty()),
            ParameterPlace::Path => self.received.place.parameters.contains_key(name),
        };
        let missing = self.method.required.iter().filter(|parameter| !has(parameter));
        let missing: Vec<String> = missing.map(|parameter| parameter.name.clone()).collect();
        if missing.is_empty() { Ok(()) } else { Err(GatewayRefusal::MissingParameters(missing)) }
    }

    /// Whether its body is of a media type that is bytes.
    #[must_use]
    pub(crate) fn has_binary_body(&self) -> bool {
        is_one_of(self.header("Content-Type").next_back(), &self.api.binary_media_types)
    }

    /// Whether what its caller asks for first is of a media type that is bytes.
    #[must_use]
    pub(crate) fn accepts_binary(&self) -> bool {
        let accepted = self.header("Accept").next();
        let first = accepted.and_then(|accepted| accepted.split(',').next());
        is_one_of(first, &self.api.binary_media_types)
    }
}

fn is_one_of(media_type: Option<&str>, media_types: &[String]) -> bool {
    let media_type = media_type.map(|text| text.split(';').next().unwrap_or_default().trim());
    media_types.iter().any(|binary| {
        binary == "*/*" || media_type.is_some_and(|text| text.eq_ignore_ascii_case(binary))
    })
}
