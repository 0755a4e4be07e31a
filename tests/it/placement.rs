//! Which environment an invocation goes to, and what happens when there is room for no more. What
//! environments saw is told by the function itself: its process id and its counters.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use crate::http::Reply;
use crate::server::{INVOCATIONS, Server, Setup};
use crate::wait;

/// An invocation that runs until it is released.
pub(crate) struct Held {
    gate: std::path::PathBuf,
    reply: JoinHandle<Reply>,
}

impl Held {
    /// Invokes the function and waits until it runs.
    async fn start(server: &Arc<Server>, tenant_id: &str, name: &str) -> Self {
        Self::start_at(server, INVOCATIONS, tenant_id, name).await
    }

    /// Invokes the function at this path and waits until it runs.
    pub(crate) async fn start_at(
        server: &Arc<Server>,
        path: &str,
        tenant_id: &str,
        name: &str,
    ) -> Self {
        let started = server.path(&format!("{name}-started"));
        let gate = server.path(&format!("{name}-gate"));
        let event = json!({ "started": started, "gate": gate });
        let (caller, path, tenant_id) = (server.clone(), path.to_owned(), tenant_id.to_owned());
        let reply = tokio::spawn(async move {
            let tenant_id = [("X-Amz-Tenant-Id", tenant_id.as_str())];
            caller.post(&path, &tenant_id, event.to_string()).await
        });
        wait::file(&started).await;
        Self { gate, reply }
    }

    pub(crate) async fn release(self) -> Value {
        fs::write(self.gate, "").expect("the server's folder can be written to");
        self.reply.await.expect("the call does not panic").answer()
    }
}

async fn function(options: &[&str]) -> Arc<Server> {
    let options = [&["--timeout", "20s"], options].concat();
    Arc::new(Setup::function(&options).start().await)
}

#[track_caller]
pub(crate) fn throttled(reply: &Reply, reason: &str) {
    assert_eq!(
        reply.refused(429, "TooManyRequestsException"),
        json!({ "Reason": reason, "Type": "User", "message": "Rate Exceeded." })
    );
    let seconds = reply.header("retry-after");
    assert!(seconds.parse::<u32>().is_ok(), "{seconds}");
    assert_eq!(reply.header("content-type"), "application/json");
}

pub(crate) const CONCURRENCY: &str = "ConcurrentInvocationLimitExceeded";
pub(crate) const RESERVED: &str = "ReservedFunctionConcurrentInvocationLimitExceeded";

#[tokio::test]
async fn a_tenant_keeps_its_environment_and_shares_it_with_no_one() {
    let server = function(&[]).await;
    let mut pids = HashSet::new();
    for tenant_id in ["alice", "Alice", "a", "-rf"] {
        let first = server.answer(tenant_id, &json!({})).await;
        let again = server.answer(tenant_id, &json!({})).await;
        assert_eq!(again["pid"], first["pid"]);
        assert_eq!(again["tenants"], json!([tenant_id]));
        pids.insert(first["pid"].as_u64());
    }
    assert_eq!(pids.len(), 4);
}

#[tokio::test]
async fn calls_one_after_the_other_need_one_environment() {
    let server = function(&[]).await;
    for count in 1..=100 {
        assert_eq!(server.answer("alice", &json!({})).await["count"], count);
    }
}

#[tokio::test]
async fn a_second_call_at_once_gets_another_environment_and_later_ones_need_no_third() {
    let server = function(&[]).await;
    let first = Held::start(&server, "alice", "first").await;
    let second = Held::start(&server, "alice", "second").await;
    let first = first.release().await;
    let second = second.release().await;
    assert_ne!(first["pid"], second["pid"]);
    let both = [&first["pid"], &second["pid"]];
    let busy = Held::start(&server, "alice", "third").await;
    let free = server.answer("alice", &json!({})).await;
    let busy = busy.release().await;
    assert_ne!(busy["pid"], free["pid"]);
    assert!(both.contains(&&busy["pid"]) && both.contains(&&free["pid"]), "{busy} {free}");
}

#[tokio::test]
async fn a_call_above_the_reserved_concurrency_is_throttled() {
    let server = function(&["--reserved-concurrency", "1"]).await;
    let held = Held::start(&server, "alice", "held").await;
    throttled(&server.invoke("alice", &json!({})).await, RESERVED);
    throttled(&server.invoke("bob", &json!({})).await, RESERVED);
    held.release().await;
    server.answer("bob", &json!({})).await;
}

#[tokio::test]
async fn no_reserved_concurrency_throttles_everything() {
    let server = function(&["--reserved-concurrency", "0"]).await;
    throttled(&server.invoke("alice", &json!({})).await, RESERVED);
}

#[tokio::test]
async fn a_call_above_the_concurrency_is_throttled() {
    let server = function(&["--concurrency", "1"]).await;
    let held = Held::start(&server, "alice", "held").await;
    throttled(&server.invoke("bob", &json!({})).await, CONCURRENCY);
    held.release().await;
    server.answer("bob", &json!({})).await;
}

#[tokio::test]
async fn idle_environments_count_towards_two_and_a_half_times_the_concurrency() {
    let server = function(&["--concurrency", "1"]).await;
    for tenant_id in ["a", "b", "c"] {
        server.answer(tenant_id, &json!({})).await;
    }
    throttled(&server.invoke("d", &json!({})).await, CONCURRENCY);
    assert_eq!(server.answer("a", &json!({})).await["count"], 2);
}

#[tokio::test]
async fn a_lower_ceiling_of_environments_is_kept() {
    let server = function(&["--max-environments", "1", "--idle-timeout", "1s"]).await;
    let pid = server.answer("alice", &json!({})).await["pid"].as_u64().unwrap();
    throttled(&server.invoke("bob", &json!({})).await, CONCURRENCY);
    wait::end_of(pid).await;
    server.answer("bob", &json!({})).await;
}

#[tokio::test]
async fn an_idle_environment_ends_and_takes_its_memory_with_it() {
    let server = function(&["--idle-timeout", "300ms"]).await;
    let before = server.answer("alice", &json!({})).await;
    wait::end_of(before["pid"].as_u64().unwrap()).await;
    let after = server.answer("alice", &json!({})).await;
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["count"], 1);
}

#[tokio::test]
async fn an_environment_at_the_end_of_its_lifetime_finishes_its_work() {
    let server = function(&["--max-lifetime", "300ms"]).await;
    let held = Held::start(&server, "alice", "held").await;
    let slow = server.answer("bob", &json!({ "do": "sleep", "ms": 400 })).await;
    let held = held.release().await;
    for answer in [slow, held] {
        wait::end_of(answer["pid"].as_u64().unwrap()).await;
    }
    assert_eq!(server.answer("alice", &json!({})).await["count"], 1);
}

/// What the processes of the function saw: the tenants of each, and how often it was invoked.
#[derive(Default)]
struct Seen {
    tenants: HashMap<u64, HashSet<String>>,
    counts: HashMap<u64, Vec<u64>>,
}

impl Seen {
    fn add(&mut self, tenant_id: &str, answer: &Value) {
        assert_eq!(answer["tenantId"], tenant_id, "the answer is for another tenant");
        assert_eq!(answer["tenants"], json!([tenant_id]), "the process saw another tenant");
        let pid = answer["pid"].as_u64().expect("a process has an id");
        self.tenants.entry(pid).or_default().insert(tenant_id.to_owned());
        self.counts.entry(pid).or_default().push(answer["count"].as_u64().expect("a number"));
    }

    /// No process had two tenants, and none ran two invocations at once: then the function's own
    /// counter would have given one number twice.
    fn check(self) {
        for (pid, tenants) in &self.tenants {
            assert_eq!(tenants.len(), 1, "process {pid} served {tenants:?}");
        }
        for (pid, counts) in self.counts {
            let distinct: HashSet<_> = counts.iter().collect();
            assert_eq!(distinct.len(), counts.len(), "process {pid} counted twice: {counts:?}");
        }
    }
}

#[tokio::test]
async fn no_environment_ever_sees_two_tenants() {
    const TENANTS: usize = 20;
    const ROUNDS: usize = 12;
    let server = function(&["--concurrency", "60", "--idle-timeout", "500ms"]).await;
    let mut seen = Seen::default();
    let mut throttles = 0;
    for round in 0..ROUNDS {
        let mut calls = JoinSet::new();
        for number in 0..TENANTS * 3 {
            let (server, tenant_id) = (server.clone(), format!("tenant-{}", number % TENANTS));
            let event = disturbance(round * 7 + number);
            calls.spawn(async move {
                let reply = server.invoke(&tenant_id, &event).await;
                (tenant_id, reply)
            });
        }
        for (tenant_id, reply) in calls.join_all().await {
            match reply.status {
                429 => throttles += 1,
                _ if reply.headers.contains_key("x-amz-function-error") => {
                    reply.function_error();
                }
                _ => seen.add(&tenant_id, &reply.answer()),
            }
        }
    }
    assert!(throttles < TENANTS * ROUNDS, "{throttles} throttles leave too little to prove");
    seen.check();
}

/// Most invocations only report; some take a little longer, and some end their process.
fn disturbance(number: usize) -> Value {
    match number % 23 {
        0 => json!({ "do": "exit", "status": 1 }),
        1 => json!({ "do": "signal", "name": "KILL" }),
        2..6 => json!({ "do": "sleep", "ms": number % 30 }),
        _ => json!({}),
    }
}
