//! The CloudWatch endpoint: what the metrics of a function are, and the three protocols in which they
//! are asked for. The Rust SDK speaks CBOR.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, DimensionFilter, Metric, MetricDataQuery, MetricDatum, MetricStat, RecentlyActive,
    StandardUnit, Statistic, StatisticSet,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::server::{Server, Setup};
use crate::wait::DEADLINE;

const TARGET: &str = "GraniteServiceVersion20100801.";
const JSON: (&str, &str) = ("Content-Type", "application/x-amz-json-1.0");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(crate) fn client(server: &Server) -> Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", server.address))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

/// From an hour ago to an hour ahead.
fn window() -> (DateTime, DateTime) {
    let now = Timestamp::now().as_second();
    (DateTime::from_secs(now - 3_600), DateTime::from_secs(now + 3_600))
}

/// The sum, or another statistic, of a metric over the last hour, and in how many points.
pub(crate) async fn statistic(
    client: &Client,
    (namespace, name): (&str, &str),
    dimensions: &[(&str, &str)],
    wanted: Statistic,
) -> Option<f64> {
    let (start, end) = window();
    let call = client.get_metric_statistics().namespace(namespace).metric_name(name);
    let dimensions = dimensions.iter().map(|(name, value)| dimension(name, value)).collect();
    let call = call.set_dimensions(Some(dimensions)).start_time(start).end_time(end).period(86_400);
    let output = call.statistics(wanted.clone()).send().await.unwrap();
    let values = output.datapoints().iter().map(|point| {
        let value = match wanted {
            Statistic::Sum => point.sum(),
            Statistic::Maximum => point.maximum(),
            Statistic::SampleCount => point.sample_count(),
            _ => panic!("a statistic that no test uses"),
        };
        value.unwrap()
    });
    values.reduce(|one, other| one + other)
}

/// Waits until the sum of a metric over the last hour is this.
pub(crate) async fn eventually_sum(
    client: &Client,
    metric: (&str, &str),
    dimensions: &[(&str, &str)],
    wanted: f64,
) {
    let start = Instant::now();
    loop {
        let sum = statistic(client, metric, dimensions, Statistic::Sum).await;
        if sum == Some(wanted) {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{metric:?} {dimensions:?} is {sum:?}, not {wanted}");
        sleep(Duration::from_millis(10)).await;
    }
}

const ALICE: [(&str, &str); 2] = [("FunctionName", "function"), ("TenantId", "alice")];
const FUNCTION: [(&str, &str); 1] = [("FunctionName", "function")];

#[tokio::test]
async fn invocations_are_counted_by_function_and_by_tenant() {
    let server = Setup::function(&[]).start().await;
    let client = client(&server);
    server.answer("alice", &json!({})).await;
    server.answer("bob", &json!({})).await;
    server.invoke("alice", &json!({ "do": "fail", "error_type": "E", "message": "m" })).await;
    assert_eq!(server.invoke_without_tenant(&json!({})).await.status, 400);
    eventually_sum(&client, ("AWS/Lambda", "Invocations"), &FUNCTION, 3.0).await;
    for (name, alice, all) in
        [("Invocations", 2.0, 3.0), ("Errors", 1.0, 1.0), ("Throttles", 0.0, 0.0)]
    {
        let metric = ("AWS/Lambda", name);
        assert_eq!(statistic(&client, metric, &ALICE, Statistic::Sum).await, Some(alice), "{name}");
        let resource = [FUNCTION[0], ("Resource", "function")];
        for dimensions in [&FUNCTION[..], &resource, &[]] {
            let sum = statistic(&client, metric, dimensions, Statistic::Sum).await;
            assert_eq!(sum, Some(all), "{name} {dimensions:?}");
        }
    }
    let duration = ("AWS/Lambda", "Duration");
    assert_eq!(statistic(&client, duration, &ALICE, Statistic::SampleCount).await, Some(2.0));
    let concurrency = ("AWS/Lambda", "ConcurrentExecutions");
    assert_eq!(statistic(&client, concurrency, &ALICE, Statistic::Maximum).await, Some(1.0));
    for name in ["ColdStarts", "EnvironmentsCreated"] {
        let sum = statistic(&client, ("mtl", name), &ALICE, Statistic::Sum).await;
        assert_eq!(sum, Some(1.0), "{name}");
    }
    let none = statistic(&client, ("AWS/Lambda", "Errors"), &[ALICE[1]], Statistic::Sum).await;
    assert_eq!(none, None, "a part of the dimensions is another metric");
}

#[tokio::test]
async fn throttles_are_neither_invocations_nor_errors() {
    let server = Setup::function(&["--reserved-concurrency", "0"]).start().await;
    assert_eq!(server.invoke("alice", &json!({})).await.status, 429);
    let client = client(&server);
    eventually_sum(&client, ("AWS/Lambda", "Throttles"), &ALICE, 1.0).await;
    for name in ["Invocations", "Errors", "Duration"] {
        assert_eq!(statistic(&client, ("AWS/Lambda", name), &ALICE, Statistic::Sum).await, None);
    }
}

#[tokio::test]
async fn events_have_metrics_of_their_own() {
    let server = Setup::function(&["--maximum-retry-attempts", "0"]).start().await;
    let headers = [("X-Amz-Tenant-Id", "alice"), ("X-Amz-Invocation-Type", "Event")];
    let event = json!({ "do": "fail", "error_type": "E", "message": "m" }).to_string();
    let reply = server.post(crate::server::INVOCATIONS, &headers, event).await;
    assert_eq!(reply.status, 202);
    let client = client(&server);
    eventually_sum(&client, ("AWS/Lambda", "AsyncEventsDropped"), &ALICE, 1.0).await;
    eventually_sum(&client, ("AWS/Lambda", "AsyncEventsReceived"), &ALICE, 1.0).await;
    let age = ("AWS/Lambda", "AsyncEventAge");
    assert_eq!(statistic(&client, age, &ALICE, Statistic::SampleCount).await, Some(1.0));
}

#[tokio::test]
async fn what_a_function_writes_in_embedded_metric_format_is_published() {
    let metric = json!({
        "_aws": {
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "Shop",
                "Dimensions": [["TenantId"]],
                "Metrics": [{ "Name": "Orders", "Unit": "Count" }],
            }],
        },
        "TenantId": "alice",
        "Orders": [2, 3],
    });
    let server = Setup::raw(&[]).start().await;
    let steps = json!({ "steps": [
        { "print": metric.to_string() },
        { "call": "POST invocation/{id}/response", "report": true },
    ]});
    server.invoke("alice", &steps).await;
    eventually_sum(&client(&server), ("Shop", "Orders"), &[("TenantId", "alice")], 5.0).await;
}

fn query(id: &str, name: &str, stat: &str) -> MetricDataQuery {
    let metric = Metric::builder().namespace("Shop").metric_name(name);
    let metric = metric.dimensions(dimension("TenantId", "alice")).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat(stat).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

#[tokio::test]
async fn what_the_sdk_puts_it_gets() {
    let server = Setup::example(&[]).start().await;
    let client = client(&server);
    let now = Timestamp::now().as_second();
    let minute = |ago: i64| DateTime::from_secs(now.div_euclid(60) * 60 - ago * 60);
    let datum = |name: &str, ago: i64| {
        let datum = MetricDatum::builder().metric_name(name).unit(StandardUnit::Count);
        datum.dimensions(dimension("TenantId", "alice")).timestamp(minute(ago))
    };
    let set = StatisticSet::builder().sample_count(2.0).sum(6.0).minimum(1.0).maximum(5.0).build();
    let put = client
        .put_metric_data()
        .namespace("Shop")
        .metric_data(datum("Orders", 2).value(10.0).build())
        .metric_data(datum("Orders", 1).values(1.0).values(9.0).counts(9.0).counts(1.0).build())
        .metric_data(datum("Failed", 1).statistic_values(set).build());
    put.send().await.unwrap();
    let (start, end) = window();
    let share = MetricDataQuery::builder().id("share").expression("failed / orders * 100");
    let output = client
        .get_metric_data()
        .start_time(start)
        .end_time(end)
        .metric_data_queries(query("orders", "Orders", "Sum"))
        .metric_data_queries(query("failed", "Failed", "Sum"))
        .metric_data_queries(query("p90", "Orders", "p90"))
        .metric_data_queries(query("none", "None", "Sum"))
        .metric_data_queries(share.label("${PROP('x')} in percent").build())
        .send()
        .await
        .unwrap();
    let values: Vec<(&str, &[f64])> = output
        .metric_data_results()
        .iter()
        .map(|result| (result.id().unwrap(), result.values()))
        .collect();
    let share = 6.0 / 18.0 * 100.0;
    let wanted: [(&str, &[f64]); 5] = [
        ("orders", &[18.0, 10.0]),
        ("failed", &[6.0]),
        ("p90", &[1.0, 10.0]),
        ("none", &[]),
        ("share", &[share]),
    ];
    assert_eq!(values, wanted);
    assert_eq!(output.metric_data_results()[0].timestamps(), [minute(1), minute(2)]);
    let listed = client.list_metrics().namespace("Shop").recently_active(RecentlyActive::Pt3H);
    let filter = DimensionFilter::builder().name("TenantId").build();
    let listed = listed.dimensions(filter).send().await.unwrap();
    let names: Vec<_> = listed.metrics().iter().filter_map(Metric::metric_name).collect();
    assert_eq!(names, ["Failed", "Orders"]);
}

#[tokio::test]
async fn refusals_are_typed() {
    let server = Setup::example(&[]).start().await;
    let client = client(&server);
    let (start, end) = window();
    let call = client.get_metric_statistics().namespace("AWS/Lambda").metric_name("Errors");
    let call = call.statistics(Statistic::Sum).start_time(start).end_time(end);
    let error = call.clone().period(1).send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_parameter_combination_exception(), "{error:?}");
    assert_eq!(
        error.message(),
        Some(
            "You have requested up to 7,200 datapoints, which exceeds the limit of 1,440. You may \
             reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    );
    let error = call.period(61).send().await.unwrap_err().into_service_error();
    assert!(error.is_invalid_parameter_value_exception(), "{error:?}");
    let datum = MetricDatum::builder().metric_name("x").value(1.0).build();
    let put = client.put_metric_data().namespace("AWS/Lambda").metric_data(datum);
    let error = put.send().await.unwrap_err().into_service_error();
    assert_eq!(error.message(), Some("The value AWS/ for parameter Namespace is invalid."));
    let search = "SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum', 60)";
    let search = MetricDataQuery::builder().id("s").expression(search).build();
    let call = client.get_metric_data().start_time(start).end_time(end);
    let error = call.metric_data_queries(search).send().await.unwrap_err();
    let error = error.into_service_error();
    assert_eq!(error.code(), Some("ValidationError"));
    assert!(error.message().unwrap().contains("does not emulate the function SEARCH"));
}

async fn json_call(server: &Server, operation: &str, input: &Value) -> (u16, Value) {
    let target = format!("{TARGET}{operation}");
    let headers = [JSON, ("X-Amz-Target", &target)];
    let reply = server.post("/", &headers, input.to_string()).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn pages_of_metrics_have_500_each() {
    let server = Setup::example(&[]).start().await;
    for from in [0, 1_000] {
        let data: Vec<Value> = (from..from + 600)
            .map(|number| json!({ "MetricName": "m", "Value": 1, "Dimensions": [{ "Name": "n", "Value": format!("{number:05}") }] }))
            .collect();
        let put = json!({ "Namespace": "Many", "MetricData": data });
        assert_eq!(json_call(&server, "PutMetricData", &put).await.0, 200);
    }
    let mut input = json!({ "Namespace": "Many" });
    let mut seen = Vec::new();
    loop {
        let (status, answer) = json_call(&server, "ListMetrics", &input).await;
        assert_eq!(status, 200, "{answer}");
        let metrics = answer["Metrics"].as_array().unwrap();
        seen.extend(metrics.iter().map(|metric| metric["Dimensions"][0]["Value"].to_string()));
        assert!(metrics.len() <= 500);
        match answer.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 1_200);
    assert!(seen.is_sorted(), "each comes once and in order");
    input["NextToken"] = json!("x");
    let (status, refusal) = json_call(&server, "ListMetrics", &input).await;
    assert_eq!(status, 400);
    assert_eq!(
        refusal["__type"],
        "com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterValueException"
    );
}

#[tokio::test]
async fn a_form_is_answered_in_xml() {
    let server = Setup::example(&[]).start().await;
    let put = "Action=PutMetricData&Version=2010-08-01&Namespace=Shop\
               &MetricData.member.1.MetricName=Orders&MetricData.member.1.Value=2.5\
               &MetricData.member.1.Dimensions.member.1.Name=TenantId\
               &MetricData.member.1.Dimensions.member.1.Value=a%26b";
    let reply = server.post("/", &[FORM], put).await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().starts_with("<PutMetricDataResponse xmlns="), "{}", reply.text());
    let start = Timestamp::now() - SignedDuration::from_hours(1);
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let get = format!(
        "Action=GetMetricStatistics&Namespace=Shop&MetricName=Orders&Period=86400\
         &StartTime={start}&EndTime={end}&Statistics.member.1=Sum&Statistics.member.2=Maximum\
         &Dimensions.member.1.Name=TenantId&Dimensions.member.1.Value=a%26b"
    );
    let reply = server.post("/", &[FORM], get).await;
    let text = reply.text();
    assert!(text.contains("<Sum>2.5</Sum><Maximum>2.5</Maximum><Unit>None</Unit>"), "{text}");
    let reply = server.post("/", &[FORM], "Action=ListMetrics&Namespace=Shop").await;
    assert!(reply.text().contains("<Value>a&amp;b</Value>"), "{}", reply.text());
    let reply = server.post("/", &[FORM], "Action=GetMetricStatistics").await;
    assert_eq!(reply.status, 400);
    let text = reply.text();
    assert!(text.contains("<Code>MissingParameter</Code>"), "{text}");
    assert!(text.contains("<Message>The parameter Namespace is required.</Message>"), "{text}");
}

#[tokio::test]
async fn a_post_that_is_no_call_to_cloudwatch_is_not_found() {
    let server = Setup::example(&[]).start().await;
    assert_eq!(server.post("/", &[], "{}").await.status, 404);
    assert_eq!(server.post("/", &[FORM], "a=b").await.status, 404);
    let (status, refusal) = json_call(&server, "PutDashboard", &json!({})).await;
    assert_eq!(status, 400);
    assert!(refusal["message"].as_str().unwrap().contains("does not emulate PutDashboard"));
    let origin = [FORM, ("Origin", "https://evil.example")];
    assert_eq!(server.post("/", &origin, "Action=ListMetrics").await.status, 403);
}

#[tokio::test]
async fn bodies_may_be_compressed_and_are_limited() {
    use std::io::Write as _;
    let server = Setup::example(&[]).start().await;
    let target = format!("{TARGET}PutMetricData");
    let headers = [JSON, ("X-Amz-Target", &*target), ("Content-Encoding", "gzip")];
    let compressed = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    let put = json!({ "Namespace": "Shop", "MetricData": [{ "MetricName": "x", "Value": 1 }] });
    let reply = server.post("/", &headers, compressed(&put.to_string())).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let bomb = format!("{}{put}", " ".repeat(1024 * 1024));
    assert_eq!(server.post("/", &headers, compressed(&bomb)).await.status, 413);
    assert_eq!(server.post("/", &headers, put.to_string()).await.status, 400);
}
