//! The built-in example function, as a newcomer meets it in the first minute.

use serde_json::{Value, json};

use crate::server::{INVOCATIONS, Setup};

const GATEWAY_EVENT: &str = r#"{"httpMethod":"GET","path":"/","requestContext":{"stage":"Prod"}}"#;

#[tokio::test]
async fn the_first_minute() {
    let server = Setup::example(&[]).start().await;
    let first = server.invoke("alice", &json!({})).await;
    let tracker = first.answer();
    let time = tracker["firstRequest"].as_str().unwrap();
    assert_eq!(
        first.text(),
        format!(
            r#"{{"tenantID":"alice","requestCount":1,"firstRequest":"{time}","requests":[{{"requestNumber":1,"timestamp":"{time}"}}]}}"#
        )
    );
    let (seconds, decimals) = time.split_once('.').unwrap();
    assert!(seconds.parse::<u64>().is_ok() && decimals.len() == 6, "{time}");
    assert_eq!(server.answer("alice", &json!({})).await["requestCount"], 2);
    assert_eq!(server.answer("bob", &json!({})).await["requestCount"], 1);
    let third = server.answer("alice", &json!({})).await;
    assert_eq!((&third["requestCount"], &third["firstRequest"]), (&json!(3), &json!(time)));
    server.wait_for_stdout("request 3 of tenant alice\n").await;
}

#[tokio::test]
async fn the_curl_call_of_the_swift_example() {
    let server = Setup::example(&[]).start().await;
    let headers =
        [("Content-Type", "application/json"), ("Lambda-Runtime-Aws-Tenant-Id", "tenant-123")];
    let reply = server.post("/invoke", &headers, r#"{"message" : "hello"}"#).await;
    assert_eq!(reply.status, 202);
    let tracker = reply.json();
    assert_eq!(tracker["tenantID"], "tenant-123");
    assert_eq!(tracker["requests"][0]["message"], "hello");
}

#[tokio::test]
async fn a_gateway_gets_a_proxy_response() {
    let server = Setup::example(&[]).start().await;
    let event: Value = serde_json::from_str(GATEWAY_EVENT).unwrap();
    let response = server.answer("alice", &event).await;
    assert_eq!(response["statusCode"], 200);
    assert_eq!(response["headers"], json!({ "content-type": "application/json" }));
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["tenantID"], &body["requestCount"]), (&json!("alice"), &json!(1)));
}

#[tokio::test]
async fn without_a_tenant_there_is_no_tracker() {
    let server = Setup::example(&["--tenant-isolation-mode", "NONE"]).start().await;
    let error = json!({ "errorType": "TenantError", "errorMessage": "missingTenantID" });
    assert_eq!(server.invoke_without_tenant(&json!({})).await.function_error(), error);
    let plain = server.post("/invoke", &[], "{}").await;
    assert_eq!((plain.status, plain.json()), (500, error));
    let gateway = server.post(INVOCATIONS, &[], GATEWAY_EVENT).await.answer();
    assert_eq!(gateway, json!({ "statusCode": 400, "body": "No Tenant ID provided" }));
}
