//! What the function finds in its environment: what Lambda sets, what the user's shell has, and what
//! the options say, each overriding the one before it as documented.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::server::Setup;
use crate::wait;

/// All variables of the function of a tenant.
async fn variables(setup: Setup) -> (crate::server::Server, Value) {
    let server = setup.start().await;
    let variables =
        server.answer("tenant-zx81", &json!({ "env": "all" })).await["variables"].take();
    (server, variables)
}

#[tokio::test]
async fn lambda_sets_what_runtimes_need() {
    let options = ["--function-name", "orders", "--memory-size", "256", "--region", "eu-west-1"];
    let server = Setup::function(&options).start().await;
    let path = "/2015-03-31/functions/orders/invocations";
    let reply = server.post(path, &[("X-Amz-Tenant-Id", "alice")], r#"{"env":"all"}"#).await;
    let answer = reply.answer();
    let variables = &answer["variables"];
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "orders"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/orders"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("TZ", ":UTC"),
    ] {
        assert_eq!(variables[name], value, "{name}");
    }
    assert!(answer["arn"].as_str().unwrap().starts_with("arn:aws:lambda:eu-west-1:"));
    let api = variables["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap();
    let port = api.strip_prefix("127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().is_ok(), "{api}");
    let stream = variables["AWS_LAMBDA_LOG_STREAM_NAME"].as_str().unwrap();
    let (date, id) = stream.split_once("/[$LATEST]").unwrap();
    assert_eq!(date.len(), "2026/11/22".len(), "{stream}");
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{stream}");
    let folder = server.folder().canonicalize().unwrap();
    assert_eq!(Path::new(answer["directory"].as_str().unwrap()), folder);
    let root = Path::new(variables["LAMBDA_TASK_ROOT"].as_str().unwrap());
    assert_eq!(root.canonicalize().unwrap(), folder);
}

#[tokio::test]
async fn the_tenant_is_in_no_variable() {
    let (_server, variables) = variables(Setup::function(&[])).await;
    for (name, value) in variables.as_object().unwrap() {
        assert!(!format!("{name}={value}").contains("zx81"), "{name}={value}");
    }
}

#[tokio::test]
async fn the_shells_environment_passes_less_what_would_mislead() {
    let setup = Setup::function(&[])
        .env("VIRTUAL_ENV", "/venv")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("HTTPS_PROXY", "http://proxy.example:3128")
        .env("MTL_ANYTHING", "1")
        .env("LOCAL_LAMBDA_ANYTHING", "1")
        .env("AWS_LAMBDA_MAX_CONCURRENCY", "8")
        .env("_LAMBDA_SERVER_PORT", "1")
        .env("AWS_LAMBDA_FUNCTION_NAME", "of-another-function");
    let (_server, variables) = variables(setup).await;
    assert_eq!(variables["VIRTUAL_ENV"], "/venv");
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "AKIDEXAMPLE");
    assert_eq!(variables["HTTPS_PROXY"], "http://proxy.example:3128");
    assert_eq!(variables["PATH"], std::env::var("PATH").unwrap());
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "function");
    for absent in [
        "MTL_ANYTHING",
        "LOCAL_LAMBDA_ANYTHING",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "_LAMBDA_SERVER_PORT",
    ] {
        assert_eq!(variables.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn an_option_overrides_the_file_and_lambda_overrides_both() {
    let options = ["--env-file", "variables", "--env", "B=option", "--env", "C=a=b", "--env", "E="];
    let setup = Setup::function(&options).env("A", "shell").env("D", "shell");
    let file = "# a comment\nA=file\nB=file\nAWS_LAMBDA_FUNCTION_NAME=file\n";
    fs::write(setup.path("variables"), file).unwrap();
    let (_server, variables) = variables(setup).await;
    for (name, value) in [("A", "file"), ("B", "option"), ("C", "a=b"), ("D", "shell"), ("E", "")] {
        assert_eq!(variables[name], value, "{name}");
    }
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "function");
}

#[tokio::test]
async fn stdin_is_empty() {
    let server = Setup::function(&["--timeout", "5s"]).start().await;
    let answer = server.answer("alice", &json!({ "do": "read-stdin" })).await;
    assert_eq!(answer["result"]["stdin"], "");
}

#[tokio::test]
async fn each_environment_has_a_temporary_folder_that_goes_with_it() {
    let server = Setup::function(&["--idle-timeout", "500ms"]).start().await;
    let mut folders = Vec::new();
    for tenant_id in ["alice", "bob"] {
        let answer = server.answer(tenant_id, &json!({ "env": ["TMPDIR"] })).await;
        let folder = answer["variables"]["TMPDIR"].as_str().unwrap().to_owned();
        fs::write(Path::new(&folder).join("left-behind"), "").unwrap();
        folders.push(folder);
    }
    assert_ne!(folders[0], folders[1]);
    for folder in folders {
        wait::eventually("the folder is gone", || !Path::new(&folder).exists()).await;
    }
}
