//! Asynchronous invocations: what the sender gets, how often the function runs, and what the
//! destinations receive.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::http::Reply;
use crate::server::{INVOCATIONS, Server, Setup};
use crate::wait::{self, DEADLINE};

async fn start(options: &[&str]) -> Server {
    let options = [&["--on-success", "good", "--on-failure", "bad"], options].concat();
    Setup::function(&options).start().await
}

async fn typed(server: &Server, invocation_type: &str, event: &str) -> Reply {
    let headers = [("X-Amz-Tenant-Id", "alice"), ("X-Amz-Invocation-Type", invocation_type)];
    server.post(INVOCATIONS, &headers, event.to_owned()).await
}

/// Sends an event and returns its request id.
async fn send(server: &Server, event: &Value) -> String {
    let reply = typed(server, "Event", &event.to_string()).await;
    assert_eq!((reply.status, reply.text()), (202, ""));
    assert_eq!(reply.header("x-amz-executed-version"), "");
    reply.header("x-amzn-requestid").to_owned()
}

/// Waits for the only record below a folder.
async fn record(folder: &Path) -> (PathBuf, Value) {
    let start = Instant::now();
    loop {
        if let Some(file) = files(folder).into_iter().find(|file| is_visible(file)) {
            let text = fs::read_to_string(&file).unwrap();
            return (file, serde_json::from_str(&text).unwrap());
        }
        assert!(start.elapsed() < DEADLINE, "no record in {}", folder.display());
        sleep(Duration::from_millis(5)).await;
    }
}

fn is_visible(file: &Path) -> bool {
    file.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn an_event_runs_once_and_its_record_is_as_aws_forms_it() {
    let server = start(&[]).await;
    let id = send(&server, &json!({ "an": "event" })).await;
    let (file, mut record) = record(&server.path("good")).await;
    let key = file.strip_prefix(server.path("good")).unwrap().to_string_lossy().into_owned();
    assert!(key.starts_with("aws/lambda/async/function/"), "{key}");
    assert_eq!(record["responsePayload"]["tenantId"], "alice");
    assert_eq!(record["responsePayload"].take()["event"], json!({ "an": "event" }));
    let timestamp = record["timestamp"].take();
    assert_eq!(timestamp.as_str().unwrap().len(), "2026-01-01T00:00:00.000Z".len());
    let expected = json!({
        "version": "1.0",
        "timestamp": null,
        "requestContext": {
            "requestId": id,
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:function:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": { "an": "event" },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST" },
        "responsePayload": null,
    });
    assert_eq!(record, expected);
    let text = fs::read_to_string(file).unwrap();
    let members = ["version", "timestamp", "requestContext", "requestPayload", "responseContext"];
    let places: Vec<_> = members.iter().map(|m| text.find(&format!("\"{m}\""))).collect();
    assert!(places.is_sorted(), "{text}");
}

#[tokio::test]
async fn a_function_error_is_tried_twice_again_under_the_same_request_id() {
    let server = start(&["--retry-delay", "10ms"]).await;
    let event = json!({ "do": "fail", "error_type": "No", "message": "never" });
    let id = send(&server, &event).await;
    let (_, record) = record(&server.path("bad")).await;
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"], json!({ "errorType": "No", "errorMessage": "never" }));
    let log = server.wait_for_stdout(&format!("REPORT RequestId: {id}")).await;
    assert_eq!(log.matches(&format!("START RequestId: {id}")).count(), 3, "{log}");
    assert_eq!(files(&server.path("good")), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn an_event_that_would_be_too_old_is_given_up() {
    let options = ["--retry-delay", "1h", "--maximum-event-age", "10m"];
    let server = start(&options).await;
    send(&server, &json!({ "do": "fail" })).await;
    let (_, record) = record(&server.path("bad")).await;
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
}

#[tokio::test]
async fn a_throttled_event_is_tried_until_there_is_room() {
    let server = start(&["--reserved-concurrency", "1", "--timeout", "20s"]).await;
    let (started, gate) = (server.path("started"), server.path("gate"));
    send(&server, &json!({ "started": started, "gate": gate })).await;
    wait::file(&started).await;
    let id = send(&server, &json!({ "second": true })).await;
    fs::write(gate, "").unwrap();
    let log = server.wait_for_stdout(&format!("REPORT RequestId: {id}")).await;
    assert_eq!(log.matches(&format!("START RequestId: {id}")).count(), 1, "{log}");
}

#[tokio::test]
async fn without_any_concurrency_an_event_goes_straight_to_the_failure_destination() {
    let server = start(&["--reserved-concurrency", "0"]).await;
    let id = send(&server, &json!({})).await;
    let (_, record) = record(&server.path("bad")).await;
    assert_eq!(record["requestContext"]["requestId"], id);
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 0);
    assert_eq!(record.get("responsePayload"), None);
}

#[tokio::test]
async fn a_url_receives_the_record_as_a_post() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/records?all", listener.local_addr().unwrap());
    let server = Setup::function(&["--on-success", &url]).start().await;
    let id = send(&server, &json!({})).await;
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut received = String::new();
    while !received.contains(&id) {
        let mut buffer = [0; 4096];
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "{received}");
        received += &String::from_utf8_lossy(&buffer[..read]);
    }
    connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert!(received.starts_with("POST /records?all HTTP/1.1\r\n"), "{received}");
    assert!(received.contains("content-type: application/json"), "{received}");
}

#[tokio::test]
async fn what_a_stop_cannot_finish_is_dropped_and_named() {
    let mut server = start(&["--retry-delay", "1h", "--grace", "10s"]).await;
    let id = send(&server, &json!({ "do": "fail" })).await;
    server.wait_for_stdout(&format!("REPORT RequestId: {id}")).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    let said = server.wait_for_stderr("events:").await;
    assert!(said.contains(&format!("the event {id} of tenant `alice` was dropped")), "{said}");
    assert!(said.contains("events: 1 received, 1 dropped"), "{said}");
}

#[tokio::test]
async fn a_stop_lets_events_finish() {
    let mut server = start(&["--timeout", "20s", "--grace", "20s"]).await;
    let (started, gate) = (server.path("started"), server.path("gate"));
    send(&server, &json!({ "started": started, "gate": gate })).await;
    wait::file(&started).await;
    server.signal(Signal::TERM);
    server.wait_for_stderr("stopping").await;
    fs::write(gate, "").unwrap();
    assert_eq!(server.exit().await.code(), Some(0));
    assert!(server.stderr().contains("1 received, 0 dropped"), "{}", server.stderr());
    assert_eq!(files(&server.path("good")).len(), 1);
}

/// A destination that takes connections and never answers.
async fn silent_destination() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn a_destination_that_never_answers_holds_up_no_stop() {
    let (listener, url) = silent_destination().await;
    let mut server = Setup::function(&["--on-success", &url, "--grace", "300ms"]).start().await;
    let id = send(&server, &json!({})).await;
    let _hanging = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
    server.signal(Signal::TERM);
    let exit = timeout(DEADLINE, server.exit()).await;
    assert_eq!(exit.expect("it stops in spite of the destination").code(), Some(0));
    let said = server.stderr();
    let named = format!("the record of event {id} of tenant `alice` for `{url}` was not delivered");
    assert!(said.contains(&named), "{said}");
    assert!(said.contains("1 received, 0 dropped"), "the event itself was finished: {said}");
}

#[tokio::test]
async fn a_second_signal_ends_a_delivery_that_hangs() {
    let (listener, url) = silent_destination().await;
    let mut server = Setup::function(&["--on-success", &url, "--grace", "1h"]).start().await;
    send(&server, &json!({})).await;
    let _hanging = timeout(DEADLINE, listener.accept()).await.unwrap().unwrap();
    server.signal(Signal::INT);
    server.wait_for_stderr("stopping").await;
    server.signal(Signal::INT);
    let exit = timeout(DEADLINE, server.exit()).await;
    assert_eq!(exit.expect("it stops in spite of the destination").code(), Some(130));
}

#[tokio::test]
async fn deliveries_that_hang_are_limited_in_number_and_time() {
    let (listener, url) = silent_destination().await;
    let server = Setup::function(&["--on-success", &url]).start().await;
    for _ in 0..20 {
        send(&server, &json!({})).await;
    }
    let start = Instant::now();
    let mut hanging = Vec::new();
    while hanging.len() < 11 {
        let next = timeout(DEADLINE, listener.accept()).await;
        hanging.push(next.expect("the others have their turn").unwrap());
    }
    // The last one came only when the first was given up, which is said.
    assert!(start.elapsed() > Duration::from_secs(9), "{:?}", start.elapsed());
    let said = server.wait_for_stderr("no complete answer came within 10s").await;
    assert!(said.contains(&format!("failed to post to `{url}`")), "{said}");
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_runs_nothing() {
    let server = start(&[]).await;
    let reply = typed(&server, "DryRun", "{}").await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    assert_eq!(typed(&server, "DryRun", "{").await.status, 400);
    assert_eq!(server.answer("alice", &json!({})).await["count"], 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_taken_is_refused_at_once() {
    let server = start(&[]).await;
    let headers = [("X-Amz-Invocation-Type", "Event")];
    let missing = server.post(INVOCATIONS, &headers, "{}").await;
    missing.refused(400, "InvalidParameterValueException");
    typed(&server, "Event", "{").await.refused(400, "InvalidRequestContentException");
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(
        typed(&server, "Event", &large).await.refused(413, "RequestEntityTooLargeException"),
        json!({
            "Type": "User",
            "message": "1048578 byte payload is too large for the Event invocation type \
                        (limit 1048576 bytes)",
        })
    );
    assert_eq!(
        typed(&server, "Sometimes", "{}").await.refused(400, "ValidationException"),
        json!({
            "message": "1 validation error detected: Value 'Sometimes' at 'invocationType' failed \
                        to satisfy constraint: Member must satisfy enum value set: [Event, DryRun, \
                        RequestResponse]",
        })
    );
}
