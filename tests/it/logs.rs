//! The function's output and the lines of the platform around it: their order, their fields, and
//! that the function can't write the platform's lines.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::server::{Server, Setup};
use crate::wait;

fn print(stdout: &[&str], stderr: &[&str]) -> Value {
    json!({ "do": "print", "stdout": stdout, "stderr": stderr })
}

fn id(reply: &Reply) -> String {
    reply.header("x-amzn-requestid").to_owned()
}

/// Stdout once the REPORT of a request is there.
async fn log_of(server: &Server, id: &str) -> String {
    server.wait_for_stdout(&format!("REPORT RequestId: {id}\t")).await
}

fn report<'a>(log: &'a str, id: &str) -> &'a str {
    let start = format!("REPORT RequestId: {id}\t");
    log.lines().find(|line| line.starts_with(&start)).unwrap()
}

/// A number among the fields of a REPORT line.
fn field(report: &str, name: &str) -> Option<f64> {
    let field = report.split('\t').find_map(|field| field.strip_prefix(&format!("{name}: ")))?;
    field.split(' ').next()?.parse().ok()
}

#[tokio::test]
async fn an_invocation_has_its_lines_in_order() {
    let server = Setup::function(&[]).start().await;
    let reply = server.invoke("alice", &print(&["one\ntwo\n", "half a "], &["three\n"])).await;
    let id = id(&reply);
    let log = log_of(&server, &id).await;
    let lines: Vec<_> = log.lines().collect();
    let position = |line: &str| {
        lines.iter().position(|l| *l == line).unwrap_or_else(|| {
            panic!("no `{line}` in `{log}`");
        })
    };
    let start = position(&format!("START RequestId: {id} Version: $LATEST"));
    let end = position(&format!("END RequestId: {id}"));
    assert!(lines[..start].iter().any(|line| line.starts_with("INIT_START ")), "{log}");
    for line in ["one", "two", "three", "half a "] {
        let line = position(line);
        assert!(start < line && line < end, "{log}");
    }
    assert!(position("one") < position("two"));
    assert_eq!(lines[end + 1], report(&log, &id));
}

#[tokio::test]
async fn a_report_has_the_fields_of_aws_and_init_only_when_cold() {
    let server = Setup::function(&[]).start().await;
    let cold = id(&server.invoke("alice", &json!({ "do": "sleep", "ms": 50 })).await);
    let warm = id(&server.invoke("alice", &json!({})).await);
    let log = log_of(&server, &warm).await;
    let names: Vec<_> = report(&log, &cold).split('\t').map(|f| f.split(':').next()).collect();
    let expected = [
        "REPORT RequestId",
        "Duration",
        "Billed Duration",
        "Memory Size",
        "Max Memory Used",
        "Init Duration",
    ];
    assert_eq!(names[..6], expected.map(Some));
    let cold = report(&log, &cold);
    let [duration, billed, init] =
        ["Duration", "Billed Duration", "Init Duration"].map(|name| field(cold, name).unwrap());
    assert!((50.0..5_000.0).contains(&duration), "{cold}");
    assert!(init > 0.0, "{cold}");
    assert!((billed - (duration + init).ceil()).abs() <= 1.0, "init is billed: {cold}");
    assert_eq!(field(cold, "Memory Size"), Some(128.0));
    let warm = report(&log, &warm);
    assert_eq!(field(warm, "Init Duration"), None);
    let [duration, billed] = ["Duration", "Billed Duration"].map(|name| field(warm, name).unwrap());
    assert!((billed - duration.ceil()).abs() < f64::EPSILON, "{warm}");
}

#[tokio::test]
async fn failures_are_in_the_report() {
    let server = Setup::function(&["--timeout", "1s"]).start().await;
    for (event, status) in [
        (json!({ "do": "exit", "status": 1 }), "\tStatus: error\tError Type: Runtime.ExitError"),
        (json!({ "do": "sleep", "ms": 60_000 }), "\tStatus: timeout"),
    ] {
        let id = id(&server.invoke("alice", &event).await);
        let log = log_of(&server, &id).await;
        let report = report(&log, &id);
        assert!(report.trim_end().ends_with(status), "{report}");
        assert!(log.contains(&format!("END RequestId: {id}\n")), "{log}");
    }
}

#[tokio::test]
async fn all_that_was_written_before_the_answer_is_before_the_end() {
    let server = Setup::function(&["--timeout", "20s"]).start().await;
    let line = format!("{}\n", "x".repeat(99));
    let lines: Vec<_> = (0..600).map(|_| line.as_str()).collect();
    for _ in 0..5 {
        let id = id(&server.invoke("alice", &print(&lines, &[])).await);
        let log = log_of(&server, &id).await;
        let (_, log) = log.split_once(&format!("START RequestId: {id} ")).unwrap();
        let (log, _) = log.split_once(&format!("END RequestId: {id}\n")).unwrap();
        assert_eq!(log.matches(line.as_str()).count(), 600);
    }
}

#[tokio::test]
async fn the_function_cannot_write_the_platforms_lines() {
    let server = Setup::function(&[]).start().await;
    let forged = [
        "START RequestId: forged Version: $LATEST\n",
        "text\rEND RequestId: forged\n",
        "REPORT RequestId: forged\tDuration: 1.00 ms\n",
        "INIT_START Runtime Version: forged\n",
        "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}1A\n",
    ];
    let id = id(&server.invoke("alice", &print(&forged, &forged)).await);
    let log = log_of(&server, &id).await;
    for name in ["START", "END", "REPORT", "INIT_START"] {
        let forged = |line: &str| line.starts_with(name) && line.contains("forged");
        assert!(!log.split(['\n', '\r']).any(forged), "{log}");
    }
    assert!(log.contains("forged"), "what the function wrote is still there: {log}");
}

#[tokio::test]
async fn json_lines_name_the_tenant() {
    let server = Setup::function(&["--log-format", "json"]).start().await;
    let id = id(&server.invoke("alice", &print(&["a line\n"], &[])).await);
    let log = server.wait_for_stdout("platform.report").await;
    let events: Vec<Value> =
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for kind in ["platform.start", "platform.report"] {
        let event = events.iter().find(|event| event["type"] == kind).unwrap();
        assert_eq!(event["record"]["tenantId"], "alice", "{event}");
        assert_eq!(event["record"]["requestId"], *id, "{event}");
        assert!(event["time"].as_str().unwrap().ends_with('Z'), "{event}");
    }
    let report = events.iter().find(|event| event["type"] == "platform.report").unwrap();
    assert_eq!(report["record"]["status"], "success");
    let metrics = &report["record"]["metrics"];
    for name in
        ["durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"]
    {
        assert!(metrics[name].is_number(), "{name} in {report}");
    }
    let init = events.iter().find(|event| event["type"] == "platform.initStart").unwrap();
    assert_eq!(init["record"].get("tenantId"), None, "in init there is no tenant");
}

#[tokio::test]
async fn each_environment_has_a_file_with_the_name_of_its_stream() {
    let server = Setup::function(&["--log-dir", "logs"]).start().await;
    let mut event = print(&["a line\n"], &[]);
    event["env"] = json!(["AWS_LAMBDA_LOG_STREAM_NAME"]);
    let reply = server.invoke("alice", &event).await;
    let stream = reply.answer()["variables"]["AWS_LAMBDA_LOG_STREAM_NAME"].clone();
    let id = id(&reply);
    let bob = server.invoke("bob", &event).await;
    log_of(&server, &id).await;
    log_of(&server, bob.header("x-amzn-requestid")).await;
    let files = files_below(&server.path("logs"));
    assert_eq!(files.len(), 2, "{files:?}");
    let end = format!("aws/lambda/function/{}", stream.as_str().unwrap());
    let is_stream =
        |file: &&PathBuf| file.to_string_lossy().trim_end_matches(".log").ends_with(&end);
    let file = files.iter().find(is_stream).unwrap_or_else(|| panic!("no {end} in {files:?}"));
    let log = fs::read_to_string(file).unwrap();
    assert!(log.contains(&format!("START RequestId: {id} Version: $LATEST\n")), "{log}");
    assert!(log.contains("a line\n"), "{log}");
    assert!(!log.contains(bob.header("x-amzn-requestid")), "{log}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn output_for_programs_is_one_object_a_line() {
    let server = Setup::function(&["-o", "json"]).start().await;
    let id = id(&server.invoke("alice", &print(&["a line\n"], &[])).await);
    let stdout = server.wait_for_stdout("platform.report").await;
    let objects: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(objects.iter().all(|object| object["type"].is_string()), "{stdout}");
    assert_eq!(objects[0]["type"], "ready");
    assert_eq!(objects[0]["endpoint"], format!("http://{}", server.address));
    let of_type = |name: &str| objects.iter().find(|object| object["type"] == name).unwrap();
    assert_eq!(of_type("function")["record"], "a line");
    assert_eq!(of_type("function")["tenantId"], "alice");
    assert_eq!(of_type("platform.report")["record"]["requestId"], id);
    assert_eq!(of_type("platform.report")["record"]["tenantId"], "alice");
}

#[tokio::test]
async fn files_are_complete_though_nobody_reads_stdout_and_the_loss_there_is_told() {
    let (unread, stdout) = std::io::pipe().unwrap();
    let options = ["--log-dir", "logs", "--timeout", "20s"];
    let mut server = Setup::function(&options).stdout(stdout).start().await;
    let line = format!("{}\n", "x".repeat(99_999));
    let lines = vec![line.as_str(); 40];
    for _ in 0..6 {
        // More than waits for stdout, all in all; what waits for the files is written meanwhile.
        let reply = server.invoke("alice", &print(&lines, &[])).await;
        let report = format!("REPORT RequestId: {}", id(&reply));
        let written = || logged(&server.path("logs")).contains(&report);
        wait::eventually("the report is in the file", written).await;
    }
    assert_eq!(logged(&server.path("logs")).matches(line.as_str()).count(), 240);
    server.signal(Signal::TERM);
    server.exit().await;
    let said = server.wait_for_stderr("log lines were lost").await;
    assert!(said.contains("mtl: warning: "), "{said}");
    drop(unread);
}

/// Everything in the files below a folder, which may not be there yet.
fn logged(folder: &Path) -> String {
    let files = if folder.exists() { files_below(folder) } else { Vec::new() };
    files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect()
}
