//! What is served, told through the AWS SDK for Rust: every read-only call in its own types, the
//! waiters, and the refusal of whatever would change it.

use aws_sdk_lambda::client::Waiters as _;
use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, FunctionCode, FunctionConfiguration, FunctionVersion, LastUpdateStatus,
    LogFormat, PackageType, Runtime, State, TenantIsolationMode,
};
use serde_json::json;

use crate::sdk::client;
use crate::server::{Server, Setup};
use crate::wait::DEADLINE;

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:orders";

async fn orders(options: &[&str]) -> Server {
    let all = ["--function-name", "orders", "--region", "eu-west-1"];
    Setup::example(&[&all, options].concat()).start().await
}

async fn configuration(server: &Server) -> FunctionConfiguration {
    let output = client(server).get_function().function_name("orders").send().await;
    output.unwrap().configuration().unwrap().clone()
}

#[tokio::test]
async fn the_configuration_is_that_of_the_command_line() {
    let variables = ["--env", "TABLE=first", "--env", "TABLE=orders", "--env", "EMPTY="];
    let options = ["--timeout", "2500ms", "--memory-size", "256", "--architecture", "arm64"];
    let server = orders(&[&variables[..], &options].concat()).await;
    let told = configuration(&server).await;
    assert_eq!(told.function_name(), Some("orders"));
    assert_eq!(told.function_arn(), Some(ARN));
    assert_eq!(told.version(), Some("$LATEST"));
    assert_eq!((told.timeout(), told.memory_size()), (Some(3), Some(256)));
    assert_eq!(told.architectures(), [Architecture::Arm64]);
    assert_eq!(told.runtime(), Some(&Runtime::Providedal2023));
    assert_eq!(told.package_type(), Some(&PackageType::Zip));
    let variables = told.environment().unwrap().variables().unwrap();
    assert_eq!(serde_json::to_value(variables).unwrap(), json!({ "TABLE": "orders", "EMPTY": "" }));
    assert_eq!(told.state(), Some(&State::Active));
    assert_eq!(told.last_update_status(), Some(&LastUpdateStatus::Successful));
    let tenancy = told.tenancy_config().unwrap();
    assert_eq!(tenancy.tenant_isolation_mode(), &TenantIsolationMode::PerTenant);
    let logging = told.logging_config().unwrap();
    assert_eq!(logging.log_format(), Some(&LogFormat::Text));
    assert_eq!(logging.log_group(), Some("/aws/lambda/orders"));
    assert!(told.role().unwrap().starts_with("arn:aws:iam::123456789012:role/"));
    assert_eq!(told.last_modified().unwrap().len(), "2026-11-22T00:00:00.000+0000".len());
    assert_eq!(told.revision_id().unwrap().len(), 36);
    assert_eq!(configuration(&server).await, told, "nothing changes between two calls");
}

#[tokio::test]
async fn what_is_not_configured_is_absent() {
    let server = orders(&["--tenant-isolation-mode", "NONE", "--log-format", "json"]).await;
    let told = configuration(&server).await;
    assert!(told.tenancy_config().is_none() && told.environment().is_none(), "{told:?}");
    assert_eq!((told.timeout(), told.memory_size()), (Some(3), Some(128)));
    assert_eq!(told.logging_config().unwrap().log_format(), Some(&LogFormat::Json));
    let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    assert_eq!(told.architectures(), [Architecture::from(here)]);
    let concurrency = client(&server).get_function_concurrency().function_name("orders");
    assert_eq!(concurrency.send().await.unwrap().reserved_concurrent_executions(), None);
    let function = client(&server).get_function().function_name("orders").send().await.unwrap();
    assert!(function.concurrency().is_none(), "{function:?}");
    assert_eq!(function.code().unwrap().location(), None);
}

#[tokio::test]
async fn a_named_version_is_in_the_arn() {
    let server = orders(&[]).await;
    for (name, qualifier, arn) in [
        ("orders", None, ARN.to_owned()),
        ("function", None, ARN.to_owned()),
        (ARN, None, ARN.to_owned()),
        ("orders:$LATEST", None, format!("{ARN}:$LATEST")),
        ("orders", Some("$LATEST"), format!("{ARN}:$LATEST")),
    ] {
        let call = client(&server).get_function_configuration().function_name(name);
        let told = call.set_qualifier(qualifier.map(str::to_owned)).send().await.unwrap();
        assert_eq!(told.function_arn(), Some(arn.as_str()), "{name} {qualifier:?}");
    }
}

#[tokio::test]
async fn another_function_is_not_found_and_a_wrong_name_is_invalid() {
    let server = orders(&[]).await;
    let client = client(&server);
    let unknown = client.get_function().function_name("carts").send().await.unwrap_err();
    let unknown = unknown.into_service_error();
    assert!(unknown.is_resource_not_found_exception(), "{unknown:?}");
    let message = format!("Function not found: {}", ARN.replace("orders", "carts"));
    assert_eq!(unknown.message(), Some(message.as_str()));
    let unknown = client.get_function_concurrency().function_name("carts").send().await;
    assert!(unknown.unwrap_err().into_service_error().is_resource_not_found_exception());
    let version = client.get_function_configuration().function_name("orders").qualifier("7");
    let version = version.send().await.unwrap_err().into_service_error();
    assert_eq!(version.message(), Some(format!("Function not found: {ARN}:7").as_str()));
    let invalid = client.get_function().function_name("no such").send().await.unwrap_err();
    assert_eq!(invalid.code(), Some("ValidationException"));
}

#[tokio::test]
async fn all_functions_are_one_page() {
    let server = orders(&[]).await;
    let client = client(&server);
    let mut pages = client.list_functions().into_paginator().page_size(1).send();
    let page = pages.next().await.unwrap().unwrap();
    let [function] = page.functions() else { panic!("{page:?}") };
    assert_eq!((function.function_arn(), function.state()), (Some(ARN), None));
    assert!(function.tenancy_config().is_some());
    assert!(pages.next().await.is_none());
    let versions = client.list_functions().function_version(FunctionVersion::All).send().await;
    let qualified = format!("{ARN}:$LATEST");
    assert_eq!(versions.unwrap().functions()[0].function_arn(), Some(qualified.as_str()));
    let none = client.list_functions().max_items(0).send().await.unwrap_err();
    assert_eq!(none.code(), Some("ValidationException"), "{none:?}");
    let marker = client.list_functions().marker("x").send().await.unwrap_err();
    assert!(marker.into_service_error().is_invalid_parameter_value_exception());
}

#[tokio::test]
async fn the_limits_of_the_account_are_those_of_the_options() {
    let server = orders(&["--concurrency", "50", "--reserved-concurrency", "20"]).await;
    let client = client(&server);
    let settings = client.get_account_settings().send().await.unwrap();
    let limit = settings.account_limit().unwrap();
    assert_eq!(limit.concurrent_executions(), 50);
    assert_eq!(limit.unreserved_concurrent_executions(), Some(30));
    assert_eq!(settings.account_usage().unwrap().function_count(), 1);
    let concurrency = client.get_function_concurrency().function_name("orders").send().await;
    assert_eq!(concurrency.unwrap().reserved_concurrent_executions(), Some(20));
    let function = client.get_function().function_name("orders").send().await.unwrap();
    let concurrency = function.concurrency().unwrap();
    assert_eq!(concurrency.reserved_concurrent_executions(), Some(20));
}

#[tokio::test]
async fn the_waiters_see_a_function_that_is_ready() {
    let server = orders(&[]).await;
    let client = client(&server);
    macro_rules! wait {
        ($($waiter:ident),*) => {$(
            let done = client.$waiter().function_name("orders").wait(DEADLINE).await.unwrap();
            assert!(done.as_result().is_ok(), "{done:?}");
        )*};
    }
    wait!(
        wait_until_function_exists,
        wait_until_function_active,
        wait_until_function_active_v2,
        wait_until_function_updated,
        wait_until_function_updated_v2
    );
}

#[tokio::test]
async fn whatever_would_change_the_function_is_refused() {
    let server = orders(&[]).await;
    let client = client(&server);
    let code = FunctionCode::builder().zip_file(Blob::new(vec![0; 1_000_000])).build();
    let create = client.create_function().function_name("f").role("arn:aws:iam::1:role/r");
    let create = create.code(code).send().await.unwrap_err().into_service_error();
    assert!(create.is_invalid_parameter_value_exception(), "{create:?}");
    assert_eq!(
        create.message().unwrap(),
        "mtl does not emulate POST /2015-03-31/functions. It serves what its command line says, \
         and no call changes that: start mtl serve with other options instead."
    );
    macro_rules! refused {
        ($($call:expr),* $(,)?) => {$(
            let error = $call.send().await.unwrap_err().into_service_error();
            assert!(error.is_invalid_parameter_value_exception(), "{error:?}");
        )*};
    }
    refused!(
        client.update_function_code().function_name("orders").zip_file(Blob::new("zip")),
        client.update_function_configuration().function_name("orders").timeout(9),
        client.delete_function().function_name("orders"),
        client.put_function_concurrency().function_name("orders").reserved_concurrent_executions(1),
        client.delete_function_concurrency().function_name("orders"),
        client.publish_version().function_name("orders"),
        client.tag_resource().resource(ARN).tags("k", "v"),
        client.get_policy().function_name("orders"),
    );
    let permission = client.add_permission().function_name("orders").statement_id("s");
    refused!(permission.action("lambda:InvokeFunction").principal("*"));
    assert_eq!(configuration(&server).await.timeout(), Some(3));
}
