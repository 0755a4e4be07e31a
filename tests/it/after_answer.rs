//! What a runtime does between its answer and its next `/next`: the caller doesn't wait for it, and it
//! belongs to the invocation all the same.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::{INVOCATIONS, Server, Setup};
use crate::wait;

/// An answer, and what the runtime does after it.
fn answer_and(steps: &[Value]) -> Value {
    let answer = json!({ "call": "POST invocation/{id}/response", "body": "1" });
    json!({ "steps": ([&[answer], steps].concat()) })
}

async fn serving(options: &[&str]) -> (Server, Value) {
    let server = Setup::raw(options).start().await;
    let gate = json!({ "gate": server.path("gate") });
    (server, gate)
}

#[tokio::test]
async fn the_caller_has_its_answer_and_the_log_waits_for_the_runtime() {
    let (server, gate) = serving(&["--timeout", "20s"]).await;
    let busy = json!({ "touch": server.path("busy") });
    let event = answer_and(&[busy, gate, json!({ "print": "tidied" })]);
    assert_eq!(server.invoke("alice", &event).await.answer(), 1);
    wait::file(&server.path("busy")).await;
    let log = server.wait_for_stdout("START").await;
    assert!(!log.contains("REPORT"), "{log}");
    fs::write(server.path("gate"), "").unwrap();
    let log = server.wait_for_stdout("REPORT").await;
    let order = ["START", "tidied", "END", "REPORT"].map(|line| log.find(line).expect(line));
    assert!(order.is_sorted(), "{log}");
}

#[tokio::test]
async fn the_tail_of_the_log_is_waited_for() {
    let (server, _) = serving(&[]).await;
    let event = answer_and(&[json!({ "print": "tidied" })]).to_string();
    let headers = [("X-Amz-Tenant-Id", "alice"), ("X-Amz-Log-Type", "Tail")];
    let reply = server.post(INVOCATIONS, &headers, event).await;
    let tail = BASE64_STANDARD.decode(reply.header("x-amz-log-result")).unwrap();
    let tail = String::from_utf8(tail).unwrap();
    assert!(tail.contains("tidied\nEND RequestId"), "{tail}");
    assert!(tail.contains("REPORT RequestId"), "{tail}");
}

#[tokio::test]
async fn the_time_of_the_runtime_counts_and_is_limited() {
    let (server, gate) = serving(&["--timeout", "1s", "-o", "json"]).await;
    assert_eq!(server.invoke("alice", &answer_and(&[gate])).await.answer(), 1);
    let log = server.wait_for_stdout("platform.report").await;
    let report = log.lines().find(|line| line.contains("platform.report")).unwrap();
    let record = serde_json::from_str::<Value>(report).unwrap()["record"].take();
    assert_eq!(
        (&record["status"], &record["metrics"]["durationMs"]),
        (&json!("timeout"), &json!(1000.0))
    );
}

#[tokio::test]
async fn a_stop_waits_for_the_runtime_and_calls_nothing_a_failure() {
    let (mut server, gate) = serving(&["--grace", "20s"]).await;
    let event = answer_and(&[gate, json!({ "print": "tidied" })]);
    assert_eq!(server.invoke("alice", &event).await.answer(), 1);
    server.signal(Signal::TERM);
    server.wait_for_stderr("stopping; what runs (1)").await;
    fs::write(server.path("gate"), "").unwrap();
    server.exit().await;
    let log = server.wait_for_stdout("REPORT").await;
    assert!(log.contains("tidied"), "{log}");
    assert!(!log.contains("Error"), "{log}");
}

#[tokio::test]
async fn a_stop_that_waits_no_longer_ends_an_invocation_that_was_answered_well() {
    let (mut server, gate) = serving(&["--grace", "0", "--timeout", "60s"]).await;
    assert_eq!(server.invoke("alice", &answer_and(&[gate])).await.answer(), 1);
    server.signal(Signal::TERM);
    server.exit().await;
    let log = server.wait_for_stdout("REPORT").await;
    assert!(!log.contains("Error"), "{log}");
}

#[tokio::test]
async fn a_busy_runtime_is_a_concurrent_execution() {
    let (server, gate) = serving(&["--reserved-concurrency", "1", "--timeout", "20s"]).await;
    assert_eq!(server.invoke("alice", &answer_and(&[gate])).await.answer(), 1);
    let refused = server.invoke("bob", &json!({})).await;
    let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
    assert_eq!((refused.status, &refused.json()["Reason"]), (429, &json!(reason)));
    fs::write(server.path("gate"), "").unwrap();
    server.wait_for_stdout("REPORT").await;
    assert_eq!(server.invoke("bob", &json!({})).await.status, 200);
    // One after the other, whoever the tenant is: the runtime between them is done in no time.
    for tenant in ["alice", "bob", "carol", "alice"] {
        assert_eq!(server.invoke(tenant, &json!({})).await.status, 200, "{tenant}");
    }
}

#[tokio::test]
async fn an_event_whose_function_fails_after_its_answer_is_tried_again() {
    let (server, _) = serving(&["--retry-delay", "10ms", "--maximum-retry-attempts", "1"]).await;
    let event = answer_and(&[json!({ "exit": 3 })]).to_string();
    let headers = [("X-Amz-Tenant-Id", "alice"), ("X-Amz-Invocation-Type", "Event")];
    assert_eq!(server.post(INVOCATIONS, &headers, event).await.status, 202);
    let both = async {
        loop {
            let log = server.wait_for_stdout("Status: error").await;
            if log.matches("Status: error").count() == 2 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(wait::DEADLINE, both).await.expect("a second attempt is made");
}
