//! The emulator inside a test, as Rust users have it: it ends with its value, and what it serves with
//! it.

use std::fs;
use std::time::Duration;

use mtl::{Emulator, Function, InvokeResponse};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::function;
use crate::wait::{self, DEADLINE};

fn tested_function() -> Function {
    Function::command([function::program()]).timeout(Duration::from_mins(1))
}

async fn start(function: Function) -> Emulator {
    let emulator = timeout(DEADLINE, Emulator::start(function)).await;
    emulator.expect("it starts soon").unwrap()
}

async fn answer(emulator: &Emulator, tenant_id: &str, event: &Value) -> InvokeResponse {
    let answer = timeout(DEADLINE, emulator.invoke(tenant_id, event.to_string())).await;
    answer.expect("an answer comes soon").unwrap()
}

async fn pid(emulator: &Emulator, tenant_id: &str) -> u64 {
    let answer = answer(emulator, tenant_id, &json!({})).await;
    assert_eq!(answer.function_error(), None);
    serde_json::from_slice::<Value>(answer.payload()).unwrap()["pid"].as_u64().unwrap()
}

#[tokio::test]
async fn nothing_is_left_when_the_value_is_dropped() {
    let emulator = start(tested_function()).await;
    let (alice, bob) = (pid(&emulator, "alice").await, pid(&emulator, "bob").await);
    assert_ne!(alice, bob);
    drop(emulator);
    assert!(!wait::is_running(alice) && !wait::is_running(bob));
}

#[tokio::test]
async fn a_stop_lets_an_invocation_finish() {
    let folder = TempDir::new().unwrap();
    let (started, gate) = (folder.path().join("started"), folder.path().join("gate"));
    let emulator = start(tested_function()).await;
    let pid = pid(&emulator, "alice").await;
    let event = json!({ "started": started, "gate": gate });
    // The call goes on without its caller.
    let call = timeout(Duration::from_millis(1), emulator.invoke("alice", event.to_string()));
    assert!(call.await.is_err(), "it waits for the gate");
    wait::file(&started).await;
    let stop = tokio::spawn(emulator.stop());
    fs::write(&gate, "").unwrap();
    timeout(DEADLINE, stop).await.expect("it stops soon").unwrap();
    assert!(!wait::is_running(pid));
}

#[tokio::test]
async fn a_failed_function_is_an_answer_and_a_refusal_an_error() {
    let emulator = start(tested_function().without_tenant_isolation()).await;
    let event = json!({ "do": "fail", "error_type": "No", "message": "never" });
    let failed =
        timeout(DEADLINE, emulator.invoke(None, event.to_string())).await.unwrap().unwrap();
    assert_eq!(failed.function_error(), Some("Unhandled"));
    assert!(failed.text().contains("never"), "{}", failed.text());
    let refused = timeout(DEADLINE, emulator.invoke("alice", "{}")).await.unwrap().unwrap_err();
    assert_eq!(refused.error_type(), Some("InvalidParameterValueException"), "{refused}");
    let no_tenant = emulator.invoke("é", "{}").await.unwrap_err();
    assert_eq!((no_tenant.error_type(), no_tenant.to_string().contains("tenant id")), (None, true));
}
