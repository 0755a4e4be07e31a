//! The Lambda API through boto3: what it answers, and the exceptions it raises by their types.

use serde_json::{Value, json};

use crate::mtl::{Server, isolated, outcomes};
use crate::provision::tools;

const CALL: &str = include_str!("python/call.py");

/// Makes these calls, one after the other, and returns what came of each.
pub(crate) fn call(endpoint: &str, calls: &[Value]) -> Vec<Value> {
    let mut command = isolated(tools().python());
    outcomes(command.args(["-c", CALL, endpoint]), calls)
}

/// One call as `tenant` with this event.
pub(crate) fn call_as(endpoint: &str, tenant: &str, event: &Value) -> Value {
    call(endpoint, &[parameters(tenant, event)]).remove(0)
}

/// The parameters of one call.
pub(crate) fn parameters(tenant: &str, event: &Value) -> Value {
    json!({"FunctionName": "function", "TenantId": tenant, "Payload": event.to_string()})
}

#[test]
fn an_answer_has_the_members_of_the_api() {
    let server = Server::python(&[]);
    let answer = call_as(&server.endpoint, "alice", &json!({"key": "value"}));
    assert_eq!(answer["StatusCode"], 200);
    assert_eq!(answer["ExecutedVersion"], "$LATEST");
    assert_eq!(answer.get("FunctionError"), None);
    assert_eq!(answer["RequestId"], answer["Payload"]["request_id"]);
    assert_eq!(answer["Payload"]["event"], json!({"key": "value"}));
}

#[test]
fn a_missing_tenant_id_is_an_invalid_parameter() {
    let server = Server::python(&[]);
    let outcome = call(&server.endpoint, &[json!({"FunctionName": "function"})]).remove(0);
    assert_eq!(outcome["exception"], "InvalidParameterValueException");
    assert_eq!(outcome["status"], 400);
    assert_eq!(
        outcome["message"],
        "The invoked function is enabled with tenancy configuration. \
         Add a valid tenant ID in your request and try again."
    );
}

#[test]
fn a_tenant_id_for_an_ordinary_function_is_an_invalid_parameter() {
    let server = Server::python(&["--tenant-isolation-mode", "NONE"]);
    let outcomes = call(
        &server.endpoint,
        &[parameters("alice", &json!({})), json!({"FunctionName": "function"})],
    );
    assert_eq!(outcomes[0]["exception"], "InvalidParameterValueException");
    assert_eq!(
        outcomes[0]["message"],
        "The invoked function is not enabled with tenancy configuration. \
         Remove the tenant ID from your request and try again."
    );
    assert_eq!(outcomes[1]["Payload"]["tenant"], Value::Null);
}

#[test]
fn a_tenant_id_against_the_pattern_fails_validation() {
    let server = Server::python(&[]);
    let too_long = "x".repeat(257);
    let outcomes = call(
        &server.endpoint,
        &[parameters("bad#id", &json!({})), parameters(&too_long, &json!({}))],
    );
    for (outcome, value) in outcomes.iter().zip(["bad#id", &too_long]) {
        assert_eq!(outcome["code"], "ValidationException", "{outcome}");
        assert_eq!(outcome["status"], 400);
        let start = format!("1 validation error detected: Value '{value}' at 'tenantId' failed");
        assert!(outcome["message"].as_str().unwrap().starts_with(&start), "{outcome}");
    }
}

#[test]
fn an_event_that_is_not_json_is_refused() {
    let server = Server::python(&[]);
    let mut parameters = parameters("alice", &json!({}));
    parameters["Payload"] = json!("{bad");
    let outcome = call(&server.endpoint, &[parameters]).remove(0);
    assert_eq!(outcome["exception"], "InvalidRequestContentException");
    let start = "Could not parse request body into json: ";
    assert!(outcome["message"].as_str().unwrap().starts_with(start), "{outcome}");
}

#[test]
fn an_unknown_function_is_not_found() {
    let server = Server::python(&[]);
    let outcome =
        call(&server.endpoint, &[json!({"FunctionName": "nope", "TenantId": "alice"})]).remove(0);
    assert_eq!(outcome["exception"], "ResourceNotFoundException");
    assert_eq!(outcome["status"], 404);
    let start = "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope";
    assert!(outcome["message"].as_str().unwrap().starts_with(start), "{outcome}");
}

#[test]
fn a_throttle_tells_its_reason() {
    let server = Server::python(&["--reserved-concurrency", "0"]);
    let outcome = call_as(&server.endpoint, "alice", &json!({}));
    assert_eq!(outcome["exception"], "TooManyRequestsException");
    assert_eq!(outcome["status"], 429);
    assert_eq!(outcome["reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    assert_eq!(outcome["message"], "Rate Exceeded.");
    assert_ne!(outcome["retry_after"], Value::Null);
}

#[test]
fn a_payload_over_six_megabytes_is_too_large() {
    let server = Server::python(&[]);
    let outcome = call_as(&server.endpoint, "alice", &json!("x".repeat(7_000_000)));
    assert_eq!(outcome["status"], 413);
    assert_eq!(outcome["code"], "RequestEntityTooLargeException");
    assert_eq!(
        outcome["message"],
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    );
}

#[test]
fn the_waiters_and_what_they_wait_for() {
    let server = Server::python(&["--env", "TABLE=orders"]);
    let wait = |waiter: &str| json!({"waiter": waiter, "FunctionName": "function"});
    let waiters =
        ["function_exists", "function_active", "function_active_v2", "function_updated_v2"];
    for outcome in call(&server.endpoint, &waiters.map(wait)) {
        assert_eq!(outcome, json!({"waited": true}));
    }
    let get = json!({"operation": "get_function", "FunctionName": "function"});
    let configuration = &call(&server.endpoint, &[get])[0]["Configuration"];
    assert_eq!(configuration["TenancyConfig"], json!({"TenantIsolationMode": "PER_TENANT"}));
    assert_eq!(configuration["Environment"]["Variables"], json!({"TABLE": "orders"}));
    assert_eq!(configuration["Handler"], "app.handler");
}

#[test]
fn a_change_is_an_invalid_parameter() {
    let server = Server::python(&[]);
    let calls = [
        json!({"operation": "delete_function", "FunctionName": "function"}),
        json!({"operation": "publish_version", "FunctionName": "function"}),
    ];
    for outcome in call(&server.endpoint, &calls) {
        assert_eq!(outcome["exception"], "InvalidParameterValueException", "{outcome}");
        let message = outcome["message"].as_str().unwrap();
        assert!(message.contains("serves what its command line says"), "{message}");
    }
}
