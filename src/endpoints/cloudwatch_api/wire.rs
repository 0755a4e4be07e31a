//! The three protocols that CloudWatch's clients speak: which one a request is in, the call that it
//! makes, and how the answer to it is written.
//!
//! Rust and Go send Smithy RPC v2 in CBOR, boto3 and today's AWS CLI JSON 1.0, and older clients the
//! AWS query protocol, which is a form that is answered in XML.

pub(crate) mod call;

mod cbor;
pub(crate) mod json;

mod query;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use uuid::Uuid;

use crate::endpoints::cloudwatch_api::document::AnswerDocument;
use crate::endpoints::cloudwatch_api::error::CloudWatchError;
use crate::system::http::{Reply, ReplyBody, empty};
use call::CloudWatchCall;

/// The name of CloudWatch's service in its model.
const SERVICE: &str = "GraniteServiceVersion20100801";

/// How a request is written, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Smithy RPC v2 in CBOR; the path names the operation.
    Cbor(String),
    /// AWS JSON 1.0; a header names the operation.
    Json(String),
    /// The AWS query protocol; the form names the operation.
    Query,
}

impl Protocol {
    /// The protocol of a request; `None` when it isn't for CloudWatch.
    #[must_use]
    pub(crate) fn for_request(method: &Method, path: &str, headers: &HeaderMap) -> Option<Self> {
        if method != Method::POST {
            return None;
        }
        let service = path.strip_prefix("/service/").and_then(|rest| rest.strip_prefix(SERVICE));
        if let Some(operation) = service.and_then(|rest| rest.strip_prefix("/operation/")) {
            return Some(Self::Cbor(operation.to_owned()));
        }
        if path != "/" {
            return None;
        }
        if let Some(target) = headers.get("X-Amz-Target") {
            let target = String::from_utf8_lossy(target.as_bytes());
            let operation = target.strip_prefix(SERVICE).and_then(|rest| rest.strip_prefix('.'));
            return Some(Self::Json(operation.unwrap_or(&target).to_owned()));
        }
        let is_form = headers.get(CONTENT_TYPE).is_some_and(|content_type| {
            content_type.as_bytes().starts_with(b"application/x-www-form-urlencoded")
        });
        is_form.then_some(Self::Query)
    }

    /// The call that a request makes; `None` for a form without an `Action`.
    ///
    /// # Errors
    ///
    /// When the body can't be read.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Option<CloudWatchCall>, CloudWatchError> {
        let (operation, input) = match self {
            Self::Cbor(operation) => (operation, cbor::read(body)?),
            Self::Json(operation) => (operation, json::read(body)?),
            Self::Query => return Ok(query::read(body)),
        };
        Ok(Some(CloudWatchCall { operation: operation.clone(), input }))
    }

    /// The reply with the answer to this operation.
    #[must_use]
    pub(crate) fn reply(
        &self,
        operation: &str,
        answer: &AnswerDocument,
        request_id: Uuid,
    ) -> Reply {
        let body = match self {
            Self::Cbor(_) => cbor::write(answer),
            Self::Json(_) => json::write(answer),
            Self::Query => query::write(operation, answer, request_id),
        };
        self.with_head(StatusCode::OK, body, request_id)
    }

    /// The reply with a refusal.
    #[must_use]
    pub(crate) fn refuse(&self, refusal: &CloudWatchError, request_id: Uuid) -> Reply {
        let (code, shape) = refusal.kind.names();
        let error = AnswerDocument::Structure(vec![
            (
                "__type",
                AnswerDocument::text(format!("com.amazonaws.cloudwatch.v2010_08_01#{shape}")),
            ),
            ("message", AnswerDocument::text(&*refusal.message)),
        ]);
        let body = match self {
            Self::Cbor(_) => cbor::write(&error),
            Self::Json(_) => json::write(&error),
            Self::Query => query::write_refusal(code, &refusal.message, request_id),
        };
        let mut reply = self.with_head(refusal.kind.status(), body, request_id);
        // Clients that used the query protocol before still go by its codes.
        if *self != Self::Query
            && let Ok(code) = HeaderValue::try_from(format!("{code};Sender"))
        {
            reply.headers_mut().insert("x-amzn-query-error", code);
        }
        reply
    }

    fn with_head(&self, status: StatusCode, body: impl Into<Bytes>, request_id: Uuid) -> Reply {
        let content_type = match self {
            Self::Cbor(_) => "application/cbor",
            Self::Json(_) => "application/x-amz-json-1.0",
            Self::Query => "text/xml",
        };
        let mut reply = empty(status).map(|_| ReplyBody::from(body.into()));
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Self::Cbor(_) = self {
            let name = HeaderName::from_static("smithy-protocol");
            headers.insert(name, HeaderValue::from_static("rpc-v2-cbor"));
        }
        if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
            headers.insert("x-amzn-RequestId", id);
        }
        reply
    }
}

/// Whether the body of a request is compressed with gzip.
#[must_use]
pub(crate) fn is_gzip(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() == b"gzip")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::Protocol;

    fn protocol(path: &str, headers: &[(&'static str, &'static str)]) -> Option<Protocol> {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
        });
        Protocol::for_request(&Method::POST, path, &headers.collect::<HeaderMap>())
    }

    #[test]
    fn a_request_tells_its_protocol() {
        let path = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
        assert_eq!(protocol(path, &[]), Some(Protocol::Cbor("ListMetrics".to_owned())));
        let target = [("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")];
        assert_eq!(protocol("/", &target), Some(Protocol::Json("ListMetrics".to_owned())));
        let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        assert_eq!(protocol("/", &form), Some(Protocol::Query));
        assert_eq!(protocol("/", &[]), None);
        assert_eq!(protocol("/x", &form), None);
        assert_eq!(protocol("/service/Other/operation/ListMetrics", &[]), None);
    }
}
