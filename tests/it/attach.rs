//! `mtl serve --attach`: runtimes that the test starts, as a person would in a debugger.

use std::cell::RefCell;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::function;
use crate::http::Reply;
use crate::server::{Server, Setup};
use crate::wait::{DEADLINE, eventually};

/// The function under test, started by hand. It is killed with the value.
struct Runtime(Child);

impl Runtime {
    /// Starts one at an address of the server's.
    fn start(server: &Server, number: usize) -> Self {
        Self::spawn(Command::new(function::program()), server, number)
    }

    /// Starts one there that takes its steps from the event.
    fn start_raw(server: &Server, number: usize) -> Self {
        let mut command = Command::new(function::program());
        command.arg("raw");
        Self::spawn(command, server, number)
    }

    fn spawn(mut command: Command, server: &Server, number: usize) -> Self {
        for (name, value) in variables(server, number) {
            command.env(name, value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// How it ends by itself.
    async fn status(&mut self) -> ExitStatus {
        let child = RefCell::new(&mut self.0);
        let has_ended = || child.borrow_mut().try_wait().unwrap().is_some();
        eventually("the runtime has ended", has_ended).await;
        self.0.wait().unwrap()
    }

    fn stop(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the server says that a runtime needs.
fn variables(server: &Server, number: usize) -> Vec<(String, String)> {
    let stderr = server.stderr();
    let ready = stderr.lines().find(|line| line.starts_with("mtl: ready ")).unwrap();
    let address = ready.split_whitespace().nth(3 + number).unwrap();
    let lines = stderr.lines().filter_map(|line| line.strip_prefix("  ")?.split_once('='));
    let mut variables: Vec<_> =
        lines.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect();
    assert_eq!(variables.len(), 5, "{stderr}");
    variables.push(("AWS_LAMBDA_RUNTIME_API".to_owned(), address.to_owned()));
    variables
}

async fn serve(options: &[&str]) -> Server {
    Setup::example(&[&["--attach"], options].concat()).start().await
}

async fn count(server: &Server, tenant: &str) -> Value {
    server.answer(tenant, &json!({})).await["count"].take()
}

/// The answer to an invocation of a tenant once a runtime is free for it. That another one has ended is
/// noticed in its own time.
async fn answer_once_free(server: &Server, tenant: &str) -> Value {
    let answered = async {
        loop {
            let reply = server.invoke(tenant, &json!({})).await;
            if reply.status != 429 {
                return reply.answer();
            }
        }
    };
    let answer = timeout(DEADLINE, answered).await;
    answer.unwrap_or_else(|_| panic!("waited {DEADLINE:?} for a runtime for `{tenant}`"))
}

fn error_type(reply: &Reply) -> Value {
    reply.function_error()["errorType"].clone()
}

#[tokio::test]
async fn an_invocation_waits_for_a_runtime_and_the_next_ones_find_it() {
    let server = serve(&["1"]).await;
    let event = json!({});
    let waiting = server.invoke("alice", &event);
    let start = async {
        server.wait_for_stderr("of tenant `alice` waits for a runtime: start yours with").await;
        Runtime::start(&server, 0)
    };
    let (reply, _runtime) = tokio::join!(waiting, start);
    assert_eq!(reply.answer()["count"], 1);
    assert_eq!(count(&server, "alice").await, 2);
}

#[tokio::test]
async fn a_runtime_belongs_to_its_tenant_until_it_is_started_again() {
    let server = serve(&["1"]).await;
    let runtime = Runtime::start(&server, 0);
    assert_eq!(count(&server, "alice").await, 1);
    let throttled = server.invoke("bob", &json!({})).await;
    assert_eq!(throttled.status, 429);
    server.wait_for_stderr("of tenant `bob` was throttled: every runtime belongs to another").await;
    runtime.stop();
    let _runtime = Runtime::start(&server, 0);
    assert_eq!(answer_once_free(&server, "bob").await["count"], 1);
    assert_eq!(server.invoke("alice", &json!({})).await.status, 429);
}

#[tokio::test]
async fn a_runtime_that_ends_after_its_answer_makes_room_for_the_next_one() {
    let server = serve(&["1"]).await;
    let runtime = Runtime::start_raw(&server, 0);
    // It never asks for another event.
    let steps = json!([
        { "call": "POST invocation/{id}/response", "body": "1" },
        { "gate": server.path("never") },
    ]);
    assert_eq!(server.answer("alice", &json!({ "steps": steps })).await, 1);
    runtime.stop();
    let _runtime = Runtime::start(&server, 0);
    assert_eq!(answer_once_free(&server, "bob").await["count"], 1);
    assert_eq!(server.invoke("alice", &json!({})).await.status, 429);
}

#[tokio::test]
async fn a_runtime_that_is_started_beside_an_idle_one_takes_its_place() {
    let server = serve(&["1"]).await;
    let mut first = Runtime::start(&server, 0);
    assert_eq!(count(&server, "alice").await, 1);
    server.wait_for_stdout("REPORT RequestId: ").await;
    let _second = Runtime::start(&server, 0);
    assert_eq!(answer_once_free(&server, "bob").await["count"], 1);
    // It was never started again, so it gets nothing of another tenant's, and ends.
    assert!(!first.status().await.success());
}

#[tokio::test]
async fn each_runtime_serves_one_tenant() {
    let server = serve(&["2"]).await;
    let _runtimes = [Runtime::start(&server, 0), Runtime::start(&server, 1)];
    for (tenant, expected) in [("alice", 1), ("bob", 1), ("alice", 2), ("bob", 2)] {
        assert_eq!(count(&server, tenant).await, expected, "{tenant}");
    }
    assert_eq!(server.invoke("carol", &json!({})).await.status, 429);
}

#[tokio::test]
async fn a_runtime_that_is_started_again_in_mid_invocation_fails_that_and_takes_the_next() {
    let server = serve(&["1"]).await;
    let started = server.path("started");
    let runtime = Runtime::start(&server, 0);
    let event = json!({ "do": "sleep", "ms": 600_000, "started": started });
    let running = server.invoke("alice", &event);
    let restart = async {
        eventually("it runs", || started.exists()).await;
        runtime.stop();
        server.wait_for_stderr("that has an invocation of tenant `alice` has hung up").await;
        Runtime::start(&server, 0)
    };
    let (reply, _runtime) = tokio::join!(running, restart);
    assert_eq!(error_type(&reply), "Runtime.ExitError");
    assert_eq!(count(&server, "bob").await, 1);
}

#[tokio::test]
async fn without_a_runtime_an_invocation_waits_for_the_init_timeout_only() {
    let server = serve(&["1", "--init-timeout", "200ms"]).await;
    let reply = server.invoke("alice", &json!({})).await;
    assert_eq!(error_type(&reply), "Sandbox.Timedout");
    let _runtime = Runtime::start(&server, 0);
    assert_eq!(count(&server, "bob").await, 1);
}

#[tokio::test]
async fn a_timeout_that_was_asked_for_cuts_the_runtime_off() {
    let server = serve(&["1", "--timeout", "1s"]).await;
    let mut runtime = Runtime::start(&server, 0);
    let reply = server.invoke("alice", &json!({ "do": "sleep", "ms": 60_000 })).await;
    assert_eq!(error_type(&reply), "Sandbox.Timedout");
    runtime.0.kill().unwrap();
    let _runtime = Runtime::start(&server, 0);
    assert_eq!(count(&server, "bob").await, 1);
}

#[tokio::test]
async fn two_runtimes_at_one_address_never_share_a_tenant() {
    let server = serve(&["1"]).await;
    let started = server.path("started");
    let mut first = Runtime::start(&server, 0);
    let event = json!({ "do": "sleep", "ms": 500, "started": started });
    let running = server.invoke("alice", &event);
    let intrude = async {
        eventually("it runs", || started.exists()).await;
        Runtime::start(&server, 0)
    };
    let (reply, _second) = tokio::join!(running, intrude);
    assert_eq!(error_type(&reply), "Runtime.ExitError");
    // The first one was never started again, so it gets nothing of another tenant's, and ends.
    for expected in 1..=3 {
        let answer = server.answer("bob", &json!({})).await;
        assert_eq!((&answer["count"], &answer["tenants"]), (&json!(expected), &json!(["bob"])));
    }
    assert!(!first.status().await.success());
}

#[tokio::test]
async fn a_stop_leaves_the_runtime_to_its_owner() {
    let mut server = serve(&["1"]).await;
    let _runtime = Runtime::start(&server, 0);
    assert_eq!(count(&server, "alice").await, 1);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn programs_learn_the_addresses_from_the_first_line() {
    let server = serve(&["2", "-o", "json"]).await;
    let stdout = server.wait_for_stdout("\"ready\"").await;
    let ready: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(ready["runtime"].as_array().map(Vec::len), Some(2), "{ready}");
}
