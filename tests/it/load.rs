//! A load of invocations: the report, the verdict on isolation, and what a person sees meanwhile.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::server::{Server, Setup, terminal};
use crate::wait::eventually;

fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["invoke", "--endpoint", &format!("http://{}", server.address)]).args(arguments);
    for name in ["MTL_FUNCTION", "MTL_REMOTE"] {
        mtl.env_remove(name);
    }
    mtl.stdin(Stdio::null());
    mtl
}

#[tokio::test]
async fn a_warning_that_nobody_reads_is_no_failure() {
    let server = Setup::function(&[]).start().await;
    let payload = r#"{"text":"{{unknown}}"}"#;
    let mut mtl = command(&server, &["-n", "2", "--tenant-id", "alice", "-p", payload]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = mtl.stdout(Stdio::null()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

struct Run {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn of(mut command: Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Self { exit: output.status.code(), stdout, stderr }
    }

    #[track_caller]
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.stderr))
    }
}

fn run(server: &Server, arguments: &[&str]) -> Run {
    Run::of(command(server, arguments))
}

fn json(server: &Server, arguments: &[&str]) -> Run {
    run(server, &[arguments, &["-o", "json"]].concat())
}

#[tokio::test]
async fn a_load_is_counted_for_each_tenant_and_they_are_isolated() {
    let server = Setup::function(&[]).start().await;
    let run = json(&server, &["-n", "60", "-c", "4", "--tenants", "3"]);
    assert_eq!((run.exit, run.stderr.as_str()), (Some(0), ""));
    let report = run.report();
    assert_eq!(report["isolation"], "isolated");
    let overall = &report["overall"];
    assert_eq!((&overall["requests"], &overall["ok"]), (&json!(60), &json!(60)));
    for zero in ["functionErrors", "throttles", "transportErrors"] {
        assert_eq!(overall[zero], 0, "{zero}");
    }
    assert_eq!(overall["coldStarts"], overall["environments"]);
    let tenants = report["tenants"].as_array().unwrap();
    assert_eq!(tenants.len(), 3);
    assert!(tenants.iter().all(|row| row["requests"] == 20), "{report}");
    let latency = &overall["latency"];
    let of = |name: &str| latency[name].as_f64().unwrap();
    assert!(of("p50") <= of("p90") && of("p90") <= of("p99.9"), "{latency}");
    assert!(of("max") * 1.02 >= of("p99.9") && of("mean") > 0.0, "{latency}");
    // Connections are kept: the environments are warm now.
    let again = json(&server, &["-n", "30", "-c", "1", "--tenants", "3"]).report();
    assert_eq!(again["overall"]["coldStarts"], 0);
}

#[tokio::test]
async fn an_environment_that_serves_two_tenants_is_named_and_an_error() {
    let server = Setup::function(&[]).start().await;
    // All environments are in one folder, so that as an identity it looks shared.
    let two = ["-n", "4", "-c", "1", "--tenant-id", "alice", "--tenant-id", "bob"];
    let shared = json(&server, &[&two[..], &["--environment-at", "/directory"]].concat());
    assert_eq!(shared.exit, Some(1));
    assert!(shared.stderr.contains("tenants share execution environments"), "{}", shared.stderr);
    let report = shared.report();
    assert_eq!(report["isolation"], "shared");
    assert_eq!(report["sharedEnvironments"][0]["tenants"], json!(["alice", "bob"]));
    let text = run(&server, &[&two[..], &["--environment-at", "/directory"]].concat()).stdout;
    assert!(text.contains("isolation: shared\n") && text.contains("served alice, bob"), "{text}");
    let unknown = json(&server, &[&two[..], &["--environment-at", "/absent"]].concat());
    assert_eq!((unknown.exit, &unknown.report()["isolation"]), (Some(0), &json!("unknown")));
    let isolated = json(&server, &[&two[..], &["--environment-at", "/pid"]].concat());
    assert_eq!(isolated.report()["isolation"], "isolated");
}

#[tokio::test]
async fn throttles_and_errors_are_figures_and_lost_invocations_an_error() {
    let server = Setup::function(&["--reserved-concurrency", "0"]).start().await;
    let run = json(&server, &["-n", "5", "--tenant-id", "a"]);
    assert_eq!((run.exit, &run.report()["overall"]["throttles"]), (Some(0), &json!(5)));
    let server = Setup::function(&[]).start().await;
    let fail = r#"{"do":"fail","error_type":"E","message":"{{tenant}} {{n}}"}"#;
    let run = json(&server, &["-n", "5", "-c", "2", "--tenant-id", "a", "-p", fail]);
    assert_eq!((run.exit, &run.report()["overall"]["functionErrors"]), (Some(0), &json!(5)));
    let run = json(&server, &["-n", "3", "--tenant-id", "a", "absent"]);
    assert_eq!(run.exit, Some(1));
    assert!(run.stderr.contains("3 invocations had no answer; the first one:"), "{}", run.stderr);
    assert!(run.stderr.contains("ResourceNotFoundException"), "{}", run.stderr);
}

/// A load of two tenants whose function adds their secrets to one file.
fn leak_check(server: &Server, print: bool) -> Run {
    let file = server.path("shared");
    let payload = json!({ "do": "share", "file": file, "text": "<{{secret}}>", "print": print });
    let payload = payload.to_string();
    let tenants = ["--tenant-id", "alice", "--tenant-id", "bob", "--leak-check"];
    json(server, &[&["-n", "4", "-c", "1", "-p", &payload][..], &tenants].concat())
}

#[tokio::test]
async fn a_secret_that_another_tenant_sees_is_found_in_answers_and_in_logs() {
    let server = Setup::function(&[]).start().await;
    for (print, place) in [(false, "answer"), (true, "log")] {
        let run = leak_check(&server, print);
        assert_eq!(run.exit, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains(" saw a secret of "), "{}", run.stderr);
        let report = run.report();
        assert_eq!(report["isolation"], "isolated", "processes are apart, the file is not");
        let leaks = report["leaks"].as_array().unwrap();
        let expected = json!({ "secretOf": "alice", "seenBy": "bob", "where": place });
        assert!(leaks.contains(&expected), "{report}");
        fs::remove_file(server.path("shared")).unwrap();
    }
    let tenants = ["-n", "8", "--tenants", "4", "--leak-check"];
    let clean = json(&server, &tenants);
    assert_eq!((clean.exit, &clean.report()["leaks"]), (Some(0), &json!([])), "{}", clean.stderr);
    let none = Setup::function(&["--reserved-concurrency", "0"]).start().await;
    let none = json(&none, &tenants).report();
    assert_eq!(none["leaksReason"], "nothing was answered", "{none}");
    let unchecked = json(&server, &["-n", "8", "--tenants", "4"]);
    assert_eq!(unchecked.report().get("leaks"), None);
    let same = ["-n", "2", "--tenant-id", "a", "--tenant-id", "a", "--leak-check"];
    let same = json(&server, &same);
    assert!(same.stderr.contains("a leak check needs two tenants"), "{}", same.stderr);
}

#[tokio::test]
async fn a_rate_is_kept_however_slow_the_function_is() {
    let server = Setup::function(&[]).start().await;
    let slow = r#"{"do":"sleep","ms":100}"#;
    let arguments = ["--duration", "1s", "--rate", "20", "-c", "1", "--tenant-id", "a", "-p", slow];
    let report = json(&server, &arguments).report();
    let begun = report["overall"]["requests"].as_u64().unwrap();
    assert!(begun <= 10, "one at a time takes twice the time, and a second is a second: {report}");
    assert_eq!(begun + report["notBegun"].as_u64().unwrap(), 20, "20 are due in a second");
    // Each has waited for those before it.
    let max = report["overall"]["latency"]["max"].as_f64().unwrap();
    assert!(max > 400.0, "{report}");
}

#[tokio::test]
async fn a_load_has_what_single_invocations_have() {
    let server = Setup::function(&[]).start().await;
    let cold = json(&server, &["-n", "6", "-c", "1", "--tenants", "2", "--cold"]).report();
    assert_eq!(cold["overall"]["coldStarts"], 6);
    let spaced = json(&server, &["-n", "2", "--tenant-id", "a", "--tenant-id", "a "]);
    assert_eq!(spaced.exit, Some(2));
    assert!(spaced.stderr.contains("can't begin or end with a space"), "{}", spaced.stderr);
    let unknown = r#"{"a":"{{user}}"}"#;
    let unknown = json(&server, &["-n", "1", "--tenant-id", "a", "-p", unknown]);
    assert!(unknown.stderr.contains("`{{user}}` is sent as it stands"), "{}", unknown.stderr);
    let never = json(&server, &["-n", "2", "--rate", "1e-300", "--tenant-id", "a"]);
    assert_eq!((never.exit, never.stderr.contains("panicked")), (Some(2), false));
}

#[tokio::test]
async fn tenants_and_payloads_may_be_in_files() {
    let server = Setup::function(&[]).start().await;
    let (tenants, lines) = (server.path("tenants"), server.path("events.jsonl"));
    fs::write(&tenants, "alice\nbob\n\n").unwrap();
    fs::write(&lines, "{\"do\":\"exit\",\"status\":1}\n{}\n").unwrap();
    let payload = format!("@{}", lines.display());
    let tenants = tenants.to_str().unwrap();
    let run = json(&server, &["-n", "4", "-c", "1", "--tenants-file", tenants, "-p", &payload]);
    let report = run.report();
    let of = |tenant: &str| {
        let rows = report["tenants"].as_array().unwrap();
        rows.iter().find(|row| row["tenant"] == tenant).unwrap().clone()
    };
    assert_eq!((&of("alice")["functionErrors"], &of("bob")["ok"]), (&json!(2), &json!(2)));
    fs::write(server.path("tenants"), "alice\nb#b\n").unwrap();
    let wrong = json(&server, &["-n", "1", "--tenants-file", tenants]);
    assert_eq!(wrong.exit, Some(2));
    assert!(wrong.stderr.contains("failed to read line 2 of"), "{}", wrong.stderr);
}

/// A load that goes to AWS, which is this server here.
fn remote(server: &Server, arguments: &[&str]) -> Run {
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["invoke", "--remote", "function"]).args(arguments).stdin(Stdio::null());
    for name in ["MTL_FUNCTION", "MTL_REMOTE", "MTL_ENDPOINT", "AWS_PROFILE"] {
        mtl.env_remove(name);
    }
    mtl.env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", server.address))
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1");
    Run::of(mtl)
}

#[tokio::test]
async fn a_load_on_aws_is_only_put_when_its_cost_was_agreed_to() {
    let server = Setup::function(&[]).start().await;
    let load = ["-n", "40", "-c", "2", "--tenants", "2", "--environment-at", "/pid", "-o", "json"];
    let asked = remote(&server, &load);
    assert_eq!((asked.exit, asked.stdout.as_str()), (Some(2), ""), "{}", asked.stderr);
    assert!(asked.stderr.contains("40 times for 2 tenants: about $0.00"), "{}", asked.stderr);
    assert!(asked.stderr.contains("--yes says that it is wanted"), "{}", asked.stderr);
    let agreed = remote(&server, &[&load[..], &["--yes"]].concat());
    assert_eq!(agreed.exit, Some(0), "{}", agreed.stderr);
    let report = agreed.report();
    assert_eq!((&report["overall"]["ok"], &report["isolation"]), (&json!(40), &json!("isolated")));
    assert_eq!(report["overall"]["coldStarts"], Value::Null, "AWS doesn't say");
}

#[tokio::test]
async fn a_stop_still_reports() {
    let server = Setup::function(&[]).start().await;
    let started = server.path("started");
    let payload = json!({ "started": started }).to_string();
    let arguments = ["--duration", "600s", "--tenant-id", "a", "-p", &payload, "-o", "json"];
    let mut mtl = command(&server, &arguments);
    let child = mtl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("it runs", || started.exists()).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["overall"]["ok"].as_u64().unwrap() > 0, "{report}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("stopped before all was sent"), "{said}");
}

#[tokio::test]
async fn a_terminal_shows_one_line_of_progress() {
    let server = Setup::function(&[]).start().await;
    let (mut person, program) = terminal();
    let payload = r#"{"do":"sleep","ms":50}"#;
    let mut mtl = command(&server, &["-n", "40", "-c", "4", "--tenant-id", "a", "-p", payload]);
    let mut child = mtl.stdout(Stdio::null()).stderr(program).spawn().unwrap();
    // The command has an end of the terminal open, and reading goes on for as long as anyone has.
    drop(mtl);
    let mut seen = Vec::new();
    // The end of a terminal is an error on Linux.
    let _ = person.read_to_end(&mut seen);
    assert!(child.wait().unwrap().success());
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("done, ") && seen.contains(" not well, "), "{seen:?}");
    assert!(!seen.contains("\n\n"), "it is one line: {seen:?}");
}

#[tokio::test]
async fn what_is_no_load_is_a_usage_error() {
    let server = Setup::function(&[]).start().await;
    for (arguments, said) in [
        (&["-c", "3"][..], "`--connections` is for a load"),
        (&["--tenant-id", "a", "--tenant-id", "b"], "several tenants are for a load"),
        (&["-n", "0"], "invalid value '0'"),
        (&["-n", "1", "--leak-check", "--tenant-id", "a"], "a leak check needs two tenants"),
        (&["-n", "2", "--leak-check", "--tenants", "2", "-p", "[]"], "has no room for a secret"),
        (&["-n", "1", "--rate", "0"], "it is more than 0"),
        (&["--duration", "0"], "a load of no time sends nothing"),
        (&["-n", "1", "--check"], "cannot be used with"),
        (&["-n", "1", "--stream"], "a load is of plain invocations"),
        (&["-n", "1", "--environment-at", "pid"], "a JSON pointer begins with `/`"),
        (&["-n", "1", "--tenants", "2", "--tenant-id", "a"], "cannot be used with"),
    ] {
        let run = run(&server, arguments);
        assert_eq!(run.exit, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
}
