//! `--remote`: the SDK's request as it is signed and sent, and every error of AWS as a sentence. The
//! stand-in for AWS is reached through `AWS_ENDPOINT_URL_LAMBDA`, as the SDKs read it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::invoke::server::{Server, nowhere, response};
use crate::invoke::{invoke, run};

/// With credentials and a Region, in a home of its own.
fn remote(folder: &Path, endpoint: &str, args: &[&str]) -> Command {
    let mut command = without_credentials(folder, args);
    command
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ENDPOINT_URL_LAMBDA", endpoint);
    command
}

fn without_credentials(folder: &Path, args: &[&str]) -> Command {
    let mut command = invoke(folder, &["--remote", "my-function"]);
    command
        .args(args)
        .env("HOME", folder)
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // A local endpoint is of no interest here, and no obstacle either.
        .env("MTL_ENDPOINT", "http://127.0.0.1:7000");
    command
}

#[test]
fn the_sdk_sends_tenant_qualifier_and_a_signature() {
    let folder = tempfile::tempdir().unwrap();
    let headers = "x-amzn-RequestId: 8f5\r\nX-Amz-Executed-Version: 7\r\n";
    let server = Server::answering(&[&response("200 OK", headers, "{\"b\":1,\"a\":2}")]);
    let args = ["--tenant-id", "a b", "--qualifier", "prod", "-p", "[1]", "-o", "json"];
    let run = run(&mut remote(folder.path(), &server.url, &args));
    assert_eq!((run.exit, &*run.stderr), (Some(0), ""));
    assert_eq!(
        run.stdout(),
        "{\"StatusCode\":200,\"ExecutedVersion\":\"7\",\"RequestId\":\"8f5\",\
         \"Payload\":{\"b\":1,\"a\":2}}\n"
    );
    let received = server.received();
    assert_eq!(
        received.line,
        "POST /2015-03-31/functions/my-function/invocations?Qualifier=prod HTTP/1.1"
    );
    assert_eq!(received.header("x-amz-tenant-id"), Some("a b"));
    assert_eq!(received.body, b"[1]");
    let signature = received.header("authorization").unwrap();
    assert!(signature.contains("/eu-west-1/lambda/aws4_request"), "{signature}");
}

#[test]
fn a_function_error_is_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let error = r#"{"errorType":"E","errorMessage":"m"}"#;
    let headers = "X-Amz-Function-Error: Unhandled\r\n";
    let server = Server::answering(&[&response("200 OK", headers, error)]);
    let run = run(&mut remote(folder.path(), &server.url, &[]));
    assert_eq!((run.exit, run.stdout()), (Some(3), &*format!("{error}\n")));
    assert_eq!(run.stderr, "error: the function returned an error (Unhandled): E: m\n");
}

#[test]
fn what_aws_refuses_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (status, error_type, message, help) in [
        (
            "400 Bad Request",
            "InvalidParameterValueException",
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in \
             your request and try again.",
            "name the tenant with `--tenant-id`",
        ),
        (
            "400 Bad Request",
            "InvalidParameterValueException",
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID \
             from your request and try again.",
            "leave `--tenant-id` out: the function has no tenant isolation",
        ),
        (
            "404 Not Found",
            "ResourceNotFoundException",
            "Function not found: arn:aws:lambda:eu-west-1:123456789012:function:my-function",
            "check its name, and that it is in `eu-west-1`; `--region` selects another Region",
        ),
        (
            "403 Forbidden",
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:user/me is not authorized",
            "ask for a policy that allows `lambda:InvokeFunction` on this function",
        ),
        (
            "403 Forbidden",
            "ExpiredTokenException",
            "The security token included in the request is expired",
            "renew the credentials, such as with `aws sso login`",
        ),
        (
            "403 Forbidden",
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z",
            "check the clock of this machine and the secret access key",
        ),
        (
            "403 Forbidden",
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "check the credentials; `aws sts get-caller-identity` tries the same ones",
        ),
        (
            "500 Internal Server Error",
            "ServiceException",
            "An error occurred and the request cannot be processed.",
            "try again, or let the SDK do that with `--retries 3`",
        ),
    ] {
        let body = json!({"Type": "User", "Message": message}).to_string();
        let headers = format!("x-amzn-ErrorType: {error_type}\r\n");
        let server = Server::answering(&[&response(status, &headers, &body)]);
        let run = run(&mut remote(folder.path(), &server.url, &[]));
        assert_eq!((run.exit, run.stdout()), (Some(1), ""), "{error_type}");
        let expected =
            format!("error: the invocation was refused ({error_type}): {message}\nhelp: {help}\n");
        assert_eq!(run.stderr, expected);
    }
}

#[test]
fn a_throttle_is_seen_at_once_unless_retries_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let body = json!({
        "Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."
    });
    let headers = "x-amzn-ErrorType: TooManyRequestsException\r\nRetry-After: 1\r\n";
    let throttle = response("429 Too Many Requests", headers, &body.to_string());
    let answer = response("200 OK", "", "1");

    let server = Server::answering(&[&throttle, &answer]);
    let throttled = run(&mut remote(folder.path(), &server.url, &[]));
    assert_eq!((throttled.exit, server.further_requests()), (Some(4), 1));
    assert_eq!(
        throttled.stderr,
        "error: the invocation was throttled (ConcurrentInvocationLimitExceeded): Rate Exceeded.\n\
         help: try again in 1 s, or let the SDK do that with `--retries 3`\n"
    );

    let server = Server::answering(&[&throttle, &answer]);
    let retried = run(&mut remote(folder.path(), &server.url, &["--retries", "1"]));
    assert_eq!((retried.exit, retried.stdout(), server.further_requests()), (Some(0), "1\n", 2));
}

#[test]
fn an_unreachable_aws_is_told_with_its_region() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&mut remote(folder.path(), &nowhere(), &["--region", "ap-northeast-1"]));
    assert_eq!((run.exit, run.stdout()), (Some(1), ""));
    let opening = "error: failed to connect to AWS Lambda in `ap-northeast-1`\n\
                   caused by: Connection refused (os error ";
    assert!(run.stderr.starts_with(opening), "{}", run.stderr);
    assert!(run.stderr.contains("\nhelp: check the network"), "{}", run.stderr);
}

#[test]
fn what_is_not_lambda_is_told_as_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(&[&response("502 Bad Gateway", "", "<h1>a proxy</h1>")]);
    let run = run(&mut remote(folder.path(), &server.url, &[]));
    assert_eq!((run.exit, run.stdout()), (Some(1), ""));
    assert_eq!(
        run.stderr,
        "error: the server answered `502 Bad Gateway` and `<h1>a proxy</h1>`\n\
         help: check AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_LAMBDA if one is set, and what is \
         between this machine and AWS\n"
    );
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let no_region = run(&mut without_credentials(folder.path(), &[]));
    assert_eq!(no_region.exit, Some(1));
    assert_eq!(
        no_region.stderr,
        "error: no AWS Region is set\nhelp: name it with `--region eu-west-1`, in AWS_REGION, or as \
         `region` of the profile\n"
    );
    let no_credentials = run(&mut without_credentials(folder.path(), &["--region", "eu-west-1"]));
    assert_eq!(no_credentials.exit, Some(1));
    let text = &no_credentials.stderr;
    assert!(text.starts_with("error: found no AWS credentials\ncaused by: no cred"), "{text}");
    assert!(text.contains("\nhelp: log in with `aws sso login`"), "{text}");
    let args = ["--region", "eu-west-1", "--profile", "absent"];
    let no_profile = run(&mut without_credentials(folder.path(), &args));
    assert_eq!(no_profile.exit, Some(1));
    let help = "help: check that the profile `absent` exists in ~/.aws/config and has credentials";
    assert!(no_profile.stderr.contains(help), "{}", no_profile.stderr);
}

#[test]
fn a_login_that_is_over_names_the_command_that_renews_it() {
    let folder = tempfile::tempdir().unwrap();
    let account = "sso_account_id = 123456789012\nsso_role_name = r\nregion = eu-west-1\n";
    let sso = "sso_region = eu-west-1\nsso_start_url = https://x.invalid/start\n";
    fs::write(
        folder.path().join("config"),
        format!(
            "[profile work]\nsso_session = s\n{account}[sso-session s]\n{sso}\
             [profile old]\n{sso}{account}"
        ),
    )
    .unwrap();
    for profile in ["work", "old"] {
        let flag = run(&mut without_credentials(folder.path(), &["--profile", profile]));
        let variable = run(without_credentials(folder.path(), &[]).env("AWS_PROFILE", profile));
        for run in [flag, variable] {
            assert_eq!((run.exit, run.stdout()), (Some(1), ""));
            assert!(run.stderr.starts_with("error: the AWS SSO login has expired\n"), "{run:?}");
            let help = format!("\nhelp: log in with `aws sso login --profile {profile}`\n");
            assert!(run.stderr.ends_with(&help), "{run:?}");
        }
    }
}

#[test]
fn credentials_that_fail_to_load_are_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("config"),
        "[profile p]\nregion = eu-west-1\ncredential_process = false\n",
    )
    .unwrap();
    let run = run(&mut without_credentials(folder.path(), &["--profile", "p"]));
    assert_eq!((run.exit, run.stdout()), (Some(1), ""));
    let opening =
        "error: failed to load AWS credentials\ncaused by: Error retrieving credentials: ";
    assert!(run.stderr.starts_with(opening), "{}", run.stderr);
    assert!(run.stderr.contains("\nhelp: check the profile in ~/.aws/config"), "{}", run.stderr);
}

#[test]
fn a_profile_on_the_command_line_goes_before_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("credentials"),
        "[other]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s\n",
    )
    .unwrap();
    let server = Server::answering(&[&response("200 OK", "", "1")]);
    let run = run(&mut remote(folder.path(), &server.url, &["--profile", "other"]));
    assert_eq!((run.exit, &*run.stderr), (Some(0), ""));
    let received = server.received();
    let signature = received.header("authorization").unwrap();
    assert!(signature.contains("Credential=AKIDPROFILE/"), "{signature}");
}
