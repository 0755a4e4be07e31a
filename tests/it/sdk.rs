//! The AWS SDK for Rust as the caller: every answer and every refusal in its own types.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::ThrottleReason;
use serde_json::{Value, json};

use crate::server::{Server, Setup};

pub(crate) fn client(server: &Server) -> Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{}", server.address))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

async fn invoke(
    client: &Client,
    tenant_id: Option<&str>,
    event: &Value,
) -> Result<InvokeOutput, SdkError<InvokeError>> {
    let call = client.invoke().function_name("function").payload(Blob::new(event.to_string()));
    call.set_tenant_id(tenant_id.map(str::to_owned)).send().await
}

fn payload(output: &InvokeOutput) -> Value {
    serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap()
}

#[tokio::test]
async fn an_answer_and_a_function_error() {
    let server = Setup::function(&[]).start().await;
    let client = client(&server);
    let output = invoke(&client, Some("alice"), &json!({ "a": 1 })).await.unwrap();
    assert_eq!((output.status_code(), output.function_error()), (200, None));
    assert_eq!(output.executed_version(), Some("$LATEST"));
    let answer = payload(&output);
    assert_eq!((&answer["event"], &answer["tenantId"]), (&json!({ "a": 1 }), &json!("alice")));
    let event = json!({ "do": "fail", "error_type": "No", "message": "never" });
    let output = invoke(&client, Some("alice"), &event).await.unwrap();
    assert_eq!((output.status_code(), output.function_error()), (200, Some("Unhandled")));
    assert_eq!(payload(&output), json!({ "errorType": "No", "errorMessage": "never" }));
}

#[tokio::test]
async fn refusals_are_typed() {
    let server = Setup::function(&[]).start().await;
    let client = client(&server);
    let missing = invoke(&client, None, &json!({})).await.unwrap_err().into_service_error();
    assert!(missing.is_invalid_parameter_value_exception(), "{missing:?}");
    let text = missing.message().unwrap();
    assert!(text.starts_with("The invoked function is enabled with tenancy"), "{text}");
    let malformed = invoke(&client, Some("bad#id"), &json!({})).await.unwrap_err();
    assert_eq!(malformed.code(), Some("ValidationException"), "{malformed:?}");
    let unknown = client.invoke().function_name("doesnotexist").tenant_id("alice").send().await;
    let unknown = unknown.unwrap_err().into_service_error();
    assert!(unknown.is_resource_not_found_exception(), "{unknown:?}");
    let no_json = client.invoke().function_name("function").tenant_id("alice");
    let no_json = no_json.payload(Blob::new("{")).send().await.unwrap_err().into_service_error();
    assert!(no_json.is_invalid_request_content_exception(), "{no_json:?}");
}

#[tokio::test]
async fn a_throttle_has_its_reason() {
    let server = Setup::function(&["--reserved-concurrency", "0"]).start().await;
    let error = invoke(&client(&server), Some("alice"), &json!({})).await.unwrap_err();
    let InvokeError::TooManyRequestsException(throttle) = error.into_service_error() else {
        panic!("no throttle");
    };
    assert_eq!(
        throttle.reason(),
        Some(&ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded)
    );
    assert!(throttle.retry_after_seconds().is_some());
}
