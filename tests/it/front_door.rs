//! The endpoint: the AWS route with its refusals, the plain route that stands in for the Swift local
//! server, and who may call at all.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http::{Reply, request, send};
use crate::server::{INVOCATIONS, Server, Setup};

const ALICE: (&str, &str) = ("X-Amz-Tenant-Id", "alice");
const MISSING_TENANT: &str = "The invoked function is enabled with tenancy configuration. \
                              Add a valid tenant ID in your request and try again.";
const NEEDLESS_TENANT: &str = "The invoked function is not enabled with tenancy configuration. \
                               Remove the tenant ID from your request and try again.";

async fn raw() -> Server {
    Setup::raw(&["--timeout", "5s"]).start().await
}

/// What `/next` delivered, as the function reports it.
fn next(reply: &Reply) -> Value {
    reply.json()["next"].take()
}

fn values(next: &Value, name: &str) -> Vec<String> {
    let headers = next["headers"].as_array().unwrap();
    let named = headers.iter().filter(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name));
    named.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

async fn call(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    send(server.address, request(server.address, method, path, headers, "{}")).await
}

#[tokio::test]
async fn the_aws_route_answers_as_lambda_does() {
    let server = raw().await;
    let reply = server.post(INVOCATIONS, &[ALICE], "").await;
    assert_eq!(next(&reply)["body"], "{}", "an empty payload is an empty event");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("x-amz-executed-version"), "$LATEST");
    assert_eq!(reply.header("x-amzn-requestid").len(), 36);
}

#[tokio::test]
async fn the_aws_route_forwards_nothing_but_its_own_headers() {
    let server = raw().await;
    let headers = [
        ALICE,
        ("Content-Type", "text/plain"),
        ("X-Custom", "1"),
        ("Authorization", "secret"),
        ("Lambda-Runtime-Deadline-Ms", "1"),
        ("X-Amz-Client-Context", "eyJjdXN0b20iOnt9fQ=="),
        ("X-Amz-Cognito-Identity", r#"{"cognitoIdentityId":"i"}"#),
    ];
    let next = next(&server.post(INVOCATIONS, &headers, " {} ").await);
    assert_eq!(next["body"], " {} ");
    assert_eq!(values(&next, "content-type"), ["application/json"]);
    assert_eq!(values(&next, "lambda-runtime-client-context"), [r#"{"custom":{}}"#]);
    assert_eq!(values(&next, "lambda-runtime-cognito-identity"), [r#"{"cognitoIdentityId":"i"}"#]);
    assert_ne!(values(&next, "lambda-runtime-deadline-ms"), ["1"]);
    for name in ["x-custom", "authorization", "x-amz-tenant-id", "x-amz-client-context"] {
        assert!(values(&next, name).is_empty(), "{name} in {next}");
    }
}

#[tokio::test]
async fn the_function_may_be_named_by_its_arn_and_its_version() {
    let server = raw().await;
    for path in [
        "arn:aws:lambda:us-east-1:123456789012:function:function/invocations",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afunction/invocations",
        "123456789012:function:function/invocations",
        "function:$LATEST/invocations",
        "function/invocations?Qualifier=$LATEST",
    ] {
        let reply = server.post(&format!("/2015-03-31/functions/{path}"), &[ALICE], "{}").await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn another_function_or_version_is_not_found() {
    let server = raw().await;
    for (name, arn) in [
        ("doesnotexist/invocations", "doesnotexist:$LATEST"),
        ("function:function:7/invocations", "function:7"),
        ("function/invocations?Qualifier=live", "function:live"),
    ] {
        let reply = server.post(&format!("/2015-03-31/functions/{name}"), &[ALICE], "{}").await;
        let arn = format!("arn:aws:lambda:us-east-1:123456789012:function:{arn}");
        assert_eq!(
            reply.refused(404, "ResourceNotFoundException"),
            json!({ "Type": "User", "Message": format!("Function not found: {arn}") })
        );
    }
}

#[tokio::test]
async fn a_tenant_id_is_needed_where_tenants_are_isolated() {
    let server = raw().await;
    for headers in [vec![], vec![("X-Amz-Tenant-Id", "")]] {
        let refusal = server.post(INVOCATIONS, &headers, "{}").await;
        let body = refusal.refused(400, "InvalidParameterValueException");
        assert_eq!(body, json!({ "Type": "User", "message": MISSING_TENANT }));
    }
    assert_eq!(server.post("/invoke", &[], "{}").await.status, 400);
}

#[tokio::test]
async fn a_tenant_id_is_refused_by_an_ordinary_function() {
    let server = Setup::raw(&["--tenant-isolation-mode", "NONE"]).start().await;
    let refusal = server.post(INVOCATIONS, &[ALICE], "{}").await;
    let body = refusal.refused(400, "InvalidParameterValueException");
    assert_eq!(body, json!({ "Type": "User", "message": NEEDLESS_TENANT }));
    server.post(INVOCATIONS, &[], "{}").await.answer();
}

#[tokio::test]
async fn a_malformed_tenant_id_is_a_validation_error() {
    let server = raw().await;
    let long = "x".repeat(257);
    for (tenant_id, constraint) in [
        ("bad#id", r"Member must satisfy regular expression pattern: [a-zA-Z0-9\._:\/=+\-@ ]+"),
        (&long, "Member must have length less than or equal to 256"),
    ] {
        let refusal = server.post(INVOCATIONS, &[("X-Amz-Tenant-Id", tenant_id)], "{}").await;
        let message = format!(
            "1 validation error detected: Value '{tenant_id}' at 'tenantId' failed to satisfy \
             constraint: {constraint}"
        );
        assert_eq!(refusal.refused(400, "ValidationException"), json!({ "message": message }));
    }
}

#[tokio::test]
async fn a_payload_that_is_not_json_is_refused() {
    let server = raw().await;
    for payload in ["{", "hello", "{} {}", "\u{feff}{}"] {
        let refusal = server.post(INVOCATIONS, &[ALICE], payload).await;
        let body = refusal.refused(400, "InvalidRequestContentException");
        assert_eq!(body["Type"], "User");
        let message = body["message"].as_str().unwrap();
        let opening = "Could not parse request body into json: Could not parse payload into json: ";
        assert!(message.starts_with(opening), "{message}");
    }
    assert_eq!(next(&server.post(INVOCATIONS, &[ALICE], "7").await)["body"], "7");
}

#[tokio::test]
async fn a_payload_may_have_6_mb_and_a_larger_one_is_read_before_it_is_refused() {
    let server = Setup::function(&["--timeout", "20s"]).start().await;
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let largest = server.post(INVOCATIONS, &[ALICE], text(6_291_456)).await;
    assert_eq!(largest.header("x-amz-function-error"), "Unhandled", "the report is too large");
    for bytes in [6_291_457, 20_000_000] {
        let refusal = server.post(INVOCATIONS, &[ALICE], text(bytes)).await;
        let body = refusal.refused(413, "RequestEntityTooLargeException");
        assert_eq!(
            body["message"],
            "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
        );
        assert_eq!(server.post("/invoke", &[ALICE], text(bytes)).await.status, 413);
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_no_invocations() {
    let server = Setup::function(&["--timeout", "5s"]).start().await;
    for (method, path, status) in [
        ("POST", "/", 404),
        ("POST", "/invoke/", 404),
        ("POST", "/2015-03-31/functions/function", 400),
        ("POST", "/2015-03-31/functions/function/invocations/", 404),
        ("POST", "/2015-03-31/functions//invocations", 404),
        ("GET", "/2018-06-01/runtime/invocation/next", 404),
        ("GET", "/favicon.ico", 404),
        ("GET", "/invoke", 405),
        ("GET", INVOCATIONS, 405),
        ("PUT", INVOCATIONS, 405),
        ("OPTIONS", "/invoke", 405),
    ] {
        let reply = call(&server, method, path, &[ALICE]).await;
        assert_eq!(reply.status, status, "{method} {path}");
    }
    assert_eq!(server.answer("alice", &json!({})).await["count"], 1);
}

#[tokio::test]
async fn a_web_page_cannot_call() {
    let server = Setup::raw(&["--allow-host", "mtl.test"]).start().await;
    let statuses = |host: &'static str| [("Host", host), ALICE];
    for host in ["127.0.0.1:1", "[::1]", "localhost:7000", "my.localhost", "mtl.test", "MTL.test"] {
        for path in [INVOCATIONS, "/invoke"] {
            let status = server.post(path, &statuses(host), "{}").await.status;
            assert!([200, 202].contains(&status), "{host}: {status}");
        }
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost"]
    {
        for path in [INVOCATIONS, "/invoke"] {
            assert_eq!(server.post(path, &statuses(host), "{}").await.status, 403, "{host}");
        }
    }
    for header in
        [("Origin", "http://localhost:3000"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
    {
        let reply = server.post(INVOCATIONS, &[ALICE, header], "{}").await;
        assert_eq!(reply.status, 403, "{header:?}");
        let cors = reply.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
        assert!(!cors, "{reply:?}");
    }
}

#[tokio::test]
async fn the_plain_route_forwards_what_the_caller_sends() {
    let server = raw().await;
    let headers = [
        ALICE,
        ("X-Custom", "1"),
        ("Authorization", "Bearer 2"),
        ("Cookie", "a=b"),
        ("Lambda-Runtime-Client-Context", r#"{"custom":{}}"#),
        ("Lambda-Runtime-Cognito-Identity", r#"{"cognitoIdentityId":"i"}"#),
        ("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=1"),
    ];
    let reply = server.post("/invoke", &headers, "\"any text\"").await;
    assert_eq!(reply.status, 202);
    let next = next(&reply);
    assert_eq!(next["body"], "\"any text\"");
    for (name, value) in &headers[1..] {
        assert_eq!(values(&next, name), [*value], "{name}");
    }
    assert_eq!(values(&next, "lambda-runtime-aws-tenant-id"), ["alice"]);
}

#[tokio::test]
async fn the_plain_route_keeps_what_is_mtls_and_what_is_of_the_hop() {
    let server = raw().await;
    let headers = [
        ALICE,
        ("Host", "localhost"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "gzip"),
        ("Content-Type", "text/plain"),
        ("Content-Language", "de"),
        ("Date", "Sun, 22 Nov 2026 00:00:00 GMT"),
        ("Connection", "close, x-hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "secret"),
        ("Lambda-Runtime-Aws-Request-Id", "mine"),
        ("Lambda-Runtime-Deadline-Ms", "1"),
        ("Lambda-Runtime-Invoked-Function-Arn", "mine"),
        ("Lambda-Runtime-Invocation-Id", "mine"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
    ];
    let next = next(&server.post("/invoke", &headers, "{}").await);
    for name in ["host", "accept-encoding", "content-language", "x-hop"] {
        assert!(values(&next, name).is_empty(), "{name} in {next}");
    }
    for name in ["te", "proxy-authorization", "keep-alive"] {
        assert!(values(&next, name).is_empty(), "{name} in {next}");
    }
    for name in ["request-id", "deadline-ms", "invoked-function-arn", "invocation-id"] {
        let name = match name {
            "request-id" => "lambda-runtime-aws-request-id".to_owned(),
            _ => format!("lambda-runtime-{name}"),
        };
        let got = values(&next, &name);
        assert!(got.len() == 1 && got[0] != "mine" && got[0] != "1", "{name}: {got:?}");
    }
    assert_eq!(values(&next, "x-twice").len(), 1);
    assert_ne!(values(&next, "date"), ["Sun, 22 Nov 2026 00:00:00 GMT"]);
    assert!(!values(&next, "connection").iter().any(|value| value.contains("close")));
}

#[tokio::test]
async fn the_plain_route_takes_the_tenant_id_by_either_name() {
    let server = raw().await;
    let runtime = |tenant_id| ("Lambda-Runtime-Aws-Tenant-Id", tenant_id);
    for headers in [vec![ALICE], vec![runtime("alice")], vec![ALICE, runtime("alice")]] {
        let next = next(&server.post("/invoke", &headers, "{}").await);
        assert_eq!(values(&next, "lambda-runtime-aws-tenant-id"), ["alice"]);
    }
    let conflict = server.post("/invoke", &[ALICE, runtime("bob")], "{}").await;
    assert_eq!(conflict.status, 400);
    let twice = server.post("/invoke", &[ALICE, ("X-Amz-Tenant-Id", "bob")], "{}").await;
    assert_eq!(twice.status, 400);
}

#[tokio::test]
async fn the_plain_route_has_the_status_codes_of_the_swift_server() {
    let server = raw().await;
    let answering = |call: Value| json!({ "steps": [call] }).to_string();
    let answer = answering(json!({ "call": "POST invocation/{id}/response", "body": "1" }));
    let answer = server.post("/invoke", &[ALICE], answer).await;
    assert_eq!((answer.status, answer.text()), (202, "1"));
    let error = json!({ "call": "POST invocation/{id}/error", "body": "{\"errorType\":\"E\"}" });
    let error = server.post("/invoke", &[ALICE], answering(error)).await;
    assert_eq!((error.status, error.text()), (500, r#"{"errorType":"E"}"#));
    let stream = answering(json!({
        "call": "POST invocation/{id}/response",
        "headers": [["Lambda-Runtime-Function-Response-Mode", "streaming"]],
        "framing": "chunked",
        "body": "streamed",
    }));
    let stream = server.post("/invoke", &[ALICE], stream).await;
    assert_eq!((stream.status, stream.text()), (200, "streamed"));
}

#[tokio::test]
async fn the_variables_of_the_swift_server_are_read() {
    let setup = Setup::raw(&[]).env("LOCAL_LAMBDA_INVOCATION_ENDPOINT", "/do/it");
    let server = setup.env("LOCAL_LAMBDA_HOST", "127.0.0.1").start().await;
    assert_eq!(server.post("/do/it", &[ALICE], "{}").await.status, 202);
    assert_eq!(server.post("/invoke", &[ALICE], "{}").await.status, 404);
}

#[tokio::test]
async fn the_aws_route_wins_where_the_plain_route_has_its_path() {
    let server = Setup::raw(&["--invocation-endpoint", INVOCATIONS]).start().await;
    let reply = server.post(INVOCATIONS, &[ALICE], "{}").await;
    assert_eq!((reply.status, reply.header("x-amz-executed-version")), (200, "$LATEST"));
}

#[tokio::test]
async fn a_caller_that_has_closed_its_end_still_gets_the_answer() {
    let server = Setup::example(&[]).start().await;
    let mut caller = TcpStream::connect(server.address).await.unwrap();
    let request = "POST /invoke HTTP/1.1\r\nHost: localhost\r\nX-Amz-Tenant-Id: a\r\n\
                   Content-Length: 2\r\n\r\n{}";
    caller.write_all(request.as_bytes()).await.unwrap();
    caller.shutdown().await.unwrap();
    let mut reply = String::new();
    caller.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 202 "), "{reply}");
}

#[tokio::test]
async fn a_large_body_that_is_refused_is_read_to_its_end() {
    let server = Setup::example(&[]).start().await;
    let large = "1".repeat(20 * 1024 * 1024);
    let reply = server.post("/nowhere", &[ALICE], large.clone()).await;
    reply.refused(404, "UnknownOperationException");
    let origin = [ALICE, ("Origin", "http://evil.example")];
    server.post("/invoke", &origin, large).await.refused(403, "AccessDeniedException");
}

#[tokio::test]
async fn two_tenants_in_one_request_are_none() {
    let server = Setup::example(&[]).start().await;
    for path in [INVOCATIONS, "/invoke"] {
        let both = [ALICE, ("X-Amz-Tenant-Id", "bob")];
        server.post(path, &both, "{}").await.refused(400, "InvalidParameterValueException");
    }
}

#[tokio::test]
async fn all_hosts_that_a_request_names_must_be_allowed() {
    let server = Setup::example(&[]).start().await;
    let two = [ALICE, ("Host", "localhost"), ("Host", "evil.example")];
    server.post("/invoke", &two, "{}").await.refused(403, "AccessDeniedException");
}
