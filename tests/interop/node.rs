//! The Lambda API through the AWS SDK for JavaScript: what it answers, the classes of its exceptions,
//! its retries and its waiters.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::mtl::{Server, isolated, outcomes};
use crate::provision::node_script;

/// Makes these calls, one after the other, and returns what came of each.
pub(crate) fn call(endpoint: &str, calls: &[Value]) -> Vec<Value> {
    let mut command = isolated("node");
    outcomes(command.arg(node_script()).arg(endpoint), calls)
}

/// An Invoke of the function with this event.
fn invoke(tenant: &str, event: &Value) -> Value {
    let payload = event.to_string();
    let input = json!({"FunctionName": "function", "TenantId": tenant, "Payload": payload});
    json!({"command": "InvokeCommand", "input": input})
}

#[test]
fn answers_have_the_members_of_the_api_and_tenants_are_apart() {
    let server = Server::python(&[]);
    let calls = ["alice", "alice", "bob"].map(|tenant| invoke(tenant, &json!({"key": tenant})));
    let answers = call(&server.endpoint, &calls);
    for (answer, (tenant, count)) in answers.iter().zip([("alice", 1), ("alice", 2), ("bob", 1)]) {
        assert_eq!(answer["StatusCode"], 200, "{answer}");
        assert_eq!(answer["ExecutedVersion"], "$LATEST");
        assert_eq!(answer.get("FunctionError"), None);
        assert_eq!(answer["RequestId"], answer["Payload"]["request_id"]);
        assert_eq!(answer["Payload"]["event"], json!({"key": tenant}));
        assert_eq!(answer["Payload"]["tenant"], tenant);
        assert_eq!(answer["Payload"]["calls"], count);
    }
}

#[test]
fn a_function_error_is_no_exception() {
    let server = Server::python(&[]);
    let answer = call(&server.endpoint, &[invoke("alice", &json!({"do": "raise"}))]).remove(0);
    assert_eq!(
        (&answer["StatusCode"], &answer["FunctionError"]),
        (&json!(200), &json!("Unhandled"))
    );
    assert_eq!(answer["Payload"]["errorMessage"], "boom");
}

#[test]
fn a_log_tail_is_the_end_of_the_log() {
    let server = Server::python(&[]);
    let mut logged = invoke("alice", &json!({"do": "print"}));
    logged["input"]["LogType"] = json!("Tail");
    let answer = call(&server.endpoint, &[logged]).remove(0);
    let log = BASE64_STANDARD.decode(answer["LogResult"].as_str().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("printed to stdout\n"), "{log}");
    assert!(log.contains(&format!("REPORT RequestId: {}", answer["RequestId"].as_str().unwrap())));
}

#[test]
fn exceptions_are_instances_of_their_classes_and_are_not_retried() {
    let server = Server::python(&[]);
    let mut unknown = invoke("alice", &json!({}));
    unknown["input"]["FunctionName"] = json!("nope");
    let mut not_json = invoke("alice", &json!({}));
    not_json["input"]["Payload"] = json!("{bad");
    let mut no_tenant = invoke("alice", &json!({}));
    no_tenant["input"].as_object_mut().unwrap().remove("TenantId");
    let change = json!({
        "command": "UpdateFunctionConfigurationCommand",
        "input": {"FunctionName": "function", "Timeout": 9},
    });
    let mut calls = [unknown, not_json, no_tenant, change];
    for call in &mut calls {
        call["maxAttempts"] = json!(3);
    }
    let expected = [
        ("ResourceNotFoundException", 404, "Function not found: arn:aws:lambda:us-east-1:"),
        ("InvalidRequestContentException", 400, "Could not parse request body into json: "),
        ("InvalidParameterValueException", 400, "The invoked function is enabled with tenancy"),
        ("InvalidParameterValueException", 400, "mtl does not emulate PUT /2015-03-31/functions/"),
    ];
    for (outcome, (name, status, message)) in call(&server.endpoint, &calls).iter().zip(expected) {
        assert_eq!(outcome["exception"], name, "{outcome}");
        assert_eq!((&outcome["instance"], &outcome["service"]), (&json!(true), &json!(true)));
        assert_eq!(outcome["status"], status, "{outcome}");
        assert!(outcome["message"].as_str().unwrap().starts_with(message), "{outcome}");
        assert_eq!(outcome["requests"], 1, "{outcome}");
    }
}

#[test]
fn a_tenant_id_against_the_pattern_is_an_exception_without_a_class() {
    let server = Server::python(&[]);
    let outcome = call(&server.endpoint, &[invoke("bad#id", &json!({}))]).remove(0);
    assert_eq!(outcome["exception"], "ValidationException", "{outcome}");
    assert_eq!((&outcome["instance"], &outcome["service"]), (&json!(false), &json!(true)));
    let start = "1 validation error detected: Value 'bad#id' at 'tenantId' failed";
    assert!(outcome["message"].as_str().unwrap().starts_with(start), "{outcome}");
}

#[test]
fn a_throttle_is_retried_as_often_as_it_may_be() {
    let server = Server::python(&["--reserved-concurrency", "0"]);
    let mut calls = [invoke("alice", &json!({})), invoke("alice", &json!({}))];
    calls[0]["maxAttempts"] = json!(3);
    for (outcome, requests) in call(&server.endpoint, &calls).iter().zip([3, 1]) {
        assert_eq!(outcome["exception"], "TooManyRequestsException", "{outcome}");
        assert_eq!((&outcome["instance"], &outcome["status"]), (&json!(true), &json!(429)));
        assert_eq!(outcome["reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
        assert_ne!(outcome["retryAfterSeconds"], Value::Null);
        assert_eq!(outcome["requests"], requests, "{outcome}");
    }
}

#[test]
fn the_waiters_are_content_with_the_first_answer() {
    let server = Server::python(&[]);
    let waiters = [
        "waitUntilFunctionExists",
        "waitUntilFunctionActive",
        "waitUntilFunctionActiveV2",
        "waitUntilFunctionUpdated",
        "waitUntilFunctionUpdatedV2",
    ];
    let calls =
        waiters.map(|waiter| json!({"waiter": waiter, "input": {"FunctionName": "function"}}));
    for outcome in call(&server.endpoint, &calls) {
        assert_eq!(outcome, json!({"state": "SUCCESS", "requests": 1}));
    }
}

#[test]
fn the_configuration_is_that_of_the_command_line() {
    let server = Server::python(&["--memory-size", "512", "--timeout", "7s"]);
    let input = json!({"FunctionName": "function"});
    let calls = [
        json!({"command": "GetFunctionConfigurationCommand", "input": input}),
        json!({"command": "ListFunctionsCommand", "input": {"MaxItems": 10}}),
    ];
    let outcomes = call(&server.endpoint, &calls);
    for configuration in [&outcomes[0], &outcomes[1]["Functions"][0]] {
        assert_eq!(configuration["FunctionName"], "function");
        let sizes = (&configuration["MemorySize"], &configuration["Timeout"]);
        assert_eq!(sizes, (&json!(512), &json!(7)));
        assert_eq!(configuration["TenancyConfig"], json!({"TenantIsolationMode": "PER_TENANT"}));
    }
}
