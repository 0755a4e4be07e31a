//! Powertools for AWS Lambda, which most functions use: its logger and its metrics, in both languages.

use serde_json::{Value, json};

use crate::handlers::{call, folder_with_packages, serve};
use crate::mtl::{Invoked, Server, invoke};
use crate::provision::tools;

const PYTHON: &str = r#"
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="shop")
metrics = Metrics(namespace="Shop", service="shop")

@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    logger.info("ordered")
    metrics.add_dimension(name="TenantId", value=context.tenant_id)
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=2)
    return {"tenant": context.tenant_id}
"#;

const NODE: &str = r#"
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";

const logger = new Logger({ serviceName: "shop" });
const metrics = new Metrics({ namespace: "Shop", serviceName: "shop" });

export const handler = async (event, context) => {
  logger.addContext(context);
  logger.info("ordered");
  metrics.addDimension("TenantId", context.tenantId);
  metrics.addMetric("Orders", MetricUnit.Count, 2);
  metrics.publishStoredMetrics();
  return { tenant: context.tenantId };
};
"#;

/// The function's own metric, as `mtl metrics` shows it.
fn orders(server: &Server) -> Invoked {
    let mut command = crate::mtl::isolated(env!("CARGO_BIN_EXE_mtl"));
    command.args(["metrics", "--endpoint", &server.endpoint, "--namespace", "Shop"]);
    let output = command.args(["--metric", "Orders", "-o", "json"]).output();
    let output = output.expect("mtl can be started");
    Invoked {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The function logs in its context, and its metric is in CloudWatch under its tenant.
fn works(server: &Server) {
    let answer = call(server, &json!({}), &["--log"]);
    assert_eq!(answer.answer(), json!({ "tenant": "a b" }));
    let line = answer.stderr.lines().find(|line| line.contains("\"ordered\""));
    let line: Value = serde_json::from_str(line.expect("it was logged")).expect("it is JSON");
    assert_eq!(line["service"], "shop");
    assert_eq!(line["function_name"], "function");
    let shown = orders(server);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("\"a b\""), "{shown:?}");
}

#[test]
fn powertools_for_python_logs_and_measures() {
    let python = tools().python();
    let folder = python.parent().expect("a program is in a folder");
    works(&serve(("app.py", PYTHON), &["--handler", "app.handler"], Some(folder)));
}

#[test]
fn powertools_for_node_logs_and_measures() {
    for packages in [&["@aws-lambda-powertools"][..], &["@aws-lambda-powertools", "aws-lambda-ric"]]
    {
        let folder = folder_with_packages(("index.mjs", NODE), packages);
        works(&Server::start(folder, &["--handler", "index.handler"], None));
    }
}

/// Code inside a template, with the check of an event that a Python function would make.
const INLINE: &str = r#"
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: |
        import json
        from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
        def handler(event, context):
            event = APIGatewayProxyEvent(event)
            seen = [
                event.http_method, event.path, event.resource,
                event.query_string_parameters, event.path_parameters["proxy"],
                event.headers["x-custom"], event.multi_value_query_string_parameters["q"],
                event.request_context.stage, event.request_context.identity.source_ip,
                event.json_body, context.tenant_id,
            ]
            return {"statusCode": 200, "body": json.dumps(seen)}
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
"#;

#[test]
fn an_event_of_the_api_is_what_powertools_expects() {
    let python = tools().python();
    let folder = crate::handlers::folder_with(("template.yaml", INLINE));
    let arguments = ["--api-port", "0", "--tenant-from", "header:x-tenant"];
    let server = Server::start(folder, &arguments, python.parent());
    let api = server.process.stderr.wait_for("address of the API", |said| {
        let ready = said.lines().find(|line| line.starts_with("mtl: ready"))?;
        ready.split_whitespace().nth(3).map(str::to_owned)
    });
    let url = format!("{api}/Prod/a/b?q=1&q=2");
    let mut curl = std::process::Command::new("curl");
    curl.args(["-s", "-H", "x-tenant: alice", "-H", "x-custom: yes", "-d", r#"{"n":1}"#, &url]);
    let output = curl.output().expect("curl can be started");
    let seen: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)));
    let expected = json!([
        "POST", "/a/b", "/{proxy+}", { "q": "2" }, "a/b", "yes", ["1", "2"], "Prod", "127.0.0.1",
        { "n": 1 }, "alice",
    ]);
    assert_eq!(seen, expected);
}

/// A function that keeps its data in one database and forgets the tenant in the key.
const FORGETFUL: &str = r#"
import sqlite3

def handler(event, context):
    with sqlite3.connect("data.sqlite", timeout=30) as data:
        data.execute("CREATE TABLE IF NOT EXISTS notes (id TEXT PRIMARY KEY, note TEXT)")
        row = data.execute("SELECT note FROM notes WHERE id = 'latest'").fetchone()
        data.execute("INSERT OR REPLACE INTO notes VALUES ('latest', ?)", (event["note"],))
    return {"before": row[0] if row else None}
"#;

#[test]
fn data_of_another_tenant_in_one_database_is_found() {
    let server = serve(("app.py", FORGETFUL), &["--handler", "app.handler"], None);
    let payload = r#"{"note": "{{secret}}"}"#;
    let load =
        ["--endpoint", &server.endpoint, "-n", "6", "-c", "1", "-p", payload, "--leak-check"];
    let tenants = ["--tenant-id", "alice", "--tenant-id", "bob", "-o", "json"];
    let checked = invoke(&[&load[..], &tenants].concat(), &[]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let report = checked.json();
    assert_eq!(report["isolation"], "isolated", "the processes are apart");
    for (owner, other) in [("alice", "bob"), ("bob", "alice")] {
        let leak = json!({ "secretOf": owner, "seenBy": other, "where": "answer" });
        assert!(report["leaks"].as_array().is_some_and(|it| it.contains(&leak)), "{report}");
    }
    assert!(checked.stderr.contains("saw a secret of"), "{checked:?}");
}

#[test]
fn a_function_knows_its_managed_runtime() {
    let app =
        "import os\ndef handler(event, context):\n    return os.environ['AWS_EXECUTION_ENV']\n";
    let of = |options: &[&str]| {
        let arguments = [&["--handler", "app.handler"], options].concat();
        let server = serve(("app.py", app), &arguments, None);
        let endpoint = server.endpoint.clone();
        invoke(&["--endpoint", &endpoint, "--tenant-id", "t"], &[]).answer()
    };
    assert_eq!(of(&["--runtime", "python3.13"]), "AWS_Lambda_python3.13");
    let found = of(&[]);
    assert!(found.as_str().is_some_and(|it| it.starts_with("AWS_Lambda_python3.")), "{found}");
}
