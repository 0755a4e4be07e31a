//! What a response means: an answer of the function, or an [`InvokeError`]. Lambda, mtl, the
//! Runtime Interface Emulator (RIE), cargo-lambda and the Swift local server each say it in their
//! own way. All of these differences are handled here.

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use memchr::memmem;
use serde_json::Value;

use crate::client::error::{InvokeError, excerpt};
use crate::lambda::invocation_type::InvocationType;
use crate::system::text::one_line;

/// What the function answered: the members of the SDKs' Invoke response.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvokeAnswer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `Unhandled` or `Handled` when the function returned an error; the payload describes it.
    pub(crate) function_error: Option<String>,
    /// The version that ran.
    pub(crate) executed_version: Option<String>,
    /// The request id.
    pub(crate) request_id: Option<String>,
    /// The last 4 KB of the log in base64, where it was asked for.
    pub(crate) log_result: Option<String>,
    /// What the function returned.
    pub(crate) payload: Bytes,
}

impl InvokeAnswer {
    /// The function's own words for its error, as one line: type and message of the error object
    /// that runtimes post, or the bare text of RIE's timeout.
    #[must_use]
    pub(crate) fn error_text(&self) -> Option<String> {
        let text = match serde_json::from_slice::<Value>(&self.payload) {
            Ok(error) => match (error["errorType"].as_str(), error["errorMessage"].as_str()) {
                (Some(kind), Some(message)) => format!("{kind}: {message}"),
                (Some(text), None) | (None, Some(text)) => text.to_owned(),
                (None, None) => return None,
            },
            Err(_) => return Some(excerpt(&self.payload)).filter(|text| !text.is_empty()),
        };
        Some(one_line(&text))
    }
}

/// Reads a response of a local server.
///
/// # Errors
///
/// When the response is no answer of the function.
pub(crate) fn read(
    head: &Parts,
    body: Bytes,
    invocation_type: InvocationType,
) -> Result<InvokeAnswer, InvokeError> {
    if let Some(error) = refusal(head, &body) {
        return Err(error);
    }
    let function_error = function_error(head, &body);
    let answered = match invocation_type {
        // 202 is how the Swift server answers; without a body it is how Lambda accepts an event.
        InvocationType::RequestResponse => {
            head.status == StatusCode::OK
                || head.status == StatusCode::ACCEPTED && !body.is_empty()
                || function_error.is_some()
        }
        InvocationType::Event => head.status == StatusCode::ACCEPTED,
        InvocationType::DryRun => head.status == StatusCode::NO_CONTENT,
    };
    if !answered {
        return Err(InvokeError::not_an_answer(head.status, body));
    }
    Ok(InvokeAnswer {
        status: head.status.as_u16(),
        function_error,
        executed_version: text_of(&head.headers, "x-amz-executed-version"),
        request_id: text_of(&head.headers, "x-amzn-requestid"),
        log_result: text_of(&head.headers, "x-amz-log-result"),
        payload: body,
    })
}

/// A throttle has status 429; Lambda's other errors have their type in a header.
fn refusal(head: &Parts, body: &[u8]) -> Option<InvokeError> {
    if !head.status.is_client_error() && !head.status.is_server_error() {
        return None;
    }
    let error_type = text_of(&head.headers, "x-amzn-errortype").map(|value| {
        // The header may go on with the URI of the error's namespace.
        value.split(':').next().unwrap_or_default().to_owned()
    });
    let details: Value = serde_json::from_slice(body).unwrap_or_default();
    // The spelling depends on the error type.
    let message = details["message"].as_str().or(details["Message"].as_str());
    let message = message.map_or_else(|| excerpt(body), one_line);
    if head.status == StatusCode::TOO_MANY_REQUESTS {
        let reason = details["Reason"].as_str().map(one_line).or(error_type);
        return Some(InvokeError::Throttled {
            reason: reason.unwrap_or_else(|| "Too Many Requests".to_owned()),
            message,
            retry_after: text_of(&head.headers, "retry-after"),
        });
    }
    Some(InvokeError::Refused { status: head.status, error_type: error_type?, message })
}

/// The kind of function error that the response reports, if it does.
fn function_error(head: &Parts, body: &[u8]) -> Option<String> {
    if let Some(kind) = text_of(&head.headers, "x-amz-function-error") {
        return Some(kind);
    }
    let failed = match head.status {
        // cargo-lambda and Swift answer 500, and RIE 502, with the error object as it was posted.
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::BAD_GATEWAY => has_text(body, "errorType"),
        // Lambda and mtl would have set the header. RIE has no such header and answers errors with 200.
        StatusCode::OK if !is_lambda(&head.headers) => {
            head.headers.contains_key("error-type")
                || has_text(body, "errorType") && has_text(body, "errorMessage")
                || is_timeout(body)
        }
        _ => false,
    };
    failed.then(|| "Unhandled".to_owned())
}

fn is_lambda(headers: &HeaderMap) -> bool {
    headers.contains_key("x-amz-executed-version") || headers.contains_key("x-amzn-requestid")
}

fn has_text(body: &[u8], member: &str) -> bool {
    // An answer that doesn't have the word is not parsed: it may be long, and most have no error.
    memmem::find(body, member.as_bytes()).is_some()
        && serde_json::from_slice::<Value>(body).is_ok_and(|value| value[member].is_string())
}

/// RIE answers a timeout with this sentence alone.
fn is_timeout(body: &[u8]) -> bool {
    str::from_utf8(body)
        .ok()
        .and_then(|text| text.trim().strip_prefix("Task timed out after "))
        .and_then(|text| text.strip_suffix(" seconds"))
        .is_some_and(|seconds| seconds.parse::<f64>().is_ok())
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| one_line(&String::from_utf8_lossy(value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{InvokeAnswer, read};
    use crate::lambda::invocation_type::InvocationType;
    use bytes::Bytes;
    use http::Response;

    const ERROR: &str = r#"{"errorType":"ValueError","errorMessage":"boom"}"#;
    const LAMBDA: &[(&str, &str)] = &[("X-Amz-Executed-Version", "$LATEST")];

    #[test]
    fn answers_and_function_errors_of_every_server() {
        for (server, status, headers, body, function_error) in [
            ("Lambda", 200, LAMBDA, "null", None),
            ("Lambda, a function that returns such an object", 200, LAMBDA, ERROR, None),
            ("Lambda", 200, &[("X-Amz-Function-Error", "Handled")], ERROR, Some("Handled")),
            ("RIE", 200, &[], "{}", None),
            ("RIE", 200, &[], ERROR, Some("Unhandled")),
            ("RIE", 502, &[], r#"{"errorType":"Runtime.ExitError"}"#, Some("Unhandled")),
            ("RIE", 200, &[], "Task timed out after 3.00 seconds", Some("Unhandled")),
            ("RIE, a text of the function", 200, &[], "Task timed out after all seconds", None),
            ("RIE, managed instances", 200, &[("Error-Type", "X")], "{}", Some("Unhandled")),
            ("an answer that only looks alike", 200, &[], r#"{"errorType":"x"}"#, None),
            ("an answer that only looks alike", 200, &[], r#"["errorType"]"#, None),
            ("Swift", 202, &[], "{}", None),
            ("Swift, a function that returns such an object", 202, &[], ERROR, None),
            ("Swift", 500, &[], ERROR, Some("Unhandled")),
            ("cargo-lambda", 500, &[], ERROR, Some("Unhandled")),
        ] {
            let answer = respond(status, headers, body).unwrap_or_else(|e| panic!("{server}: {e}"));
            assert_eq!(answer.function_error.as_deref(), function_error, "{server}: {body}");
            assert_eq!((answer.status, &*answer.payload), (status, body.as_bytes()), "{server}");
        }
    }

    #[test]
    fn everything_else_is_an_error_in_the_words_of_the_server() {
        const TYPE: &str = "X-Amzn-ErrorType";
        for (status, headers, body, message) in [
            (
                400,
                &[(TYPE, "InvalidParameterValueException:http://internal.amazon.com/x")][..],
                r#"{"Type":"User","message":"no\ntenant"}"#,
                r"the invocation was refused (InvalidParameterValueException): no\ntenant",
            ),
            (
                404,
                &[(TYPE, "ResourceNotFoundException")],
                r#"{"Type":"User","Message":"Function not found: arn"}"#,
                "the invocation was refused (ResourceNotFoundException): Function not found: arn",
            ),
            (
                500,
                &[(TYPE, "ServiceException")],
                r#"{"errorType":"x"}"#,
                r#"the invocation was refused (ServiceException): {"errorType":"x"}"#,
            ),
            (
                429,
                &[(TYPE, "TooManyRequestsException")],
                r#"{"Reason":"ConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}"#,
                "the invocation was throttled (ConcurrentInvocationLimitExceeded): Rate Exceeded.",
            ),
            (
                429,
                &[],
                r#"{"message":"Too fast"}"#,
                "the invocation was throttled (Too Many Requests): Too fast",
            ),
            (
                404,
                &[],
                "404 page not found\n",
                "the server answered `404 Not Found` and `404 page not found`",
            ),
            (502, &[], "", "the server answered `502 Bad Gateway` and nothing else"),
            (500, &[], "{}", "the server answered `500 Internal Server Error` and `{}`"),
            (202, &[], "", "the server answered `202 Accepted` and nothing else"),
            (204, &[], "", "the server answered `204 No Content` and nothing else"),
            (301, &[], "", "the server answered `301 Moved Permanently` and nothing else"),
        ] {
            let error = respond(status, headers, body).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_members_come_from_the_headers() {
        let headers = &[
            ("X-Amz-Executed-Version", "7"),
            ("X-Amzn-RequestId", "8f5"),
            ("X-Amz-Log-Result", "c3Rhcn"),
        ];
        let expected = InvokeAnswer {
            status: 200,
            function_error: None,
            executed_version: Some("7".to_owned()),
            request_id: Some("8f5".to_owned()),
            log_result: Some("c3Rhcn".to_owned()),
            payload: Bytes::from_static(b"{}"),
        };
        assert_eq!(respond(200, headers, "{}").unwrap(), expected);
    }

    #[test]
    fn the_text_of_a_function_error_is_one_line() {
        for (payload, text) in [
            (ERROR, Some("ValueError: boom")),
            (r#"{"errorType":"E","errorMessage":"a\n\u001b[2J"}"#, Some(r"E: a\n\u{1b}[2J")),
            (r#"{"errorType":"E","errorMessage":7}"#, Some("E")),
            (r#"{"errorMessage":"boom"}"#, Some("boom")),
            ("Task timed out after 3.00 seconds", Some("Task timed out after 3.00 seconds")),
            ("{}", None),
            ("null", None),
            ("", None),
        ] {
            let answer = respond(200, &[("X-Amz-Function-Error", "Unhandled")], payload).unwrap();
            assert_eq!(answer.error_text().as_deref(), text, "{payload}");
        }
    }

    fn respond(
        status: u16,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Result<InvokeAnswer, super::InvokeError> {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let (head, body) = response.body(Bytes::from_static(body.as_bytes())).unwrap().into_parts();
        read(&head, body, InvocationType::RequestResponse)
    }
}
