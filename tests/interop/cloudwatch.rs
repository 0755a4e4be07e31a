//! CloudWatch's API through boto3 in each of its protocols, the AWS CLI and the AWS SDK for
//! JavaScript, and a function that puts metrics of its own.

use serde_json::{Value, json};

use crate::mtl::{ANY_CREDENTIALS, Server, isolated, outcomes};
use crate::provision::tools;
use crate::{boto3, node};

const CALL: &str = include_str!("python/cloudwatch.py");

/// Makes these calls with boto3 in this protocol.
fn call(endpoint: &str, protocol: &str, calls: &[Value]) -> Vec<Value> {
    let mut command = isolated(tools().python());
    outcomes(command.args(["-c", CALL, endpoint, protocol]), calls)
}

/// A day in which tests take place, by the clock of this machine, in seconds since 1970.
fn window() -> (i64, i64) {
    let now = jiff::Timestamp::now().as_second();
    (now - 3_600, now + 3_600)
}

fn tenant(value: &str) -> Value {
    json!([{ "Name": "TenantId", "Value": value }])
}

#[test]
fn boto3_gets_what_it_puts_in_each_protocol() {
    let server = Server::python(&[]);
    let (start, end) = window();
    for protocol in ["json", "query", "smithy-rpc-v2-cbor"] {
        let namespace = format!("Interop/{protocol}");
        let metric = json!({
            "Namespace": namespace, "MetricName": "Orders", "Dimensions": tenant("alice"),
        });
        let statistic = |name: &str| json!({ "Metric": metric, "Period": 86_400, "Stat": name });
        let datum = json!({
            "MetricName": "Orders", "Dimensions": tenant("alice"), "Unit": "Count",
            "Values": [1.0, 4.0], "Counts": [3.0, 1.0],
        });
        let calls = [
            json!({ "operation": "put_metric_data", "parameters": {
                "Namespace": namespace, "MetricData": [datum],
            }}),
            json!({ "operation": "get_metric_data", "parameters": {
                "StartTime": start, "EndTime": end,
                "MetricDataQueries": [
                    { "Id": "sum", "MetricStat": statistic("Sum"), "ReturnData": false },
                    { "Id": "p99", "MetricStat": statistic("p99"), "Label": "slowest" },
                    { "Id": "twice", "Expression": "sum * 2" },
                ],
            }}),
            json!({ "operation": "get_metric_statistics", "parameters": {
                "Namespace": namespace, "MetricName": "Orders", "Dimensions": tenant("alice"),
                "StartTime": start, "EndTime": end, "Period": 86_400,
                "ExtendedStatistics": ["p50", "p99.9"],
            }}),
            json!({ "operation": "list_metrics", "parameters": {
                "Namespace": namespace, "Dimensions": [{ "Name": "TenantId" }],
                "RecentlyActive": "PT3H",
            }}),
            json!({ "operation": "get_metric_statistics", "parameters": {
                "Namespace": namespace, "MetricName": "Orders", "Statistics": ["Sum"],
                "StartTime": end, "EndTime": start, "Period": 60,
            }}),
        ];
        let outcomes = call(&server.endpoint, protocol, &calls);
        assert_eq!(outcomes[0].get("exception"), None, "{protocol}: {}", outcomes[0]);
        let results = &outcomes[1]["MetricDataResults"];
        assert_eq!(results[0]["Label"], "slowest", "{protocol}: {}", outcomes[1]);
        assert_eq!((&results[0]["Values"], &results[1]["Values"]), (&json!([4.0]), &json!([14.0])));
        let point = &outcomes[2]["Datapoints"][0];
        assert_eq!(point["ExtendedStatistics"], json!({ "p50": 1.0, "p99.9": 4.0 }), "{protocol}");
        assert_eq!(point["Unit"], "Count");
        assert!(
            point["Timestamp"].as_str().is_some_and(|time| time.ends_with("+00:00")),
            "{point}"
        );
        assert_eq!(outcomes[3]["Metrics"], json!([metric]), "{protocol}");
        assert_eq!(outcomes[4]["exception"], "InvalidParameterCombinationException", "{protocol}");
        assert_eq!(outcomes[4]["code"], "InvalidParameterCombination", "{protocol}");
        assert_eq!(
            outcomes[4]["message"],
            "The parameter StartTime must be less than the parameter EndTime."
        );
    }
}

#[test]
fn a_function_puts_metrics_here_with_nothing_but_its_environment() {
    let server = Server::python(&[]);
    let event = json!({ "do": "put", "metric": "Orders", "tenant": "alice" });
    let answer = boto3::call_as(&server.endpoint, "alice", &event);
    assert_eq!(answer.get("FunctionError"), None, "{answer}");
    let list = json!({ "operation": "list_metrics", "parameters": { "Namespace": "Interop" } });
    let listed = call(&server.endpoint, "json", &[list]).remove(0);
    assert_eq!(listed["Metrics"][0]["Dimensions"], tenant("alice"), "{listed}");
}

#[test]
fn the_aws_cli_reads_the_metrics_of_a_tenant() {
    let server = Server::python(&[]);
    boto3::call_as(&server.endpoint, "alice", &json!({}));
    let mut command = isolated(tools().aws());
    command.args(["cloudwatch", "list-metrics", "--namespace", "AWS/Lambda"]);
    command.args(["--dimensions", "Name=FunctionName,Value=function", "Name=TenantId"]);
    command.args(["--endpoint-url", &server.endpoint, "--region", "us-east-1"]);
    command.args(["--query", "Metrics[].MetricName", "--output", "text"]).envs(ANY_CREDENTIALS);
    let output = command.output().expect("the AWS CLI can be started");
    let listed = String::from_utf8_lossy(&output.stdout);
    let names: Vec<&str> = listed.split_whitespace().collect();
    let all = ["ConcurrentExecutions", "Duration", "Errors", "Invocations", "Throttles"];
    assert_eq!(names, all, "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_sdk_for_javascript_gets_metrics_and_typed_exceptions() {
    let server = Server::python(&[]);
    boto3::call_as(&server.endpoint, "alice", &json!({}));
    let (start, end) = window();
    let metric = json!({
        "Namespace": "AWS/Lambda", "MetricName": "Invocations",
        "Dimensions": [
            { "Name": "FunctionName", "Value": "function" },
            { "Name": "TenantId", "Value": "alice" },
        ],
    });
    let query = json!({ "Metric": metric, "Period": 86_400, "Stat": "Sum" });
    let input = |period: u32| {
        json!({
            "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistics": ["Sum"],
            "StartTime": start * 1_000, "EndTime": end * 1_000, "Period": period,
        })
    };
    let calls = [
        json!({ "service": "cloudwatch", "command": "GetMetricDataCommand", "input": {
            "StartTime": start * 1_000, "EndTime": end * 1_000,
            "MetricDataQueries": [{ "Id": "m", "MetricStat": query }],
        }}),
        json!({ "service": "cloudwatch", "command": "GetMetricStatisticsCommand", "input": input(61) }),
    ];
    let outcomes = node::call(&server.endpoint, &calls);
    assert_eq!(outcomes[0]["MetricDataResults"][0]["Values"], json!([1]), "{}", outcomes[0]);
    assert_eq!(outcomes[1]["exception"], "InvalidParameterValueException", "{}", outcomes[1]);
    assert_eq!((&outcomes[1]["instance"], &outcomes[1]["service"]), (&json!(true), &json!(true)));
    assert_eq!(outcomes[1]["message"], "The parameter Period must be a multiple of 60.");
}
