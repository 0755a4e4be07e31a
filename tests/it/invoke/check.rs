//! `mtl invoke --check`, against a server that is set up well and ones that are not.

use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::server::{Server, Setup};

async fn check(server: &Server, arguments: &[&str]) -> Output {
    let endpoint = format!("http://{}", server.address);
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["invoke", "--check"]).args(arguments);
    for name in ["MTL_ENDPOINT", "MTL_FUNCTION", "MTL_REMOTE", "AWS_PROFILE"] {
        mtl.env_remove(name);
    }
    if arguments.contains(&"--remote") {
        mtl.env("AWS_ENDPOINT_URL_LAMBDA", endpoint)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1");
    } else {
        mtl.args(["--endpoint", &endpoint]);
    }
    mtl.output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_function_that_is_set_up_well_is_told_so_on_aws_and_here() {
    let server = Setup::example(&["--log-format", "json"]).start().await;
    for place in [&[][..], &["--remote", "function"]] {
        let output = check(&server, place).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stdout),
            "ok       tenant isolation is on (PER_TENANT)\n\
             ok       logs are JSON with the tenant id, at the system log level INFO\n\
             ok       at most 2500 environments, active or idle: 2.5 for each of the 1000 \
             concurrent executions of the account\n"
        );
    }
}

#[tokio::test]
async fn what_would_surprise_is_an_error() {
    let options = ["--tenant-isolation-mode", "NONE", "--concurrency", "10"];
    let server = Setup::example(&options).start().await;
    let output = check(&server, &["-o", "json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(findings.iter().all(|finding| finding["ok"] == false), "{findings:?}");
    assert!(findings[0]["help"].as_str().unwrap().contains("TenancyConfig"), "{findings:?}");
    let said = text(&output.stderr);
    assert_eq!(said, "error: 3 things are not as a multi-tenant function needs it\n");
}

#[tokio::test]
async fn a_function_that_is_not_there_has_no_set_up() {
    let server = Setup::example(&[]).start().await;
    let output = check(&server, &["absent"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("ResourceNotFoundException"), "{said}");
}
