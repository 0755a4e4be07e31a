//! What the example function answers to an event: the tracker itself, a proxy response around it
//! for API Gateway, or the refusal of a request that names no tenant.

use std::io::{self, Write as _};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::example_function::tracker::{Tracker, Trackers};

/// What one invocation ends with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HandlerAnswer {
    /// The JSON text of the result.
    Response(String),
    /// The invocation failed.
    Error(ReportedError),
}

/// An error in the form that runtimes report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReportedError {
    /// The type of the error.
    #[serde(rename = "errorType")]
    pub(crate) error_type: &'static str,
    /// What went wrong, for a person.
    #[serde(rename = "errorMessage")]
    pub(crate) error_message: &'static str,
}

impl ReportedError {
    /// What the Runtime API's `Lambda-Runtime-Function-Error-Type` is for it.
    #[must_use]
    pub(crate) fn code(&self) -> String {
        format!("Function.{}", self.error_type)
    }

    /// The JSON text that the caller gets.
    #[must_use]
    pub(crate) fn body(&self) -> String {
        text(self)
    }
}

const MISSING_TENANT_ID: ReportedError =
    ReportedError { error_type: "TenantError", error_message: "missingTenantID" };

/// Answers one event, and prints a line of log for it. `now` is the time since the Unix epoch.
///
/// An event that isn't JSON is taken as one without a message.
pub(crate) fn answer(
    trackers: &mut Trackers,
    tenant_id: Option<&str>,
    event: &[u8],
    now: Duration,
) -> HandlerAnswer {
    let event = serde_json::from_slice(event).unwrap_or(Value::Null);
    let caller = EventCaller::of_event(&event);
    let Some(tenant_id) = tenant_id else {
        return without_tenant(caller);
    };
    let message = match caller {
        EventCaller::Gateway => None,
        EventCaller::Direct => message(event),
    };
    let tracker = trackers.record(tenant_id, message, now);
    log(&format!("request {} of tenant {tenant_id}", tracker.request_count()));
    HandlerAnswer::Response(match caller {
        EventCaller::Gateway => proxy_response(tracker),
        EventCaller::Direct => text(tracker),
    })
}

/// Writes a line to the function's log, which a function must not fail for.
fn log(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Who called the function, as the event shows.
#[derive(Clone, Copy)]
enum EventCaller {
    /// An API Gateway REST API, with version 1 of the payload format.
    ///
    /// <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>
    Gateway,
    /// Anyone else.
    Direct,
}

impl EventCaller {
    fn of_event(event: &Value) -> Self {
        let is_gateway = event.get("httpMethod").is_some() && event.get("requestContext").is_some();
        if is_gateway { Self::Gateway } else { Self::Direct }
    }
}

/// The `message` of an event, if it is text.
fn message(mut event: Value) -> Option<String> {
    match event.get_mut("message").map(Value::take) {
        Some(Value::String(message)) => Some(message),
        _ => None,
    }
}

/// A gateway gets an ordinary answer whose status says what is wrong.
fn without_tenant(caller: EventCaller) -> HandlerAnswer {
    log("request without a tenant");
    match caller {
        EventCaller::Gateway => {
            let body = "No Tenant ID provided".to_owned();
            HandlerAnswer::Response(text(&ProxyResponse { status_code: 400, headers: None, body }))
        }
        EventCaller::Direct => HandlerAnswer::Error(MISSING_TENANT_ID),
    }
}

fn proxy_response(tracker: &Tracker) -> String {
    let headers = Headers { content_type: "application/json" };
    text(&ProxyResponse { status_code: 200, headers: Some(headers), body: text(tracker) })
}

#[derive(Serialize)]
struct ProxyResponse {
    #[serde(rename = "statusCode")]
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Headers>,
    body: String,
}

#[derive(Serialize)]
struct Headers {
    #[serde(rename = "content-type")]
    content_type: &'static str,
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("all keys are strings, so it can be written as JSON")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::{HandlerAnswer, MISSING_TENANT_ID, answer};
    use crate::example_function::tracker::Trackers;

    const NOW: Duration = Duration::from_secs(7);

    fn response(trackers: &mut Trackers, tenant_id: Option<&str>, event: &str) -> String {
        match answer(trackers, tenant_id, event.as_bytes(), NOW) {
            HandlerAnswer::Response(text) => text,
            HandlerAnswer::Error(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn any_event_is_counted_and_only_text_is_kept_as_message() {
        let mut trackers = Trackers::default();
        for (count, event) in [r#"{"message":7}"#, "[1]", "null", "no JSON", ""].iter().enumerate()
        {
            let text = response(&mut trackers, Some("alice"), event);
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["requestCount"], count + 1);
            assert_eq!(answer["requests"][count].get("message"), None);
        }
        let text = response(&mut trackers, Some("alice"), r#"{"message":"hello"}"#);
        assert!(text.ends_with(r#""message":"hello"}]}"#), "{text}");
    }

    #[test]
    fn a_gateway_gets_the_tracker_as_the_text_of_a_proxy_response() {
        let mut trackers = Trackers::default();
        let event = r#"{"httpMethod":"GET","requestContext":{},"message":"hello"}"#;
        assert_eq!(
            response(&mut trackers, Some("alice"), event),
            r#"{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{\"tenantID\":\"alice\",\"requestCount\":1,\"firstRequest\":\"7.000000\",\"requests\":[{\"requestNumber\":1,\"timestamp\":\"7.000000\"}]}"}"#
        );
    }

    #[test]
    fn without_a_tenant_a_gateway_gets_400_and_others_an_error() {
        let mut trackers = Trackers::default();
        assert_eq!(
            response(&mut trackers, None, r#"{"httpMethod":"GET","requestContext":{}}"#),
            r#"{"statusCode":400,"body":"No Tenant ID provided"}"#
        );
        let refused = answer(&mut trackers, None, b"{}", NOW);
        assert_eq!(refused, HandlerAnswer::Error(MISSING_TENANT_ID));
        assert_eq!(
            MISSING_TENANT_ID.body(),
            r#"{"errorType":"TenantError","errorMessage":"missingTenantID"}"#
        );
    }
}
