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
