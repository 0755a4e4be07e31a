//! The Runtime API on the wire: every status and body, and the habits of the clients of other
//! languages. The function makes the calls that its event describes and reports what it got.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::http::Reply;
use crate::server::{Server, Setup};
use crate::wait::DEADLINE;

/// The answer that most tests end their invocation with: what every call got.
fn report() -> Value {
    json!({ "call": "POST invocation/{id}/response", "report": true })
}

/// Starts a function that takes its steps from the event.
async fn raw() -> Server {
    Setup::raw(&["--timeout", "5s", "--max-environments", "1"]).start().await
}

/// Makes the calls, then answers with what they got.
async fn calls_of(server: &Server, mut steps: Vec<Value>) -> Value {
    steps.push(report());
    server.answer("alice", &json!({ "steps": steps })).await["calls"].take()
}

/// What the calls of earlier invocations got. The environment may still be making them, and there
/// can be no other.
async fn earlier_calls(server: &Server) -> Value {
    let start = Instant::now();
    loop {
        let reply = server.invoke("alice", &json!({})).await;
        if reply.status != 429 {
            return reply.answer()["calls"].take();
        }
        assert!(start.elapsed() < DEADLINE, "the environment is not free again");
        sleep(Duration::from_millis(5)).await;
    }
}

/// The function makes one call as its whole answer.
async fn answering(server: &Server, call: Value) -> Reply {
    server.invoke("alice", &json!({ "steps": [call] })).await
}

#[track_caller]
fn got(call: &Value, status: u16, body: &Value) {
    assert_eq!(call["status"], status, "{call}");
    let got: Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
    assert_eq!(&got, body, "{call}");
    assert_eq!(values(call, "content-type"), ["application/json"]);
}

#[track_caller]
fn accepted(call: &Value) {
    got(call, 202, &json!({ "status": "OK" }));
}

/// All values of a header of a reply.
fn values<'a>(reply: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = reply["headers"].as_array().unwrap();
    let named = headers.iter().filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
    named.map(|pair| pair[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_comes_with_the_headers_that_runtimes_need_each_once() {
    let server = raw().await;
    let before = jiff::Timestamp::now().as_millisecond();
    let reply = server.invoke("a/b = c@d", &json!({ "any": "event" })).await;
    let next = &reply.answer()["next"];
    assert_eq!(next["status"], 200);
    assert_eq!(next["body"], r#"{"any":"event"}"#);
    assert_eq!(values(next, "content-type"), ["application/json"]);
    assert_eq!(values(next, "lambda-runtime-aws-tenant-id"), ["a/b = c@d"]);
    let arn = "arn:aws:lambda:us-east-1:123456789012:function:function";
    assert_eq!(values(next, "lambda-runtime-invoked-function-arn"), [arn]);
    let id = values(next, "lambda-runtime-aws-request-id");
    assert_eq!(id, [reply.header("x-amzn-requestid")]);
    assert_eq!(uuid::Uuid::parse_str(id[0]).unwrap().to_string(), id[0]);
    let trace_id = values(next, "lambda-runtime-trace-id");
    assert!(trace_id.len() == 1 && trace_id[0].starts_with("Root=1-"), "{trace_id:?}");
    assert_eq!(values(next, "lambda-runtime-invocation-id").len(), 1);
    let deadline: i64 = values(next, "lambda-runtime-deadline-ms")[0].parse().unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    assert!((before + 5_000..=now + 5_000).contains(&deadline), "{before} {deadline} {now}");
    assert!(!values(next, "connection").contains(&"close"), "{next}");
    for absent in ["lambda-runtime-client-context", "lambda-runtime-cognito-identity"] {
        assert!(values(next, absent).is_empty(), "{next}");
    }
}

#[tokio::test]
async fn without_a_tenant_there_is_no_tenant_header() {
    let server = Setup::raw(&["--tenant-isolation-mode", "NONE"]).start().await;
    let answer = server.invoke_without_tenant(&json!({})).await.answer();
    assert!(values(&answer["next"], "lambda-runtime-aws-tenant-id").is_empty());
}

#[tokio::test]
async fn a_second_answer_is_refused() {
    let server = raw().await;
    let event = json!({ "steps": [
        { "call": "POST invocation/{id}/response", "body": "\"first\"" },
        { "call": "POST invocation/{id}/response", "body": "\"second\"" },
        { "call": "POST invocation/{id}/error", "body": "{}" },
    ] });
    assert_eq!(server.answer("alice", &event).await, "first");
    let calls = earlier_calls(&server).await;
    accepted(&calls[0]);
    for (call, wanted) in
        [(&calls[1], "InvocationResponse"), (&calls[2], "InvocationErrorResponse")]
    {
        let message = format!(
            "State transition from RuntimeResponseSentState to {wanted} failed for runtime. \
             Error: State transition is not allowed"
        );
        let body = json!({ "errorMessage": message, "errorType": "InvalidStateTransition" });
        got(call, 403, &body);
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused_and_the_right_one_still_taken() {
    let server = raw().await;
    let other = "invocation/00000000-0000-4000-8000-000000000000";
    let calls = calls_of(
        &server,
        vec![
            json!({ "call": format!("POST {other}/response"), "body": "1" }),
            json!({ "call": format!("POST {other}/error"), "body": "{}" }),
        ],
    )
    .await;
    let body = json!({ "errorMessage": "Invalid request ID", "errorType": "InvalidRequestID" });
    got(&calls[0], 400, &body);
    got(&calls[1], 400, &body);
}

#[tokio::test]
async fn asking_for_the_next_event_without_an_answer_gets_the_same_one_again() {
    let server = raw().await;
    let event = json!({ "steps": [{ "call": "GET invocation/next" }, report()] });
    let reply = server.invoke("alice", &event).await;
    let calls = &reply.answer()["calls"];
    assert_eq!(calls[0]["status"], 200);
    assert_eq!(calls[0]["body"], event.to_string());
    let id = values(&calls[0], "lambda-runtime-aws-request-id");
    assert_eq!(id, [reply.header("x-amzn-requestid")]);
}

#[tokio::test]
async fn an_unknown_response_mode_is_refused_and_the_environment_goes_on() {
    let server = raw().await;
    let mode = json!([["Lambda-Runtime-Function-Response-Mode", "sideways"]]);
    let call = json!({ "call": "POST invocation/{id}/response", "headers": mode, "body": "1" });
    let calls = calls_of(&server, vec![call]).await;
    got(
        &calls[0],
        400,
        &json!({
            "errorMessage": "Invalid function response mode",
            "errorType": "InvalidFunctionResponseMode",
        }),
    );
}

#[tokio::test]
async fn a_truncated_answer_does_not_hang_its_caller_nor_the_environment() {
    for framing in ["truncated-length", "truncated-chunks"] {
        let server = Setup::raw(&["--timeout", "2s"]).start().await;
        let truncated = json!({
            "call": "POST invocation/{id}/response",
            "framing": framing,
            "body": "\"half",
        });
        let event = json!({ "steps": [truncated, report()] });
        let reply = server.invoke("alice", &event).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_ne!(reply.text(), "\"half", "half an answer is none");
        server.answer("alice", &json!({})).await;
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_in_any_framing() {
    let server = Setup::raw(&["--timeout", "20s"]).start().await;
    for framing in ["length", "chunked"] {
        let call = |bytes: usize| {
            let call = "POST invocation/{id}/response";
            json!({ "call": call, "framing": framing, "bytes": bytes })
        };
        let largest = answering(&server, call(6_291_556)).await;
        assert_eq!((largest.status, largest.body.len()), (200, 6_291_556));
        let too_large = answering(&server, call(6_291_557)).await.function_error();
        assert_eq!(too_large["errorType"], "Function.ResponseSizeTooLarge");
        let calls = earlier_calls(&server).await;
        got(
            calls.as_array().unwrap().last().unwrap(),
            413,
            &json!({
                "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
                "errorType": "RequestEntityTooLarge",
            }),
        );
    }
}

#[tokio::test]
async fn an_init_error_after_init_is_refused() {
    let server = raw().await;
    let calls = calls_of(&server, vec![json!({ "call": "POST init/error", "body": "{}" })]).await;
    let message = "State transition from Running to InitError failed for runtime. \
                   Error: State transition is not allowed";
    let body = json!({ "errorMessage": message, "errorType": "InvalidStateTransition" });
    got(&calls[0], 403, &body);
}

#[tokio::test]
async fn paths_and_methods_that_are_unknown_are_refused() {
    let server = raw().await;
    let lines = [
        ("GET /2018-06-01/ping", 200),
        ("GET /2018-06-01/runtime/invocation/next/", 404),
        ("GET /", 404),
        ("POST /2018-06-01/runtime/invocation/next", 405),
        ("GET /2018-06-01/runtime/invocation/{id}/response", 405),
        ("GET /2018-06-01/runtime/init/error", 405),
        ("GET /2018-06-01/runtime/restore/next", 404),
    ];
    let steps = lines.iter().map(|(line, _)| json!({ "call": line })).collect();
    let calls = calls_of(&server, steps).await;
    for (number, (line, status)) in lines.iter().enumerate() {
        assert_eq!(calls[number]["status"], *status, "{line}");
    }
    assert_eq!(calls[0]["body"], "pong");
    assert_eq!(calls[2]["body"], "404 page not found\n");
    assert_eq!(values(&calls[3], "allow"), ["GET"]);
    assert_eq!(values(&calls[4], "allow"), ["POST"]);
}

#[tokio::test]
async fn the_habits_of_go() {
    let server = raw().await;
    // Every body is chunked with declared trailers, which doesn't make it a stream.
    let trailer = [
        "Trailer",
        "Lambda-Runtime-Function-Error-Body, \
                               Lambda-Runtime-Function-Error-Type",
    ];
    let answer = json!({
        "call": "POST invocation/{id}/response",
        "headers": [["User-Agent", "aws-lambda-go/go1.26"], trailer,
                    ["Content-Type", "application/json"]],
        "framing": "chunked",
        "body": "\"from Go\"",
    });
    assert_eq!(answering(&server, answer).await.answer(), "from Go");
    let body = r#"{"errorMessage":"boom","errorType":"errorString"}"#;
    let error = json!({
        "call": "POST invocation/{id}/error",
        "headers": [trailer, ["Lambda-Runtime-Function-Xray-Error-Cause", "{}"]],
        "framing": "chunked",
        "body": body,
    });
    let reply = answering(&server, error).await;
    reply.function_error();
    assert_eq!(reply.text(), body);
    let calls = earlier_calls(&server).await;
    accepted(&calls[0]);
    accepted(&calls[1]);
}

#[tokio::test]
async fn the_habits_of_python_node_and_rust() {
    let server = raw().await;
    let python = json!({
        "call": "POST invocation/{id}/response",
        "headers": [["User-Agent", "aws-lambda-python/3.13-4.2.2"],
                    ["Content-Type", "application/json"]],
        "body": "{\"from\": \"Python\"}",
    });
    assert_eq!(answering(&server, python).await.text(), r#"{"from": "Python"}"#);
    let node = json!({
        "call": "POST invocation/{id}/response",
        "headers": [["content-type", "application/json"],
                    ["lambda-runtime-function-xray-error-cause", ""]],
        "body": "\"from Node\"",
    });
    assert_eq!(answering(&server, node).await.answer(), "from Node");
    let rust = json!({
        "call": "POST invocation/{id}/error",
        "headers": [["lambda-runtime-function-error-type", "unhandled"],
                    ["lambda-runtime-invocation-id", "{nonce}"]],
        "body": "{\"errorType\":\"&str\",\"errorMessage\":\"from Rust\"}",
    });
    assert_eq!(
        answering(&server, rust).await.function_error(),
        json!({ "errorType": "&str", "errorMessage": "from Rust" })
    );
    for call in earlier_calls(&server).await.as_array().unwrap() {
        accepted(call);
    }
}

#[tokio::test]
async fn the_habits_of_swift() {
    let server = raw().await;
    // Its escaper writes control characters as they are, which is no JSON.
    let body = "{\"errorType\":\"MyError\",\"errorMessage\":\"two\\\nlines\"}";
    let error = json!({
        "call": "POST invocation/{id}/error",
        "headers": [["user-agent", "Swift-Lambda/2.0"],
                    ["lambda-runtime-function-error-type", "Unhandled"]],
        "framing": "chunked",
        "body": body,
    });
    let reply = answering(&server, error).await;
    assert_eq!((reply.status, reply.header("x-amz-function-error")), (200, "Unhandled"));
    assert_eq!(reply.text(), body);
    let empty = answering(&server, json!({ "call": "POST invocation/{id}/response" })).await;
    assert_eq!((empty.status, empty.text()), (200, ""));
    let calls = earlier_calls(&server).await;
    accepted(&calls[0]);
    accepted(&calls[1]);
}

#[tokio::test]
async fn a_stream_is_put_together_and_its_error_is_a_function_error() {
    let server = raw().await;
    let stream = |trailers: Value| {
        json!({
            "call": "POST invocation/{id}/response",
            "headers": [
                ["Lambda-Runtime-Function-Response-Mode", "streaming"],
                ["Trailer", "Lambda-Runtime-Function-Error-Type, \
                             Lambda-Runtime-Function-Error-Body"],
            ],
            "framing": "chunked",
            "body": "part of it",
            "trailers": trailers,
        })
    };
    let whole = answering(&server, stream(json!([]))).await;
    assert_eq!((whole.status, whole.header("x-amz-function-error")), (200, ""));
    assert_eq!(whole.text(), "part of it");
    // {"errorMessage":"boom"} in base64, and what Swift writes in its place.
    for body in ["eyJlcnJvck1lc3NhZ2UiOiJib29tIn0=", "Requires base64"] {
        let failed = stream(json!([
            ["Lambda-Runtime-Function-Error-Type", "Runtime.StreamError"],
            ["Lambda-Runtime-Function-Error-Body", body],
        ]));
        let reply = answering(&server, failed).await;
        assert_eq!((reply.status, reply.header("x-amz-function-error")), (200, "Unhandled"));
    }
    for call in earlier_calls(&server).await.as_array().unwrap() {
        accepted(call);
    }
}

#[tokio::test]
async fn an_error_cause_of_a_megabyte_is_accepted() {
    let server = raw().await;
    let error = json!({
        "call": "POST invocation/{id}/error",
        "long-header": ["Lambda-Runtime-Function-XRay-Error-Cause", 1_048_000],
        "body": "{\"errorType\":\"Long\",\"errorMessage\":\"\"}",
    });
    assert_eq!(answering(&server, error).await.function_error()["errorType"], "Long");
    accepted(&earlier_calls(&server).await[0]);
}

#[tokio::test]
async fn the_invocation_id_is_checked_when_it_is_sent_back() {
    let server = raw().await;
    let with_nonce = |nonce: &str| {
        json!({
            "call": "POST invocation/{id}/response",
            "headers": [["lambda-runtime-invocation-id", nonce]],
            "body": "\"with a nonce\"",
        })
    };
    let event = json!({ "steps": [with_nonce("another"), with_nonce("{nonce}")] });
    assert_eq!(server.answer("alice", &event).await, "with a nonce");
    let calls = earlier_calls(&server).await;
    let body = json!({ "errorMessage": "Invoke timeout", "errorType": "InvokeTimeout" });
    got(&calls[0], 410, &body);
    accepted(&calls[1]);
}

#[tokio::test]
async fn a_connection_that_is_closed_while_it_waits_takes_no_event_with_it() {
    let server = raw().await;
    let answer = json!({ "call": "POST invocation/{id}/response", "report": true });
    let abandoned = json!({ "call": "GET invocation/next", "on": "closed" });
    let event = json!({ "steps": [answer, abandoned] });
    for count in 1..=5 {
        assert_eq!(server.answer("alice", &event).await["count"], count);
    }
}

#[tokio::test]
async fn every_call_may_come_on_a_connection_of_its_own() {
    let server = raw().await;
    let answer = json!({ "call": "POST invocation/{id}/response", "report": true, "on": "new" });
    for count in 1..=3 {
        let event = json!({ "steps": [answer] });
        assert_eq!(server.answer("alice", &event).await["count"], count);
    }
}

#[tokio::test]
async fn the_sigterm_helpers_of_go_and_rust_can_register() {
    for (name, events) in [
        ("GoLangEnableSIGTERM", "null"),
        ("_lambda-rust-runtime-no-op-graceful-shutdown-helper", "[]"),
    ] {
        let steps = json!([
            {
                "call": "POST /2020-01-01/extension/register",
                "headers": [["Lambda-Extension-Name", name]],
                "body": format!("{{\"events\":{events}}}"),
            },
            {
                "call": "GET /2020-01-01/extension/event/next",
                "headers": [["Lambda-Extension-Identifier", "{extension}"]],
                "on": "own",
            },
        ]);
        let setup = Setup::raw(&["--timeout", "5s"]).env("INIT_STEPS", steps.to_string());
        let server = setup.start().await;
        for count in 1..=2 {
            let answer = server.answer("alice", &json!({})).await;
            assert_eq!(answer["count"], count);
            let register = &answer["calls"][0];
            assert_eq!(register["status"], 200, "{register}");
            let id = values(register, "lambda-extension-identifier");
            assert!(uuid::Uuid::parse_str(id[0]).is_ok(), "{id:?}");
            let body: Value = serde_json::from_str(register["body"].as_str().unwrap()).unwrap();
            assert_eq!(body["functionName"], "function");
            assert_eq!(body["functionVersion"], "$LATEST");
        }
    }
}

#[tokio::test]
async fn an_extension_that_cannot_be_registered_is_told_why() {
    let register = |name: &str, body: &str| {
        json!({
            "call": "POST /2020-01-01/extension/register",
            "headers": [["Lambda-Extension-Name", name]],
            "body": body,
        })
    };
    let steps = json!([
        { "call": "POST /2020-01-01/extension/register", "body": "{\"events\":[]}" },
        register("a", "{\"events\":[\"SHUTDOWN\"]}"),
        register("b", "no JSON"),
        register("c", "{\"events\":[]}"),
        register("c", "{\"events\":[]}"),
        { "call": "GET /2020-01-01/extension/event/next" },
        // Until it has asked for an event, the environment is not ready.
        {
            "call": "GET /2020-01-01/extension/event/next",
            "headers": [["Lambda-Extension-Identifier", "{extension}"]],
            "on": "own",
        },
    ]);
    let setup = Setup::raw(&["--timeout", "5s"]).env("INIT_STEPS", steps.to_string());
    let server = setup.start().await;
    let calls = server.answer("alice", &json!({})).await["calls"].take();
    for (number, status, error_type) in [
        (0, 403, "Extension.InvalidExtensionName"),
        (1, 403, "Extension.InvalidEventType"),
        (2, 403, "InvalidRequestFormat"),
        (4, 403, "Extension.InvalidExtensionState"),
        (5, 403, "Extension.MissingExtensionIdentifier"),
    ] {
        let call = &calls[number];
        assert_eq!(call["status"], status, "{call}");
        let body: Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["errorType"], error_type, "{call}");
    }
    assert_eq!(calls[3]["status"], 200);
}
