//! What all functions of a template share, as those of an account do: concurrent executions, the
//! reservations that are taken out of them, and environments.

use std::fs;
use std::sync::Arc;

use aws_sdk_cloudwatch::types::Statistic;
use serde_json::{Value, json};

use crate::cloudwatch::{client, eventually_sum, statistic};
use crate::function;
use crate::http::Reply;
use crate::placement::{CONCURRENCY, Held, RESERVED, throttled};
use crate::server::{Server, Setup};

/// Two functions in tenant isolation mode, of which the first has this property besides.
fn template(property: &str) -> String {
    let function = |name: &str, property: &str| {
        json!({
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": name,
                "CodeUri": ".",
                "Runtime": "provided.al2023",
                "Timeout": 20,
                "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
                property: 1,
            },
        })
    };
    json!({
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": { "One": function("one", property), "Two": function("two", "Comment") },
    })
    .to_string()
}

/// Serves both functions.
async fn serve(template: &str, options: &[&str]) -> Arc<Server> {
    Arc::new(setup(template, options).start().await)
}

fn setup(template: &str, options: &[&str]) -> Setup {
    let program = function::program();
    let commands = ["One", "Two"].map(|name| format!("{name}={}", program.display()));
    let commands = ["--command", &commands[0], "--command", &commands[1]];
    let setup = Setup::example(&[&commands, options].concat());
    fs::write(setup.path("template.yaml"), template).unwrap();
    setup
}

fn path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/invocations")
}

async fn invoke(server: &Server, function: &str, tenant_id: &str) -> Reply {
    let tenant_id = [("X-Amz-Tenant-Id", tenant_id)];
    server.post(&path(function), &tenant_id, json!({}).to_string()).await
}

async fn hold(server: &Arc<Server>, function: &str) -> Held {
    Held::start_at(server, &path(function), "alice", function).await
}

#[tokio::test]
async fn functions_share_the_concurrency_of_the_account() {
    let server = serve(&template("Comment"), &["--concurrency", "2"]).await;
    let one = hold(&server, "one").await;
    let two = hold(&server, "two").await;
    throttled(&invoke(&server, "one", "bob").await, CONCURRENCY);
    throttled(&invoke(&server, "two", "bob").await, CONCURRENCY);
    one.release().await;
    invoke(&server, "two", "bob").await.answer();
    two.release().await;
}

#[tokio::test]
async fn one_call_after_the_other_needs_no_more_than_one_whichever_function_it_is_for() {
    let server = serve(&template("Comment"), &["--concurrency", "1"]).await;
    for _ in 0..50 {
        invoke(&server, "one", "alice").await.answer();
        invoke(&server, "two", "alice").await.answer();
    }
}

#[tokio::test]
async fn what_is_reserved_for_a_function_is_not_there_for_the_others() {
    let template = template("ReservedConcurrentExecutions");
    let server = serve(&template, &["--concurrency", "2"]).await;
    let two = hold(&server, "two").await;
    throttled(&invoke(&server, "two", "bob").await, CONCURRENCY);
    let one = hold(&server, "one").await;
    throttled(&invoke(&server, "one", "bob").await, RESERVED);
    two.release().await;
    throttled(&invoke(&server, "one", "bob").await, RESERVED);
    one.release().await;
    invoke(&server, "one", "bob").await.answer();
}

#[tokio::test]
async fn functions_that_nothing_is_left_for_are_named_at_the_start() {
    let template = template("ReservedConcurrentExecutions");
    let server = serve(&template, &["--concurrency", "1"]).await;
    throttled(&invoke(&server, "two", "alice").await, CONCURRENCY);
    invoke(&server, "one", "alice").await.answer();
    let said = server.stderr();
    let warning = "all 1 concurrent executions of the account are reserved, so every invocation of \
                   two is throttled";
    assert!(said.contains(warning), "{said}");
}

#[tokio::test]
async fn a_ceiling_of_environments_is_one_for_all_functions() {
    let server = serve(&template("Comment"), &["--max-environments", "1"]).await;
    invoke(&server, "one", "alice").await.answer();
    throttled(&invoke(&server, "two", "alice").await, CONCURRENCY);
    invoke(&server, "one", "alice").await.answer();
}

#[tokio::test]
async fn the_limit_of_open_files_is_one_for_all_functions() {
    // 64 are for mtl itself, and seven for each environment.
    let setup = setup(&template("Comment"), &[]).open_files(64 + 2 * 7);
    let server = setup.start().await;
    invoke(&server, "one", "alice").await.answer();
    invoke(&server, "two", "alice").await.answer();
    throttled(&invoke(&server, "one", "bob").await, CONCURRENCY);
    throttled(&invoke(&server, "two", "bob").await, CONCURRENCY);
    let warning = "at most 2 environments can exist instead of 2500";
    assert!(server.stderr().contains(warning), "{}", server.stderr());
}

#[tokio::test]
async fn functions_share_two_and_a_half_environments_for_each_concurrent_execution() {
    let server = serve(&template("Comment"), &["--concurrency", "1"]).await;
    for (function, tenant_id) in [("one", "a"), ("two", "a"), ("one", "b")] {
        invoke(&server, function, tenant_id).await.answer();
    }
    throttled(&invoke(&server, "two", "b").await, CONCURRENCY);
    let again: Value = invoke(&server, "one", "a").await.answer();
    assert_eq!(again["count"], 2);
}

#[tokio::test]
async fn the_concurrency_of_the_account_is_that_of_all_functions() {
    let server = serve(&template("Comment"), &[]).await;
    let one = hold(&server, "one").await;
    let two = hold(&server, "two").await;
    one.release().await;
    two.release().await;
    let client = client(&server);
    eventually_sum(&client, ("AWS/Lambda", "Invocations"), &[], 2.0).await;
    for (dimensions, most) in [(&[][..], 2.0), (&[("FunctionName", "two")], 1.0)] {
        let metric = ("AWS/Lambda", "ConcurrentExecutions");
        let found = statistic(&client, metric, dimensions, Statistic::Maximum).await;
        assert_eq!(found, Some(most), "{dimensions:?}");
    }
}
