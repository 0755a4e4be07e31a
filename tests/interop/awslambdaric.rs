//! A function on AWS's own Python runtime, served by `mtl serve` and called through boto3: every
//! way in which it answers or fails.

use serde_json::{Value, json};

use crate::boto3::{call, call_as, parameters};
use crate::mtl::Server;

/// The largest answer in bytes: 6 MB and 100 bytes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, and the Runtime
/// Interface Emulator).
const LARGEST_ANSWER: usize = 6_291_556;

/// A call as alice that must end in a function error, whose payload is returned.
#[track_caller]
fn unhandled(server: &Server, event: &Value) -> Value {
    let outcome = call_as(&server.endpoint, "alice", event);
    assert_eq!(outcome["StatusCode"], 200, "{outcome}");
    assert_eq!(outcome["FunctionError"], "Unhandled", "{outcome}");
    outcome["Payload"].clone()
}

/// What a message of mtl's own says after `RequestId: ID `.
#[track_caller]
fn after_request_id(payload: &Value) -> &str {
    let message = payload["errorMessage"].as_str();
    let words = message.and_then(|message| message.strip_prefix("RequestId: ")?.split_once(' '));
    words.unwrap_or_else(|| panic!("no request id in {payload}")).1
}

#[test]
fn the_context_has_the_tenant_and_the_function() {
    let server = Server::python(&[]);
    let answer = call_as(&server.endpoint, "tenant 1/a=b@c", &json!({}))["Payload"].clone();
    assert_eq!(answer["tenant"], "tenant 1/a=b@c");
    assert_eq!(answer["arn"], "arn:aws:lambda:us-east-1:123456789012:function:function");
    assert_eq!(answer["memory"], "128");
    assert_eq!(answer["log_group"], "/aws/lambda/function");
    let remaining = answer["remaining_ms"].as_i64().unwrap();
    assert!((1..=3000).contains(&remaining), "{answer}");
}

#[test]
fn module_state_is_kept_for_each_tenant() {
    let server = Server::python(&[]);
    let tenants = ["alice", "bob", "alice", "bob", "alice"];
    let outcomes = call(&server.endpoint, &tenants.map(|tenant| parameters(tenant, &json!({}))));
    let calls: Vec<_> =
        outcomes.iter().map(|outcome| outcome["Payload"]["calls"].clone()).collect();
    assert_eq!(calls, [1, 1, 2, 2, 3]);
    let pid = |index: usize| outcomes[index]["Payload"]["pid"].clone();
    assert_eq!((pid(0), pid(1)), (pid(2), pid(3)));
    assert_ne!(pid(0), pid(1));
}

#[test]
fn an_exception_is_a_function_error_and_keeps_the_environment() {
    let server = Server::python(&[]);
    let error = unhandled(&server, &json!({"do": "raise"}));
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("ValueError"), &json!("boom"))
    );
    assert!(error["stackTrace"][0].as_str().unwrap().contains("app.py"), "{error}");
    assert_eq!(call_as(&server.endpoint, "alice", &json!({}))["Payload"]["calls"], 2);
}

#[test]
fn a_handler_that_cannot_be_imported_answers_the_init_error_unchanged() {
    let server = Server::handler("nope.handler", &[]);
    let error = json!({
        "errorMessage": "Unable to import module 'nope': No module named 'nope'",
        "errorType": "Runtime.ImportModuleError",
        "requestId": "",
        "stackTrace": [],
    });
    assert_eq!(unhandled(&server, &json!({})), error);
    assert_eq!(unhandled(&server, &json!({})), error);
}

#[test]
fn an_exit_is_answered_and_replaces_the_environment() {
    let server = Server::python(&[]);
    let error = unhandled(&server, &json!({"do": "exit", "status": 42}));
    assert_eq!(error["errorType"], "Runtime.ExitError");
    let message = after_request_id(&error);
    assert_eq!(message, "Error: Runtime exited with error: exit status 42");
    let error = unhandled(&server, &json!({"do": "exit", "status": 0}));
    assert_eq!(after_request_id(&error), "Error: Runtime exited without providing a reason");
    assert_eq!(call_as(&server.endpoint, "alice", &json!({}))["Payload"]["calls"], 1);
}

#[test]
fn a_timeout_is_answered_and_replaces_the_environment() {
    let server = Server::python(&["--timeout", "1s"]);
    let error = unhandled(&server, &json!({"do": "sleep", "seconds": 600}));
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert_eq!(after_request_id(&error), "Error: Task timed out after 1.00 seconds");
    assert_eq!(call_as(&server.endpoint, "alice", &json!({}))["Payload"]["calls"], 1);
}

#[test]
fn an_answer_over_the_limit_is_a_function_error() {
    let server = Server::python(&[]);
    let length = |length: usize| json!({"do": "text", "length": length});
    let largest = call_as(&server.endpoint, "alice", &length(LARGEST_ANSWER));
    assert_eq!(largest["Payload"].as_str().map(str::len), Some(LARGEST_ANSWER - 2));
    let error = unhandled(&server, &length(LARGEST_ANSWER + 1));
    assert_eq!(
        error,
        json!({
            "errorType": "Function.ResponseSizeTooLarge",
            "errorMessage":
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        })
    );
    // The runtime ends when its answer is refused; the tenant's next call has a new one.
    assert_eq!(call_as(&server.endpoint, "alice", &json!({}))["Payload"]["calls"], 1);
}

#[test]
fn what_the_function_prints_and_logs_comes_before_its_report() {
    let server = Server::python(&[]);
    let answer = call_as(&server.endpoint, "alice", &json!({"do": "print"}));
    let id = answer["Payload"]["request_id"].as_str().unwrap();
    let report = format!("REPORT RequestId: {id}");
    let log = server
        .process
        .stdout
        .wait_for("REPORT line", |text| text.contains(&report).then(|| text.to_owned()));
    let (before, _) = log.split_once(&report).unwrap();
    assert!(before.contains(&format!("START RequestId: {id}")), "{log}");
    for line in ["printed to stdout", "printed to stderr", "logged"] {
        assert!(before.contains(line), "no `{line}` before REPORT in:\n{log}");
    }
}

#[test]
fn a_function_calls_mtl_through_boto3_without_being_told_where_it_is() {
    let server = Server::python(&["--timeout", "30s"]);
    let answer = call_as(&server.endpoint, "router", &json!({"do": "invoke", "tenant": "alice"}));
    let inner = &answer["Payload"];
    assert_eq!((&inner["tenant"], &inner["calls"]), (&json!("alice"), &json!(1)), "{answer}");
    assert_ne!(inner["request_id"], answer["RequestId"]);
}
