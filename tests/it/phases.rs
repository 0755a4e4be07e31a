//! Every way a phase can fail: what the caller is told, and what the next invocation meets. The
//! texts are those that AWS was recorded with.

use std::ffi::OsStr;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::server::{Server, Setup};
use crate::wait;

/// For all but the tests of timeouts: no function takes that long.
const LONG: [&str; 2] = ["--timeout", "20s"];

/// Checks an error of Lambda's own making, which names the request.
#[track_caller]
fn platform_error(reply: &Reply, error_type: &str, message: &str) {
    let id = reply.header("x-amzn-requestid");
    assert_eq!(
        reply.function_error(),
        json!({
            "errorType": error_type,
            "errorMessage": format!("RequestId: {id} Error: {message}"),
        })
    );
    assert_eq!(reply.header("x-amz-executed-version"), "$LATEST");
}

/// How often the function was started, which it writes down itself.
fn starts(server: &Server) -> usize {
    fs::read_to_string(server.path("starts")).unwrap_or_default().lines().count()
}

/// The function under test, which counts its starts and begins badly.
fn beginning(misbehavior: &str, options: &[&str]) -> Setup {
    let setup = Setup::function(options);
    let starts = setup.path("starts");
    setup.env("STARTS", starts).env("INIT", misbehavior)
}

#[tokio::test]
async fn an_error_of_the_function_is_passed_on_and_the_environment_stays() {
    let server = Setup::function(&LONG).start().await;
    let before = server.answer("alice", &json!({})).await;
    let event = json!({ "do": "fail", "error_type": "CartEmpty", "message": "nothing in it" });
    assert_eq!(
        server.invoke("alice", &event).await.function_error(),
        json!({ "errorType": "CartEmpty", "errorMessage": "nothing in it" })
    );
    let after = server.answer("alice", &json!({})).await;
    assert_eq!((&after["pid"], &after["count"]), (&before["pid"], &json!(3)));
}

#[tokio::test]
async fn a_panic_that_the_runtime_catches_is_an_error_of_the_function() {
    let server = Setup::function(&LONG).start().await;
    let before = server.answer("alice", &json!({})).await;
    let reply = server.invoke("alice", &json!({ "do": "panic", "message": "oh no" })).await;
    let message = reply.function_error()["errorMessage"].clone();
    assert!(message.as_str().unwrap().contains("oh no"), "{message}");
    assert_eq!(server.answer("alice", &json!({})).await["pid"], before["pid"]);
}

#[tokio::test]
async fn a_timeout_ends_the_environment() {
    let server = Setup::function(&["--timeout", "1s"]).start().await;
    let before = server.answer("alice", &json!({})).await;
    let start = Instant::now();
    let reply = server.invoke("alice", &json!({ "do": "sleep", "ms": 60_000 })).await;
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    platform_error(&reply, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    wait::end_of(before["pid"].as_u64().unwrap()).await;
    let after = server.answer("alice", &json!({})).await;
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["count"], 1);
}

#[tokio::test]
async fn functions_that_print_without_end_hold_up_nobody() {
    let mut server = Setup::function(&["--timeout", "1s"]).start().await;
    let (flood, nothing) = (json!({ "do": "flood" }), json!({}));
    let (one, other, alice) = tokio::join!(
        server.invoke("flood-1", &flood),
        server.invoke("flood-2", &flood),
        server.answer("alice", &nothing),
    );
    for timed_out in [one, other] {
        platform_error(&timed_out, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    }
    assert_eq!(alice["tenantId"], "alice");
    server.signal(Signal::TERM);
    server.exit().await;
}

#[tokio::test]
async fn an_exit_in_mid_invocation_is_named_and_the_environment_replaced() {
    let server = Setup::function(&LONG).start().await;
    for (event, message) in [
        (json!({ "do": "exit", "status": 3 }), "Runtime exited with error: exit status 3"),
        (json!({ "do": "exit", "status": 0 }), "Runtime exited without providing a reason"),
        (json!({ "do": "signal", "name": "KILL" }), "Runtime exited with error: signal: killed"),
        (
            json!({ "do": "signal", "name": "TERM" }),
            "Runtime exited with error: signal: terminated",
        ),
    ] {
        let before = server.answer("alice", &json!({})).await;
        assert_eq!(before["count"], 1);
        platform_error(&server.invoke("alice", &event).await, "Runtime.ExitError", message);
    }
}

#[tokio::test]
async fn an_answer_may_have_6_291_556_bytes_and_no_more() {
    let server = Setup::function(&LONG).start().await;
    let largest = server.invoke("alice", &json!({ "bytes": 6_291_556 })).await;
    assert_eq!((largest.status, largest.body.len()), (200, 6_291_556));
    assert_eq!(largest.header("x-amz-function-error"), "");
    assert_eq!(
        server.invoke("alice", &json!({ "bytes": 6_291_557 })).await.function_error(),
        json!({
            "errorMessage":
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        })
    );
    server.answer("alice", &json!({})).await;
}

#[tokio::test]
async fn an_init_error_is_answered_as_it_was_posted_after_a_second_init() {
    let body = r#"{"errorMessage": "Unable to import module 'app'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": []}"#;
    let steps = json!([
        {
            "call": "POST init/error",
            "headers": [["Lambda-Runtime-Function-Error-Type", "Runtime.ImportModuleError"]],
            "body": body,
        },
        { "exit": 1 },
    ]);
    let setup = Setup::raw(&LONG);
    let starts_file = setup.path("starts");
    let setup = setup.env("STARTS", starts_file).env("INIT_STEPS", steps.to_string());
    let server = setup.start().await;
    for invocation in 1..=2 {
        let reply = server.invoke("alice", &json!({})).await;
        reply.function_error();
        assert_eq!(reply.text(), body);
        assert_eq!(reply.header("x-mtl-cold-start"), "true", "it was started for it all the same");
        assert!(starts(&server) >= 2 * invocation, "{} starts", starts(&server));
    }
}

#[tokio::test]
async fn a_crash_in_init_is_answered_after_a_second_init() {
    for (misbehavior, message) in [
        ("exit:7", "Runtime exited with error: exit status 7"),
        ("exit:0", "Runtime exited without providing a reason"),
        ("signal:KILL", "Runtime exited with error: signal: killed"),
    ] {
        let server = beginning(misbehavior, &LONG).start().await;
        platform_error(&server.invoke("alice", &json!({})).await, "Runtime.ExitError", message);
        assert_eq!(starts(&server), 2);
    }
}

#[tokio::test]
async fn a_crash_in_the_first_init_only_is_not_noticed_by_the_caller() {
    let server = beginning("exit-once:7:crashed", &LONG).start().await;
    let answer = server.answer("alice", &json!({})).await;
    assert_eq!((&answer["count"], starts(&server)), (&json!(1), 2));
    assert_eq!(server.answer("alice", &json!({})).await["pid"], answer["pid"]);
}

#[tokio::test]
async fn an_init_that_takes_too_long_is_run_again_inside_the_invocation() {
    let options = ["--timeout", "20s", "--init-timeout", "300ms"];
    let server = beginning("sleep-once:60000:slept", &options).start().await;
    let answer = server.answer("alice", &json!({})).await;
    assert_eq!((&answer["count"], starts(&server)), (&json!(1), 2));
    let stdout = server.wait_for_stdout("INIT_REPORT Init Duration: ").await;
    let line = stdout.lines().find(|line| line.starts_with("INIT_REPORT")).unwrap();
    assert!(line.contains("\tPhase: init\tStatus: timeout"), "{line}");
}

#[tokio::test]
async fn the_second_init_has_the_time_of_the_function() {
    let options = ["--timeout", "1s", "--init-timeout", "300ms"];
    let server = beginning("sleep:60000", &options).start().await;
    let reply = server.invoke("alice", &json!({})).await;
    platform_error(&reply, "Sandbox.Timedout", "Task timed out after 1.00 seconds");
    for pid in fs::read_to_string(server.path("starts")).unwrap().lines() {
        wait::end_of(pid.parse().unwrap()).await;
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_started_is_an_invalid_entrypoint() {
    let setup = Setup::example(&LONG);
    let server = setup.serving(&[OsStr::new("./absent")]).start().await;
    server.wait_for_stderr("absent").await;
    for _ in 0..2 {
        let reply = server.invoke("alice", &json!({})).await;
        let id = reply.header("x-amzn-requestid").to_owned();
        let error = reply.function_error();
        assert_eq!(error["errorType"], "Runtime.InvalidEntrypoint");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.starts_with(&format!("RequestId: {id} Error: ")), "{message}");
        assert!(message.contains("no such file or directory"), "{message}");
    }
}

#[tokio::test]
async fn an_exit_after_the_answer_is_not_the_callers_concern() {
    let server = Setup::raw(&LONG).start().await;
    let event = json!({ "steps": [
        { "call": "POST invocation/{id}/response", "report": true },
        { "exit": 3 },
    ] });
    let first = server.answer("alice", &event).await;
    let second = server.answer("alice", &event).await;
    assert_ne!(first["pid"], second["pid"]);
    assert_eq!((&first["count"], &second["count"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn an_invocation_completes_though_its_caller_left() {
    let server = Setup::function(&LONG).start().await;
    let [started, gate, finished] = ["started", "gate", "finished"].map(|name| server.path(name));
    let event = json!({ "started": started, "gate": gate, "finished": finished });
    tokio::select! {
        reply = server.invoke("alice", &event) => panic!("{reply:?}"),
        () = wait::file(&started) => {}
    }
    fs::write(&gate, "").unwrap();
    wait::file(&finished).await;
    let next = server.answer("alice", &json!({})).await;
    assert_eq!(next["count"], 2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_above_a_size_that_was_given_ends_the_environment() {
    let server = Setup::function(&["--timeout", "20s", "--memory-size", "128"]).start().await;
    let before = server.answer("alice", &json!({})).await;
    let reply = server.invoke("alice", &json!({ "do": "allocate", "mb": 300, "ms": 19_000 })).await;
    assert_eq!(reply.function_error()["errorType"], "Runtime.OutOfMemory");
    let id = reply.header("x-amzn-requestid");
    let report = report(&server, id).await;
    assert!(
        report.trim_end().ends_with("\tStatus: error\tError Type: Runtime.OutOfMemory"),
        "{report}"
    );
    assert_ne!(server.answer("alice", &json!({})).await["pid"], before["pid"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_above_the_size_in_init_ends_the_environment_after_a_second_init() {
    let options = ["--timeout", "20s", "--memory-size", "128"];
    let server = beginning("allocate:300", &options).start().await;
    let reply = server.invoke("alice", &json!({})).await;
    assert_eq!(reply.function_error()["errorType"], "Runtime.OutOfMemory");
    assert_eq!(starts(&server), 2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_above_the_size_in_the_first_init_only_is_not_noticed_by_the_caller() {
    let options = ["--timeout", "20s", "--memory-size", "128"];
    let server = beginning("allocate-once:300:allocated", &options).start().await;
    let answer = server.answer("alice", &json!({})).await;
    assert_eq!((&answer["count"], starts(&server)), (&json!(1), 2));
    assert_eq!(server.answer("alice", &json!({})).await["pid"], answer["pid"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_above_the_default_size_is_only_reported() {
    let server = Setup::function(&LONG).start().await;
    let reply = server.invoke("alice", &json!({ "do": "allocate", "mb": 200, "ms": 300 })).await;
    reply.answer();
    let report = report(&server, reply.header("x-amzn-requestid")).await;
    let (_, used) = report.split_once("Max Memory Used: ").unwrap();
    let used: u64 = used.split(' ').next().unwrap().parse().unwrap();
    assert!((200..300).contains(&used), "{report}");
}

#[cfg(target_os = "linux")]
async fn report(server: &Server, id: &str) -> String {
    let start = format!("REPORT RequestId: {id}\t");
    let stdout = server.wait_for_stdout(&start).await;
    stdout.lines().find(|line| line.starts_with(&start)).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn every_caller_is_answered_when_environments_fail_at_once() {
    let server = Setup::function(&["--timeout", "2s"]).start().await;
    let events: Vec<Value> = vec![
        json!({ "do": "exit", "status": 1 }),
        json!({ "do": "signal", "name": "KILL" }),
        json!({ "do": "fail", "error_type": "No", "message": "" }),
        json!({ "do": "sleep", "ms": 60_000 }),
        json!({}),
    ];
    let mut calls = tokio::task::JoinSet::new();
    let server = std::sync::Arc::new(server);
    for number in 0..25 {
        let (server, event) = (server.clone(), events[number % events.len()].clone());
        calls.spawn(async move {
            let reply = server.invoke(&format!("tenant-{}", number % 3), &event).await;
            (number % 5 == 4, reply.status, reply.headers.contains_key("x-amz-function-error"))
        });
    }
    for (succeeds, status, failed) in calls.join_all().await {
        assert_eq!((status, failed), (200, !succeeds));
    }
}

#[tokio::test]
async fn a_runtime_that_fails_after_its_answer_is_not_passed_over_in_silence() {
    let server = Setup::raw(&["--timeout", "1s"]).start().await;
    let answer = json!({ "call": "POST invocation/{id}/response", "body": "1" });
    for (then, line) in [
        (json!({ "exit": 3 }), "Error: Runtime exited with error: exit status 3"),
        (json!({ "gate": server.path("never") }), "Task timed out after 1.00 seconds"),
    ] {
        let reply = server.invoke("alice", &json!({ "steps": [answer, then] })).await;
        assert_eq!(reply.answer(), 1);
        server.wait_for_stdout(line).await;
    }
}

#[tokio::test]
async fn an_error_that_is_too_large_is_told_as_an_answer_that_is() {
    let server = Setup::raw(&[]).start().await;
    let error = json!({ "call": "POST invocation/{id}/error", "bytes": 6_291_557 });
    let failed = server.invoke("alice", &json!({ "steps": [error] })).await.function_error();
    assert_eq!(failed["errorType"], "Function.ResponseSizeTooLarge");
}
