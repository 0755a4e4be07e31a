//! The event of a Lambda proxy integration, in the payload format 1.0. It has no tenant id: a function
//! knows that from its context.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format>

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::endpoints::api_gateway::evaluate::Mapped;
use crate::endpoints::api_gateway::method_request::MethodRequest;
use crate::endpoints::api_gateway::request_context::RequestContext;

/// What the headers begin with that control the call of Lambda. They are not part of the event.
const OF_LAMBDA: &str = "x-amz-";

/// What an event has besides the body, in bytes, as far as is usual: more only makes it grow once.
const USUAL_BYTES: usize = 4 * 1024;

/// The event. It has what was mapped, except headers that control the call of Lambda. It is written
/// straight from the request, without a tree of values in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProxyEvent<'a> {
    /// The request.
    pub(crate) request: &'a MethodRequest<'a>,
    /// What was mapped.
    pub(crate) mapped: &'a Mapped,
}

impl ProxyEvent<'_> {
    /// The event as JSON.
    #[must_use]
    pub(crate) fn json(&self) -> Vec<u8> {
        let body = self.request.received.body.len();
        // Room for the escapes of a JSON document too.
        let mut json = Vec::with_capacity(USUAL_BYTES + body + body / 4);
        // Nothing of it can fail: all keys are texts, and a `Vec` takes everything.
        let written = serde_json::to_writer(&mut json, self);
        debug_assert!(written.is_ok(), "{written:?}");
        json
    }

    fn headers(&self) -> Pairs<'_> {
        let mut headers = Pairs::new(&self.request.headers);
        let of_lambda = |name: &str| {
            name.get(..OF_LAMBDA.len()).is_some_and(|start| start.eq_ignore_ascii_case(OF_LAMBDA))
        };
        for (name, value) in self.mapped.headers.iter().filter(|(name, _)| !of_lambda(name)) {
            headers.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            headers.0.push((name, value));
        }
        headers.sorted()
    }

    fn query_strings(&self) -> Pairs<'_> {
        let mut query_strings = Pairs::new(&self.request.query_strings);
        for (name, value) in &self.mapped.query_strings {
            query_strings.0.retain(|(other, _)| other != name);
            query_strings.0.push((name, value));
        }
        query_strings.sorted()
    }

    fn path_parameters(&self) -> Pairs<'_> {
        let of_path = self.request.received.place.parameters.iter();
        let of_path = of_path.map(|(name, value)| (name.as_str(), value.as_str()));
        let mapped = self.mapped.path.iter();
        let mapped = mapped.map(|(name, value)| (name.as_str(), value.as_str()));
        Pairs(of_path.chain(mapped).collect()).sorted()
    }
}

impl Serialize for ProxyEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MethodRequest { api, method, received, .. } = self.request;
        let (headers, query_strings) = (self.headers(), self.query_strings());
        let path_parameters = self.path_parameters();
        let stage_variables = &api.stage_variables;
        let is_base64 = !received.body.is_empty() && self.request.has_binary_body();
        let body = match &*received.body {
            [] => None,
            bytes if is_base64 => Some(Cow::from(BASE64_STANDARD.encode(bytes))),
            text => Some(String::from_utf8_lossy(text)),
        };
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("resource", &format_args!("{}", method.resource))?;
        event.serialize_entry("path", &received.place.path)?;
        event.serialize_entry("httpMethod", received.head.method.as_str())?;
        event.serialize_entry("headers", &headers.last_values())?;
        event.serialize_entry("multiValueHeaders", &headers.all_values())?;
        event.serialize_entry("queryStringParameters", &query_strings.last_values())?;
        event.serialize_entry("multiValueQueryStringParameters", &query_strings.all_values())?;
        event.serialize_entry("pathParameters", &path_parameters.last_values())?;
        let stage_variables = (!stage_variables.is_empty()).then_some(stage_variables);
        event.serialize_entry("stageVariables", &stage_variables)?;
        event.serialize_entry("requestContext", &RequestContext(self.request))?;
        event.serialize_entry("body", &body)?;
        event.serialize_entry("isBase64Encoded", &is_base64)?;
        event.end()
    }
}

/// Names with their values, where a name may have several.
#[derive(Debug)]
struct Pairs<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    fn new(pairs: &'a [(String, String)]) -> Self {
        Self(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
    }

    /// Sorted by name; the values of one name stay in their order.
    fn sorted(mut self) -> Self {
        self.0.sort_by_key(|(name, _)| *name);
        self
    }

    /// The last value of each name; `None` when there are none.
    fn last_values(&self) -> Option<LastValues<'_>> {
        (!self.0.is_empty()).then_some(LastValues(&self.0))
    }

    /// All values of each name; `None` when there are none.
    fn all_values(&self) -> Option<AllValues<'_>> {
        (!self.0.is_empty()).then_some(AllValues(&self.0))
    }
}

/// Pairs, sorted by name.
struct LastValues<'a>(&'a [(&'a str, &'a str)]);

/// Pairs, sorted by name.
struct AllValues<'a>(&'a [(&'a str, &'a str)]);

/// The values of one name.
struct ValueList<'a>(&'a [(&'a str, &'a str)]);

impl Serialize for LastValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let same_name = self.0.chunk_by(|(one, _), (other, _)| one == other);
        serializer.collect_map(same_name.filter_map(|pairs| pairs.last().copied()))
    }
}

impl Serialize for AllValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let same_name = self.0.chunk_by(|(one, _), (other, _)| one == other);
        serializer.collect_map(same_name.map(|pairs| (pairs[0].0, ValueList(pairs))))
    }
}

impl Serialize for ValueList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, value)| value))
    }
}
