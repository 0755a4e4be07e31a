//! External extensions, as real processes on AWS's Rust client: their events, their ends, and what they
//! are told of the logs.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::server::{Server, Setup};
use crate::wait::{self, DEADLINE, eventually};
use crate::{function, http::Reply};

/// A server whose function has an extension that behaves like this.
struct Extended {
    server: Server,
    log: PathBuf,
}

impl Extended {
    async fn start(behavior: &str, options: &[&str]) -> Self {
        Self::start_with_init("", behavior, options).await
    }

    /// As [`Extended::start`], with a function that begins badly.
    async fn start_with_init(misbehavior: &str, behavior: &str, options: &[&str]) -> Self {
        let program = function::extension().to_str().unwrap();
        let setup = Setup::function(&[&["--extension", program], options].concat());
        let log = setup.path("extension.log");
        let mut setup = setup.env("EXTENSION", behavior).env("EXTENSION_LOG", &log);
        if !misbehavior.is_empty() {
            setup = setup.env("INIT", misbehavior);
        }
        Self { server: setup.start().await, log }
    }

    /// All that the extension has written.
    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Those of its lines that have this member.
    fn of(&self, member: &str) -> Vec<Value> {
        self.log()
            .into_iter()
            .filter_map(|mut line| line.get_mut(member).map(Value::take))
            .collect()
    }

    async fn until(&self, what: &str, is_it: impl Fn(&[Value]) -> bool) {
        eventually(what, || is_it(&self.log())).await;
    }
}

fn error(reply: &Reply) -> (String, String) {
    let error = reply.function_error();
    let member = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (member("errorType"), member("errorMessage"))
}

/// The types of all events of telemetry, in their order.
fn types(telemetry: &[Value]) -> Vec<String> {
    telemetry.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_extension_is_told_of_invocations_and_of_the_end() {
    let mut extended = Extended::start("", &[]).await;
    let reply = extended.server.invoke("alice", &json!({})).await;
    reply.answer();
    let invoked = extended.of("event");
    assert_eq!(invoked, ["INVOKE"]);
    let event = extended.log().into_iter().find(|line| line["event"] == "INVOKE").unwrap();
    assert_eq!(event["requestId"], reply.header("x-amzn-requestid"));
    assert_eq!(event["arn"], "arn:aws:lambda:us-east-1:123456789012:function:function");
    let pid = extended.of("pid")[0].as_u64().unwrap();
    extended.server.signal(Signal::TERM);
    assert_eq!(extended.server.exit().await.code(), Some(0));
    assert_eq!(extended.of("event"), ["INVOKE", "SHUTDOWN"]);
    assert_eq!(extended.of("reason"), ["spindown"]);
    wait::end_of(pid).await;
}

#[tokio::test]
async fn each_environment_has_an_extension_of_its_own() {
    let extended = Extended::start("", &[]).await;
    for tenant in ["alice", "bob", "alice"] {
        extended.server.answer(tenant, &json!({})).await;
    }
    assert_eq!(extended.of("pid").len(), 2);
}

#[tokio::test]
async fn an_extension_gets_telemetry_and_logs() {
    let mut extended = Extended::start("print:of the extension", &[]).await;
    let print = json!({ "do": "print", "stdout": ["of the function"], "stderr": [] });
    extended.server.answer("alice", &print).await;
    extended.server.signal(Signal::TERM);
    extended.server.exit().await;
    let telemetry = extended.of("telemetry");
    let types = types(&telemetry);
    for expected in [
        "platform.initStart",
        "platform.extension",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "function",
        "extension",
        "platform.runtimeDone",
        "platform.report",
    ] {
        assert!(types.iter().any(|found| found == expected), "no {expected} in {types:?}");
    }
    let record = |kind: &str| {
        let event = telemetry.iter().find(|event| event["type"] == kind);
        event.unwrap_or_else(|| panic!("no {kind}"))["record"].clone()
    };
    assert_eq!(record("function"), "of the function");
    assert_eq!(record("extension"), "of the extension");
    let done = record("platform.runtimeDone");
    assert_eq!(done["status"], "success");
    assert!(done["metrics"]["producedBytes"].as_u64().unwrap() > 0, "{done}");
    let spans = done["spans"].as_array().unwrap();
    let names: Vec<_> = spans.iter().map(|span| &span["name"]).collect();
    assert_eq!(names, ["responseLatency", "responseDuration", "runtimeOverhead"]);
    let lasted: f64 = spans.iter().map(|span| span["durationMs"].as_f64().unwrap()).sum();
    let whole = done["metrics"]["durationMs"].as_f64().unwrap();
    assert!((lasted - whole).abs() < 0.01, "{done}");
    assert!(record("platform.report")["metrics"]["billedDurationMs"].as_u64().unwrap() > 0);
    let logs = extended.of("log");
    for expected in [
        "platform.start",
        "function of the function",
        "platform.runtimeDone",
        "platform.end",
        "platform.report",
    ] {
        assert!(logs.iter().any(|log| log == expected), "no {expected} in {logs:?}");
    }
}

#[tokio::test]
async fn a_timeout_is_the_reason_of_the_end() {
    let extended = Extended::start("", &["--timeout", "1s"]).await;
    let reply = extended.server.invoke("alice", &json!({ "do": "sleep", "ms": 60_000 })).await;
    assert_eq!(error(&reply).0, "Sandbox.Timedout");
    extended.until("it was told", |log| log.iter().any(|line| line["reason"] == "timeout")).await;
}

#[tokio::test]
async fn an_exit_of_the_function_is_the_reason_of_the_end() {
    let extended = Extended::start("", &[]).await;
    let reply = extended.server.invoke("alice", &json!({ "do": "exit", "status": 1 })).await;
    assert_eq!(error(&reply).0, "Runtime.ExitError");
    extended.until("it was told", |log| log.iter().any(|line| line["reason"] == "failure")).await;
}

#[tokio::test]
async fn an_extension_that_is_not_done_holds_its_environment_and_not_the_answer() {
    let extended = Extended::start("hang", &["--timeout", "1s"]).await;
    assert_eq!(extended.server.answer("alice", &json!({})).await["count"], 1);
    // The first environment is not free, and ends with the function's timeout.
    assert_eq!(extended.server.answer("alice", &json!({})).await["count"], 1);
    extended.server.wait_for_stdout("Task timed out after 1.00 seconds").await;
}

#[tokio::test]
async fn an_extension_that_ends_in_init_ends_the_environment() {
    let extended = Extended::start("exit:3", &[]).await;
    let (error_type, message) = error(&extended.server.invoke("alice", &json!({})).await);
    assert_eq!(error_type, "Extension.Crash");
    assert!(message.ends_with("Error: exit status 3"), "{message}");
    assert_eq!(extended.of("pid").len(), 2, "init is run again");
}

#[tokio::test]
async fn extensions_end_with_a_failed_init_and_are_started_again() {
    let extended = Extended::start_with_init("exit-once:7:crashed", "", &[]).await;
    assert_eq!(extended.server.answer("alice", &json!({})).await["count"], 1);
    let pids = extended.of("pid");
    assert_eq!(pids.len(), 2, "init is run again");
    assert!(!wait::is_running(pids[0].as_u64().unwrap()), "the first one is gone by then");
    assert_eq!(extended.of("event"), ["INVOKE"]);
}

#[tokio::test]
async fn the_runtime_waits_for_the_extensions() {
    let extended = Extended::start("silent", &["--init-timeout", "500ms", "--timeout", "1s"]).await;
    let (error_type, _) = error(&extended.server.invoke("alice", &json!({})).await);
    assert_eq!(error_type, "Sandbox.Timedout");
}

#[tokio::test]
async fn an_extension_that_does_not_end_is_killed() {
    let mut extended = Extended::start("linger", &[]).await;
    extended.server.answer("alice", &json!({})).await;
    let pid = extended.of("pid")[0].as_u64().unwrap();
    extended.server.signal(Signal::TERM);
    assert_eq!(extended.server.exit().await.code(), Some(0));
    assert_eq!(extended.of("event"), ["INVOKE", "SHUTDOWN"]);
    wait::end_of(pid).await;
}

/// The steps of a function that subscribes to telemetry, over TCP, as an internal extension.
fn subscribing(port: u16) -> Value {
    let subscription = json!({
        "schemaVersion": "2022-12-13",
        "types": ["platform", "function"],
        "buffering": { "timeoutMs": 25 },
        "destination": { "protocol": "TCP", "port": port },
    });
    json!([
        {
            "call": "POST /2020-01-01/extension/register",
            "headers": [["Lambda-Extension-Name", "inner"]],
            "body": "{\"events\":[\"INVOKE\"]}",
        },
        {
            "call": "PUT /2022-07-01/telemetry",
            "headers": [["Lambda-Extension-Identifier", "{extension}"]],
            "body": subscription.to_string(),
        },
        {
            "call": "PUT /2022-07-01/telemetry",
            "headers": [["Lambda-Extension-Identifier", "{extension}"]],
            "body": "{}",
        },
        {
            "call": "GET /2020-01-01/extension/event/next",
            "headers": [["Lambda-Extension-Identifier", "{extension}"]],
            "on": "own",
        },
    ])
}

#[tokio::test]
async fn telemetry_names_the_tenant_once_there_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let steps = subscribing(listener.local_addr().unwrap().port());
    let setup = Setup::raw(&["--timeout", "5s"]).env("INIT_STEPS", steps.to_string());
    let server = setup.start().await;
    let calls = server.answer("a b", &json!({})).await["calls"].take();
    assert_eq!((&calls[1]["status"], &calls[1]["body"]), (&json!(200), &json!("\"OK\"")));
    assert_eq!(calls[2]["status"], 400, "{calls}");
    assert!(calls[2]["body"].as_str().unwrap().contains("ValidationError"), "{calls}");
    let mut events: Vec<Value> = Vec::new();
    while !events.iter().any(|event| event["type"] == "platform.report") {
        let (mut batch, _) = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
        let mut text = String::new();
        batch.read_to_string(&mut text).await.unwrap();
        events.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    for event in &events {
        let kind = event["type"].as_str().unwrap();
        let named = ["platform.start", "platform.runtimeDone", "platform.report"].contains(&kind);
        let tenant = if named { json!("a b") } else { Value::Null };
        assert_eq!(event["record"]["tenantId"], tenant, "{event}");
    }
    let first = events.first().map(|event| event["type"].clone());
    assert_eq!(first, Some(json!("platform.initStart")));
}

#[tokio::test]
async fn an_extension_that_is_no_program_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plain"), "text").unwrap();
    for name in ["absent", "plain"] {
        let mut mtl = tokio::process::Command::new(crate::function::mtl());
        mtl.args(["serve", "--extension", name]).current_dir(folder.path());
        let output = mtl.output().await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("is no program, so no extension"), "{stderr}");
    }
}
