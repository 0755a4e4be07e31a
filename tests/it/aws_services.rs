//! `mtl metrics --remote`: what CloudWatch and CloudWatch Logs are sent, where, how often, and what
//! becomes of what they answer. A stand-in is in AWS's place.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::invoke::server::{Server, nowhere, response};
use crate::invoke::{Run, run};

/// Asks for the metrics of one tenant, which takes one request if all goes well.
fn metrics(folder: &Path, variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(crate::function::mtl());
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy().to_uppercase();
        if name_text.starts_with("MTL_")
            || name_text.starts_with("AWS_")
            || name_text.ends_with("_PROXY")
        {
            command.env_remove(name);
        }
    }
    command
        .args(["metrics", "--remote", "function", "--tenant", "alice", "-o", "json"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"))
        .envs(variables.iter().copied());
    run(&mut command)
}

/// With this stand-in for CloudWatch.
fn metrics_of(server: &Server) -> Run {
    let folder = tempfile::tempdir().unwrap();
    metrics(folder.path(), &[("AWS_ENDPOINT_URL_CLOUDWATCH", &server.url)])
}

fn ok(body: &Value) -> String {
    response("200 OK", "Content-Type: application/x-amz-json-1.0\r\n", &body.to_string())
}

/// Values of the first query, which is how often the function was invoked.
fn invocations(values: &[f64], next: Option<&str>) -> String {
    let times = vec![1_790_000_000; values.len()];
    let result = json!({ "Id": "q0", "Timestamps": times, "Values": values });
    ok(&json!({ "MetricDataResults": [result], "NextToken": next }))
}

fn told(run: &Run) -> Value {
    assert_eq!(run.exit, Some(0), "{}", run.stderr);
    serde_json::from_str::<Value>(run.stdout()).unwrap()["functions"][0]["tenants"][0].clone()
}

#[test]
fn a_call_is_named_and_signed() {
    let server = Server::answering(&[&invocations(&[3.0], None)]);
    assert_eq!(told(&metrics_of(&server))["invocations"], 3.0);
    let request = server.received();
    assert_eq!(request.line, "POST / HTTP/1.1");
    assert_eq!(request.header("x-amz-target"), Some("GraniteServiceVersion20100801.GetMetricData"));
    assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.0"));
    let signature = request.header("authorization").unwrap();
    assert!(signature.contains("/eu-west-1/monitoring/aws4_request"), "{signature}");
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("aws-sdk-rust/") && agent.contains(" api/cloudwatch/"), "{agent}");
    let input: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(input["ScanBy"], "TimestampAscending");
    let metric = json!({
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [
            { "Name": "FunctionName", "Value": "function" },
            { "Name": "TenantId", "Value": "alice" },
        ],
    });
    let query = &input["MetricDataQueries"][0];
    assert_eq!((&query["Id"], &query["MetricStat"]["Metric"]), (&json!("q0"), &metric));
}

#[test]
fn pages_are_asked_for_to_the_last() {
    let server = Server::answering(&[&invocations(&[3.0], Some("t")), &invocations(&[4.5], None)]);
    assert_eq!(told(&metrics_of(&server))["invocations"], 7.5);
    let tokens = [server.received(), server.received()].map(|request| {
        serde_json::from_slice::<Value>(&request.body).unwrap().get("NextToken").cloned()
    });
    assert_eq!(tokens, [None, Some(json!("t"))]);
}

#[test]
fn throttles_and_failures_of_the_service_are_tried_again() {
    let throttle = json!({ "__type": "Throttling", "message": "Rate exceeded" }).to_string();
    let server = Server::answering(&[
        &response("400 Bad Request", "", &throttle),
        &response("503 Service Unavailable", "", ""),
        &invocations(&[3.0], None),
    ]);
    assert_eq!(told(&metrics_of(&server))["invocations"], 3.0);
    assert_eq!(server.further_requests(), 3);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_service() {
    let cases = [
        (
            "",
            json!({ "__type": "com.amazonaws.cloudwatch#InvalidParameterValueException:http://x", "message": "no" }),
            "(InvalidParameterValueException): no\n",
        ),
        (
            "x-amzn-query-error: InvalidParameterValue;Sender\r\n",
            json!({ "__type": "x#InvalidParameterValueException", "Message": "no" }),
            "(InvalidParameterValue): no\n",
        ),
        (
            "x-amzn-errortype: AccessDeniedException\r\n",
            json!({ "message": "User: me is not authorized" }),
            "(AccessDeniedException): User: me is not authorized\nhelp: ask for a policy",
        ),
    ];
    for (headers, body, expected) in cases {
        let refusal = response("400 Bad Request", headers, &body.to_string());
        let server = Server::answering(&[&refusal]);
        let run = metrics_of(&server);
        assert_eq!((run.exit, run.stdout(), server.further_requests()), (Some(1), "", 1));
        let expected = format!("error: CloudWatch in `eu-west-1` refused the request {expected}");
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
    }
}

#[test]
fn what_is_no_answer_is_told_as_such() {
    for answer in [response("404 Not Found", "", "<h1>a proxy</h1>"), response("200 OK", "", "<")] {
        let run = metrics_of(&Server::answering(&[&answer]));
        let expected = "error: failed to read the answer of CloudWatch in `eu-west-1`\ncaused by: ";
        assert!(run.stderr.starts_with(expected), "{}", run.stderr);
    }
}

#[test]
fn the_url_of_a_service_goes_before_the_url_of_all() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = nowhere();
    let all = ("AWS_ENDPOINT_URL", &*elsewhere);
    let server = Server::answering(&[&invocations(&[1.0], None)]);
    let one = ("AWS_ENDPOINT_URL_CLOUDWATCH", &*server.url);
    assert_eq!(told(&metrics(folder.path(), &[all, one]))["invocations"], 1.0);
    let server = Server::answering(&[&invocations(&[1.0], None)]);
    let config = format!(
        "[default]\nservices = s\n[services s]\ncloudwatch =\n  endpoint_url = {}\n",
        server.url
    );
    fs::write(folder.path().join("config"), config).unwrap();
    assert_eq!(told(&metrics(folder.path(), &[]))["invocations"], 1.0);
}

/// Also where endpoints are configured but to be ignored. A proxy is told the name of the host.
#[test]
fn without_a_url_it_is_the_host_of_the_region_through_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let refusals = vec![response("502 Bad Gateway", "", ""); 10];
    let refusals: Vec<&str> = refusals.iter().map(String::as_str).collect();
    let proxy = Server::answering(&refusals);
    let run = metrics(
        folder.path(),
        &[
            ("HTTPS_PROXY", &proxy.url),
            ("AWS_ENDPOINT_URL", &nowhere()),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            ("AWS_REGION", "cn-north-1"),
        ],
    );
    let expected = "error: failed to connect to CloudWatch in `cn-north-1`\n";
    assert!(run.stderr.starts_with(expected), "{}", run.stderr);
    let host = "monitoring.cn-north-1.amazonaws.com.cn:443";
    assert_eq!(proxy.received().line, format!("CONNECT {host} HTTP/1.1"));
}
