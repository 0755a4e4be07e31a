//! The Lambda API through the AWS CLI, as a user types it: exit codes and texts.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::mtl::{ANY_CREDENTIALS, Server, isolated};
use crate::provision::tools;

/// What `aws lambda invoke` did.
struct Invoked {
    succeeded: bool,
    stdout: String,
    stderr: String,
    payload: Option<Value>,
}

/// Runs `aws lambda invoke` with these options and a file for the payload.
fn invoke(server: &Server, options: &[&str]) -> Invoked {
    let folder = tempfile::tempdir().expect("the temp folder can be written");
    let file = folder.path().join("out.json");
    let mut command = lambda(server, &["invoke"]);
    let output = command.args(options).arg(&file).output().expect("the AWS CLI can be started");
    Invoked {
        succeeded: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        payload: fs::read(file).ok().map(|text| serde_json::from_slice(&text).expect("it is JSON")),
    }
}

/// `aws lambda` with these words, about the served function.
fn lambda(server: &Server, words: &[&str]) -> Command {
    let mut command = isolated(tools().aws());
    command.arg("lambda").args(words).args(["--endpoint-url", &server.endpoint]);
    command.args(["--region", "us-east-1", "--function-name", "function"]);
    command.envs(ANY_CREDENTIALS).env("AWS_MAX_ATTEMPTS", "1");
    command
}

impl Invoked {
    /// The JSON that the CLI prints about the call.
    #[track_caller]
    fn printed(&self) -> Value {
        assert!(self.succeeded, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("the AWS CLI prints JSON")
    }

    /// The error line, which must be all that the call left.
    #[track_caller]
    fn refusal(&self) -> &str {
        assert!(!self.succeeded, "{}", self.stdout);
        assert_eq!(self.payload, None);
        self.stderr.trim()
    }
}

#[test]
fn an_answer_is_printed_and_kept() {
    let server = Server::python(&[]);
    let invoked = invoke(&server, &["--tenant-id", "alice", "--payload", r#"{"key": "value"}"#]);
    assert_eq!(invoked.printed(), json!({"StatusCode": 200, "ExecutedVersion": "$LATEST"}));
    let payload = invoked.payload.unwrap();
    assert_eq!(payload["event"], json!({"key": "value"}));
    assert_eq!(payload["tenant"], "alice");
}

#[test]
fn a_call_without_a_payload_has_an_empty_event() {
    let server = Server::python(&[]);
    let invoked = invoke(&server, &["--tenant-id", "alice"]);
    invoked.printed();
    assert_eq!(invoked.payload.unwrap()["event"], json!({}));
}

#[test]
fn a_function_error_is_told() {
    let server = Server::python(&[]);
    let invoked = invoke(&server, &["--tenant-id", "alice", "--payload", r#"{"do": "raise"}"#]);
    assert_eq!(invoked.printed()["FunctionError"], "Unhandled");
    assert_eq!(invoked.payload.unwrap()["errorMessage"], "boom");
}

#[test]
fn a_missing_tenant_id_reads_as_on_aws() {
    let server = Server::python(&[]);
    let invoked = invoke(&server, &[]);
    assert_eq!(
        invoked.refusal(),
        "An error occurred (InvalidParameterValueException) when calling the Invoke operation: \
         The invoked function is enabled with tenancy configuration. \
         Add a valid tenant ID in your request and try again."
    );
}

#[test]
fn a_tenant_id_against_the_pattern_fails_validation() {
    let server = Server::python(&[]);
    let invoked = invoke(&server, &["--tenant-id", "bad#id"]);
    let start = "An error occurred (ValidationException) when calling the Invoke operation: \
                 1 validation error detected: Value 'bad#id' at 'tenantId' failed to satisfy";
    assert!(invoked.refusal().starts_with(start), "{}", invoked.stderr);
}

#[test]
fn the_function_is_there_and_active() {
    let server = Server::python(&["--timeout", "7s"]);
    let waited = lambda(&server, &["wait", "function-active-v2"]).output().unwrap();
    assert!(waited.status.success(), "{}", String::from_utf8_lossy(&waited.stderr));
    let got = lambda(&server, &["get-function"]).output().unwrap();
    assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
    let function: Value = serde_json::from_slice(&got.stdout).unwrap();
    let configuration = &function["Configuration"];
    assert_eq!((&configuration["State"], &configuration["Timeout"]), (&json!("Active"), &json!(7)));
}

#[test]
fn a_change_is_refused() {
    let server = Server::python(&[]);
    let update = lambda(&server, &["update-function-configuration", "--timeout", "9"]).output();
    let stderr = String::from_utf8_lossy(&update.unwrap().stderr).into_owned();
    let start = "An error occurred (InvalidParameterValueException) when calling the \
                 UpdateFunctionConfiguration operation: mtl does not emulate PUT";
    assert!(stderr.trim().starts_with(start), "{stderr}");
}
