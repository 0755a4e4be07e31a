//! A function's own calls to Lambda: they come to mtl, unless the user says otherwise.

use serde_json::{Value, json};

use crate::server::{Server, Setup};

const NAMES: [&str; 4] = [
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
];

/// The function without any credentials in files.
fn setup(options: &[&str]) -> Setup {
    let setup = Setup::function(&[&["--timeout", "20s"], options].concat());
    setup.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
}

async fn variables(server: &Server) -> Value {
    server.answer("alice", &json!({ "env": NAMES })).await["variables"].take()
}

#[tokio::test]
async fn the_function_is_pointed_at_mtl_and_can_sign() {
    let elsewhere = "http://elsewhere.example";
    let server = setup(&[]).env("AWS_ENDPOINT_URL_LAMBDA", elsewhere).start().await;
    assert_eq!(
        variables(&server).await,
        json!({
            "AWS_ENDPOINT_URL_LAMBDA": format!("http://{}", server.address),
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_ACCESS_KEY_ID": "mtl-placeholder",
            "AWS_SECRET_ACCESS_KEY": "mtl-placeholder",
        })
    );
}

#[tokio::test]
async fn every_interface_is_reached_through_loopback() {
    let server = setup(&["--host", "0.0.0.0"]).start().await;
    let url = format!("http://127.0.0.1:{}", server.address.port());
    assert_eq!(variables(&server).await["AWS_ENDPOINT_URL_LAMBDA"], url);
}

#[tokio::test]
async fn credentials_that_are_there_are_not_replaced() {
    let server = setup(&[]).env("AWS_PROFILE", "dev").start().await;
    assert_eq!(variables(&server).await.get("AWS_ACCESS_KEY_ID"), None);
    let server = setup(&["--env", "AWS_ACCESS_KEY_ID=AKID"]).start().await;
    let variables = variables(&server).await;
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "AKID");
    assert_eq!(variables.get("AWS_SECRET_ACCESS_KEY"), None);
}

#[tokio::test]
async fn an_option_says_otherwise() {
    let server = setup(&["--no-local-endpoints"]).start().await;
    assert_eq!(variables(&server).await, json!({}));
    let url = "AWS_ENDPOINT_URL_LAMBDA=http://elsewhere.example";
    let server = setup(&["--env", url]).start().await;
    assert_eq!(variables(&server).await["AWS_ENDPOINT_URL_LAMBDA"], "http://elsewhere.example");
}

#[tokio::test]
async fn a_function_invokes_itself_for_another_tenant() {
    let server = setup(&[]).start().await;
    let event = json!({ "do": "invoke", "tenant_id": "bob", "event": { "order": 7 } });
    let answer = server.answer("alice", &event).await;
    let inner = &answer["result"];
    assert_eq!(inner["status"], 200, "{answer}");
    assert_eq!(inner["body"]["event"], json!({ "order": 7 }));
    assert_eq!(inner["body"]["tenants"], json!(["bob"]));
    assert_eq!(answer["tenants"], json!(["alice"]));
    assert_ne!(inner["body"]["pid"], answer["pid"]);
}

#[tokio::test]
async fn a_router_invokes_a_function_of_another_server_for_a_tenant() {
    let isolated = setup(&[]).start().await;
    let url = format!("AWS_ENDPOINT_URL_LAMBDA=http://{}", isolated.address);
    let router = setup(&["--tenant-isolation-mode", "NONE", "--env", &url]).start().await;
    for (tenant_id, count) in [("alice", 1), ("bob", 1), ("alice", 2)] {
        let event = json!({ "do": "invoke", "tenant_id": tenant_id, "event": {} });
        let answer = router.invoke_without_tenant(&event).await.answer();
        let inner = &answer["result"]["body"];
        assert_eq!((&inner["tenantId"], &inner["count"]), (&json!(tenant_id), &json!(count)));
    }
}
