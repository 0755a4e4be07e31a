//! `mtl metrics` as a process, against a real server: what it prints in each format, what it says
//! when there is nothing, and the mistakes that it explains.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::invoke::server::{self as fake, response};
use crate::server::{Server, Setup, terminal};
use crate::wait::eventually;

fn command(server: &Server, options: &[&str]) -> Command {
    let mut command = Command::new(crate::function::mtl());
    for (name, _) in std::env::vars_os() {
        if ["MTL_", "AWS_", "COLUMNS"].iter().any(|p| name.to_string_lossy().starts_with(p)) {
            command.env_remove(name);
        }
    }
    command.env("XDG_RUNTIME_DIR", server.folder()).current_dir(server.folder());
    command.arg("metrics").args(options).stdin(Stdio::null());
    command
}

fn run(server: &Server, options: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(server, options).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn json(server: &Server, options: &[&str]) -> Value {
    let (exit, stdout, stderr) = run(server, &[options, &["-o", "json"]].concat());
    assert_eq!(exit, Some(0), "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// A server whose function ran twice for alice and failed once for `=bob`.
async fn served() -> Server {
    let server = Setup::function(&[]).start().await;
    server.answer("alice", &json!({})).await;
    server.answer("alice", &json!({})).await;
    let event = json!({ "do": "fail", "error_type": "E", "message": "m" });
    server.invoke("=bob", &event).await;
    eventually("all invocations are counted", || {
        json(&server, &[])["functions"][0]["total"]["invocations"] == 3.0
    })
    .await;
    server
}

#[tokio::test]
async fn each_tenant_has_a_row_and_all_have_one() {
    let server = served().await;
    let (exit, stdout, stderr) = run(&server, &[]);
    assert_eq!(exit, Some(0));
    let rows: Vec<Vec<&str>> =
        stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["TENANT", "INVOCATIONS", "ERRORS", "RATE"], "{stdout}");
    assert_eq!(rows[1][..5], ["alice", "2", "0", "0%", "0"]);
    assert_eq!(rows[2][..5], ["=bob", "1", "1", "100%", "0"]);
    assert_eq!(rows[3][..5], ["all", "3", "1", "33%", "0"]);
    assert_eq!((rows[1][8], rows[3][8]), ("1", "2"), "cold starts");
    assert_eq!(
        stderr,
        "note: metrics by TenantId are mtl's own; AWS documents no such dimension\n"
    );
    let (_, sorted, _) = run(&server, &["--sort", "error-rate"]);
    assert!(sorted.lines().nth(1).unwrap().starts_with("=bob"), "{sorted}");
    let report = json(&server, &[]);
    assert_eq!(report["periodSeconds"], 60);
    let alice = &report["functions"][0]["tenants"][0];
    assert_eq!((&alice["tenant"], &alice["errorRate"]), (&json!("alice"), &json!(0.0)));
    assert!(alice["durationMs"]["p99"].as_f64().unwrap() > 0.0);
    let (_, csv, _) = run(&server, &["-o", "csv"]);
    assert!(csv.contains("\nfunction,'=bob,1,1,100,0,"), "a formula is none: {csv}");
    let (_, plain, _) = run(&server, &["-o", "plain"]);
    assert!(plain.contains("\nfunction\t=bob\t1\t1\t100\t0\t"), "{plain}");
}

#[tokio::test]
async fn no_line_is_wider_than_the_terminal() {
    let server = served().await;
    for columns in [60, 80, 100, 132] {
        let mut command = command(&server, &["--tenant", "alice", "--tenant", "=bob"]);
        let output = command.env("COLUMNS", columns.to_string()).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.lines().all(|line| line.chars().count() <= columns), "{stdout}");
        assert!(!stdout.contains('\u{1b}'), "no color in a pipe");
        assert!(stdout.contains("tenant alice\nTIME (UTC)"), "{stdout}");
        assert!(stdout.contains("2 ┤") && stdout.contains("1 ┤"), "a plot for each: {stdout}");
    }
}

#[tokio::test]
async fn a_tenant_without_data_beside_one_that_has_some_is_named() {
    let server = served().await;
    for options in [
        &["--tenant", "alice", "--tenant", "zed"][..],
        &["--tenant", "zed", "--cost", "--price", "environment-gb=1", "--tenant", "alice"],
    ] {
        let (exit, _, stderr) = run(&server, options);
        assert_eq!(exit, Some(0));
        assert!(stderr.contains("no data of zed\n"), "{stderr}");
    }
}

#[tokio::test]
async fn a_watch_ends_when_nobody_reads() {
    let server = served().await;
    let mut watch = command(&server, &["--watch", "1s", "-o", "plain"]);
    let mut watch = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(watch.stdout.take());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn dimensions_are_all_that_a_metric_has() {
    let server = served().await;
    let options =
        ["--namespace", "mtl", "--metric", "ColdStarts", "--dimension", "FunctionName=function"];
    let report = json(&server, &options);
    assert_eq!(report["metrics"].as_array().unwrap().len(), 1, "{report}");
}

#[tokio::test]
async fn nothing_is_no_zeros() {
    let server = Setup::function(&[]).start().await;
    let (exit, stdout, stderr) = run(&server, &["--tenant", "alice"]);
    assert_eq!((exit, stdout.as_str()), (Some(0), ""));
    assert!(stderr.starts_with("no data: nothing was published in AWS/Lambda"), "{stderr}");
    assert!(stderr.contains("\nhelp: invoke the function"), "{stderr}");
    assert_eq!(json(&server, &[])["functions"], json!([]));
    let (exit, _, stderr) = run(&server, &["--metric", "Orders", "--namespace", "Shop"]);
    assert_eq!(exit, Some(0));
    assert!(stderr.starts_with("no data: nothing was published as Orders in Shop"), "{stderr}");
}

#[tokio::test]
async fn metrics_of_more_tenants_than_a_request_takes_are_all_there() {
    const TENANTS: usize = 1_200;
    let server = Setup::example(&[]).start().await;
    for from in [0, TENANTS / 2] {
        let data: Vec<Value> = (from..from + TENANTS / 2)
            .map(|tenant| {
                let dimensions = json!([{ "Name": "TenantId", "Value": format!("t{tenant:04}") }]);
                json!({ "MetricName": "Orders", "Value": tenant, "Dimensions": dimensions })
            })
            .collect();
        let put = json!({ "Namespace": "Shop", "MetricData": data }).to_string();
        let target = ("X-Amz-Target", "GraniteServiceVersion20100801.PutMetricData");
        assert_eq!(server.post("/", &[target], put).await.status, 200);
    }
    let options = ["--namespace", "Shop", "--metric", "Orders", "--statistic", "Maximum"];
    let report = json(&server, &options);
    let metrics = report["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), TENANTS);
    for (number, metric) in metrics.iter().enumerate() {
        assert_eq!(metric["dimensions"]["TenantId"], format!("t{number:04}"));
        assert_eq!(
            metric["statistics"]["Maximum"],
            json!(f64::from(u32::try_from(number).unwrap()))
        );
    }
    let one = json(&server, &[&options[..], &["--dimension", "TenantId=t0007"]].concat());
    assert_eq!(one["metrics"].as_array().unwrap().len(), 1);
    let (_, _, piped) = run(&server, &options);
    assert_eq!(piped, "", "nobody sees a bar there");
    assert!(on_terminal(&server, &options).contains("/2400 metrics"), "the bar is shown");
}

/// What a person sees of stderr.
fn on_terminal(server: &Server, options: &[&str]) -> String {
    let (mut person, program) = terminal();
    let mut command = command(server, options);
    let mut metrics = command.stdout(Stdio::null()).stderr(program).spawn().unwrap();
    // The command has an end of the terminal open, and reading goes on for as long as anyone has.
    drop(command);
    let mut seen = Vec::new();
    // The end of a terminal is an error on Linux.
    let _ = person.read_to_end(&mut seen);
    assert!(metrics.wait().unwrap().success());
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test]
async fn mistakes_are_explained() {
    let server = Setup::example(&[]).start().await;
    for (options, exit, said) in [
        (&["--period", "61"][..], 2, "error: a period is a multiple of 60 seconds"),
        (&["--since", "30d", "--period", "1m"], 2, "keeps points of 300 seconds at the least"),
        (&["--since", "500d"], 2, "error: CloudWatch keeps metrics for 455 days"),
        (&["--start-time", "2026-01-02", "--end-time", "2026-01-01"], 2, "start must be before"),
        (&["--region", "us-east-1"], 2, "help: add `--remote`, or leave `--region` out"),
        (&["--remote"], 2, "help: name it as FUNCTION"),
        (&["--statistic", "p50"], 2, "--metric"),
        (&["--metric", "x", "--statistic", "P50"], 2, "this is not a statistic of CloudWatch"),
        (
            &["--endpoint", "http://127.0.0.1:1"],
            1,
            "error: failed to connect to http://127.0.0.1:1",
        ),
        (&["--metric", "Duration", "--statistic", "tm99"], 0, "no data"),
        (&["--source", "logs"], 2, "help: add `--remote`, or leave it out"),
        (&["--remote", "f", "--cost"], 2, "help: add `--source logs`"),
        (&["--price", "request=1"], 2, "--cost"),
        (&["--watch", "0"], 2, "once a second at most"),
        (&["--cost", "--sort", "p99"], 2, "cannot be used with"),
        (&["--cost", "--price", "x=1"], 2, "expected request=USD"),
    ] {
        let (code, stdout, stderr) = run(&server, options);
        assert_eq!((code, stdout.as_str()), (Some(exit), ""), "{options:?}: {stderr}");
        assert!(stderr.contains(said), "{options:?}: {stderr}");
    }
}

#[tokio::test]
async fn costs_are_those_of_what_was_used() {
    let options = ["--architecture", "x86_64", "--memory-size", "1024"];
    let server = Setup::function(&options).start().await;
    server.answer("alice", &json!({})).await;
    server.answer("alice", &json!({})).await;
    let costs = |options: &[&str]| {
        json(&server, &[&["--cost"], options].concat())["functions"][0]["total"].take()
    };
    eventually("all invocations are counted", || costs(&[])["requests"] == 2.0).await;
    let cost = costs(&[]);
    assert_eq!(cost["environmentsCreated"], 1.0);
    assert_eq!(cost["cost"]["isolation"], 0.000_167);
    let number = |value: &Value| value.as_f64().unwrap();
    let price = number(&cost["cost"]["duration"]) / number(&cost["gbSeconds"]);
    assert!((price - 0.000_016_666_7).abs() < 1e-12, "{price}");
    let given = costs(&["--price", "request=2", "--price", "environment-gb=3"]);
    assert_eq!(
        (&given["cost"]["requests"], &given["cost"]["isolation"]),
        (&json!(4.0), &json!(3.0))
    );
    let (_, table, said) = run(&server, &["--cost"]);
    assert!(table.starts_with("TENANT  REQUESTS"), "{table}");
    assert!(said.contains("prices for us-east-1 of November 2025"), "{said}");
}

#[tokio::test]
async fn a_price_that_is_not_known_must_be_given() {
    let server = Setup::function(&["--architecture", "arm64"]).start().await;
    server.answer("alice", &json!({})).await;
    let priced = ["--cost", "--price", "environment-gb=0.0001"];
    eventually("the invocation is counted", || json(&server, &priced)["functions"] != json!([]))
        .await;
    let (exit, stdout, stderr) = run(&server, &["--cost"]);
    assert_eq!((exit, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("price of a tenant's environment on arm64 isn't known"), "{stderr}");
    assert!(stderr.contains("--price environment-gb=USD"), "{stderr}");
}

/// `mtl metrics --remote` with this endpoint in AWS's place.
fn run_remote(server: &Server, endpoint: &str, options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = command(server, &[&["--remote", "function"], options].concat());
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "secret");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn on_aws_requests_are_few_and_their_price_is_said() {
    let server = served().await;
    let endpoint = format!("http://{}", server.address);
    let (exit, stdout, stderr) =
        run_remote(&server, &endpoint, &["--tenant", "alice", "-o", "plain"]);
    assert_eq!(exit, Some(0), "{stderr}");
    assert!(stdout.contains("\nfunction\talice\t2\t0\t0\t0\t"), "{stdout}");
    assert!(stdout.ends_with("\t\n"), "mtl's own metrics aren't on AWS: {stdout:?}");
    assert!(
        stderr.starts_with("1 requests to CloudWatch for 8 metrics: about $0.0001"),
        "{stderr}"
    );
    let (exit, stdout, stderr) = run_remote(&server, &endpoint, &["--tenant", "nobody"]);
    assert_eq!((exit, stdout.as_str()), (Some(0), ""));
    assert!(stderr.contains("AWS documents no dimension TenantId"), "{stderr}");
    assert!(stderr.contains("--source logs"), "{stderr}");
}

#[tokio::test]
async fn logs_tell_what_no_metric_does() {
    let server = Setup::example(&[]).start().await;
    let configuration = |format: &str| {
        let logging = json!({ "LogFormat": format, "LogGroup": "/my/logs" });
        let body =
            json!({ "MemorySize": 2048, "Architectures": ["x86_64"], "LoggingConfig": logging });
        response("200 OK", "Content-Type: application/json\r\n", &body.to_string())
    };
    let answer = |body: &Value| {
        response("200 OK", "Content-Type: application/x-amz-json-1.1\r\n", &body.to_string())
    };
    let started = answer(&json!({ "queryId": "1" }));
    let running = answer(&json!({ "status": "Running", "statistics": { "bytesScanned": 1e6 } }));
    let row: Vec<Value> = [
        ("tenant", "alice"),
        ("invocations", "4"),
        ("successes", "3"),
        ("average", "10.5"),
        ("p50", "9"),
        ("p99", "20"),
        ("coldStarts", "1"),
        ("billed", "1000"),
    ]
    .map(|(field, value)| json!({ "field": field, "value": value }))
    .to_vec();
    let scanned = json!({ "bytesScanned": 2.5e6 });
    let complete =
        answer(&json!({ "status": "Complete", "statistics": scanned, "results": [row] }));
    let aws = fake::Server::answering(&[&configuration("JSON"), &started, &running, &complete]);
    let (exit, stdout, stderr) = run_remote(&server, &aws.url, &["--source", "logs"]);
    assert_eq!(exit, Some(0), "{stderr}");
    let rows: Vec<Vec<&str>> =
        stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["alice", "4", "1", "25%", "–", "10.5", "9.00", "20.0", "1"], "{stdout}");
    assert_eq!(rows[2], ["all", "4", "1", "25%", "–", "10.5", "–", "–", "1"], "{stdout}");
    assert!(stderr.contains("logs know no throttles"), "{stderr}");
    assert!(stderr.contains("2.5 MB of logs were read in /my/logs"), "{stderr}");
    aws.received();
    let start: Value = serde_json::from_slice(&aws.received().body).unwrap();
    assert_eq!(start["logGroupName"], "/my/logs");
    assert!(start["queryString"].as_str().unwrap().contains("by record.tenantId as tenant"));
    let costly = [&configuration("JSON"), &started, &complete, &configuration("JSON")];
    let aws = fake::Server::answering(&costly.map(String::as_str));
    let options = ["--source", "logs", "--cost", "-o", "json"];
    let (exit, stdout, stderr) = run_remote(&server, &aws.url, &options);
    assert_eq!(exit, Some(0), "{stderr}");
    let costs: Value = serde_json::from_str(&stdout).unwrap();
    let alice = &costs["functions"][0]["tenants"][0];
    assert_eq!((&alice["gbSeconds"], &alice["environmentsCreated"]), (&json!(2.0), &json!(1.0)));
    let empty = answer(&json!({ "status": "Complete", "results": [] }));
    let aws = fake::Server::answering(&[&configuration("Text"), &started, &empty]);
    let (exit, stdout, stderr) = run_remote(&server, &aws.url, &["--source", "logs"]);
    assert_eq!((exit, stdout.as_str()), (Some(0), ""));
    assert!(stderr.contains("the function logs text, which names no tenants"), "{stderr}");
}

#[tokio::test]
async fn a_watch_shows_what_came_since() {
    use std::io::{BufRead as _, BufReader};
    let server = served().await;
    let mut command = command(&server, &["--watch", "1s", "-o", "plain"]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut wait_for = |row: &str| {
        assert!(lines.any(|line| line.unwrap().starts_with(row)), "it ended before {row:?}");
    };
    wait_for("function\talice\t2\t");
    server.answer("alice", &json!({})).await;
    wait_for("function\talice\t3\t");
    watch.kill().unwrap();
    watch.wait().unwrap();
}
