//! The REST API in front of a function: `curl "…/Prod?tenant-id=alice"`, on this machine.

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::{Reply, request, send};
use crate::server::{Server, Setup};

async fn function(options: &[&str]) -> Server {
    let api = ["--api-port", "0", "--tenant-from", "querystring:tenant-id"];
    Setup::function(&[&api, options].concat()).start().await
}

async fn call(
    server: &Server,
    line: &str,
    headers: &[(&str, &str)],
    body: impl Into<bytes::Bytes>,
) -> Reply {
    let (method, path) = line.split_once(' ').unwrap();
    let api = server.second_address();
    send(api, request(api, method, path, headers, body)).await
}

async fn get(server: &Server, path: &str) -> Reply {
    call(server, &format!("GET {path}"), &[], "").await
}

/// What the function got.
async fn event(server: &Server, line: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let reply = call(server, line, headers, body.to_owned()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["event"].take()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, message: &str) {
    assert_eq!((reply.status, reply.json()), (status, json!({ "message": message })));
    for header in ["x-amzn-requestid", "x-amz-apigw-id", "x-amzn-errortype"] {
        assert!(!reply.header(header).is_empty(), "{header}");
    }
}

#[tokio::test]
async fn the_example_is_called_as_its_document_says() {
    let options = ["--api-port", "0", "--tenant-from", "querystring:tenant-id"];
    let server = Setup::example(&options).start().await;
    for (path, tenant, count) in [
        ("/Prod?tenant-id=alice", "alice", 1),
        ("/Prod/?tenant-id=alice", "alice", 2),
        ("/?tenant-id=bob", "bob", 1),
        ("/any/path?tenant-id=alice", "alice", 3),
    ] {
        let reply = get(&server, path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), "application/json");
        let answer = reply.json();
        assert_eq!((&answer["tenantID"], &answer["requestCount"]), (&json!(tenant), &json!(count)));
    }
    let missing = get(&server, "/Prod").await;
    refused(&missing, 400, "Missing required request parameters: [tenant-id]");
}

#[tokio::test]
async fn the_table_of_routes_and_what_is_unsafe_is_said_at_the_start() {
    let server = function(&[]).await;
    let said = server.stderr();
    let route = said.lines().find(|line| line.contains("/{proxy+}")).unwrap_or_default();
    assert!(route.contains("ANY") && route.contains("query string tenant-id"), "{said}");
    assert!(said.contains("callers choose the tenant id (query string tenant-id)"), "{said}");
    assert!(said.contains("context.authorizer.tenantId"), "{said}");
}

#[tokio::test]
async fn a_clients_own_header_is_not_the_tenant_id() {
    let server = function(&[]).await;
    let header = [("X-Amz-Tenant-Id", "mallory")];
    let reply = call(&server, "GET /?tenant-id=alice", &header, "").await;
    assert_eq!(reply.json()["tenant"], "alice");
    let server = Setup::function(&["--api-port", "0"]).start().await;
    let reply = call(&server, "GET /", &header, "").await;
    let message = "The invoked function is enabled with tenancy configuration. \
                   Add a valid tenant ID in your request and try again.";
    refused(&reply, 400, message);
    assert!(server.stderr().contains("not every method maps a tenant id"));
}

#[tokio::test]
async fn the_tenant_may_be_in_a_header_or_in_the_path() {
    for (from, line, headers) in [
        ("header:X-Tenant", "GET /x", &[("x-tenant", "a b")][..]),
        ("path:tenant", "GET /a%20b/x/y", &[]),
        ("path:tenant", "GET /Prod/a%20b", &[]),
    ] {
        let server = Setup::function(&["--api-port", "0", "--tenant-from", from]).start().await;
        let reply = call(&server, line, headers, "").await;
        assert_eq!(reply.json()["tenant"], "a b", "{from}");
    }
}

#[tokio::test]
async fn an_event_has_all_that_aws_says_of_a_request() {
    let server = function(&["--region", "eu-west-1"]).await;
    let headers = [("X-Two", "1"), ("X-Two", "2"), ("User-Agent", "test"), ("Content-Type", "a/b")];
    let line = "POST /Prod/a/b?tenant-id=alice&x=1&x=2%20%2B";
    let event = event(&server, line, &headers, "body ä").await;
    assert_eq!(event["resource"], "/{proxy+}");
    assert_eq!(event["path"], "/a/b");
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["headers"]["X-Two"], "2");
    assert_eq!(event["multiValueHeaders"]["X-Two"], json!(["1", "2"]));
    assert_eq!(event["headers"]["X-Forwarded-For"], "127.0.0.1");
    assert_eq!(event["headers"]["X-Forwarded-Proto"], "http");
    assert_eq!(event["queryStringParameters"], json!({ "tenant-id": "alice", "x": "2 +" }));
    assert_eq!(event["multiValueQueryStringParameters"]["x"], json!(["1", "2 +"]));
    assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
    assert_eq!(event["stageVariables"], Value::Null);
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("body ä"), &json!(false)));
    let context = &event["requestContext"];
    assert_eq!(context["path"], "/Prod/a/b");
    assert_eq!(context["resourcePath"], "/{proxy+}");
    assert_eq!(context["stage"], "Prod");
    assert_eq!(context["protocol"], "HTTP/1.1");
    assert_eq!(context["identity"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["identity"]["userAgent"], "test");
    assert_eq!(context["domainName"], "mtl0000000.execute-api.eu-west-1.amazonaws.com");
    assert!(context["requestTime"].as_str().unwrap().ends_with(" +0000"), "{context}");
    let typed: ApiGatewayProxyRequest = serde_json::from_value(event).unwrap();
    assert_eq!(typed.path_parameters["proxy"], "a/b");
    assert_eq!(typed.multi_value_headers.get_all("x-two").iter().count(), 2);
}

#[tokio::test]
async fn what_is_not_there_is_null() {
    let server = function(&[]).await;
    let event = event(&server, "GET /?tenant-id=alice", &[], "").await;
    assert_eq!((&event["body"], &event["pathParameters"]), (&Value::Null, &Value::Null));
    assert_eq!((&event["path"], &event["resource"]), (&json!("/"), &json!("/")));
    assert_eq!(event["requestContext"]["path"], "/Prod");
}

#[tokio::test]
async fn a_response_has_what_the_function_says() {
    let server = function(&[]).await;
    let answer = json!({ "answer": {
        "statusCode": 418,
        "headers": { "Content-Type": "text/plain", "X-One": "1" },
        "multiValueHeaders": { "Set-Cookie": ["a=1", "b=2"] },
        "body": "aGVsbG8=",
        "isBase64Encoded": true,
    } });
    let reply = call(&server, "POST /?tenant-id=alice", &[], answer.to_string()).await;
    assert_eq!(reply.status, 418);
    assert_eq!(reply.header("content-type"), "text/plain");
    assert_eq!(reply.header("x-one"), "1");
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    // Without binary media types, API Gateway passes base64 on as it is.
    assert_eq!(&reply.body[..], b"aGVsbG8=");
}

#[tokio::test]
async fn what_goes_wrong_behind_the_api_is_hidden_from_callers_and_told_to_the_user() {
    let server = function(&[]).await;
    for (body, status, said) in [
        (json!({ "answer": "text" }), 502, "POST / (502): the function's answer is no response"),
        (json!({ "do": "exit", "status": 1 }), 502, "the function failed: Runtime.ExitError"),
        (
            json!({ "do": "fail", "error_type": "E", "message": "m" }),
            502,
            "POST / (502): the function failed:",
        ),
    ] {
        let reply = call(&server, "POST /?tenant-id=alice", &[], body.to_string()).await;
        refused(&reply, status, "Internal server error");
        server.wait_for_stderr(said).await;
    }
    let server = function(&["--reserved-concurrency", "0"]).await;
    refused(&get(&server, "/?tenant-id=alice").await, 500, "Internal server error");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_its_caller() {
    let server = function(&[]).await;
    let large = vec![b' '; 6 * 1024 * 1024];
    let reply = call(&server, "POST /?tenant-id=alice", &[], large).await;
    refused(&reply, 413, "Request Too Long");
    let invalid = get(&server, "/?tenant-id=a%23b").await;
    assert_eq!(invalid.status, 400);
    assert!(invalid.json()["message"].as_str().unwrap().contains("at 'tenantId' failed"));
    let other = call(&server, "GET /?tenant-id=a", &[("Host", "evil.example")], "").await;
    assert_eq!(other.status, 403);
}

#[tokio::test]
async fn a_page_may_call_the_api() {
    let server = function(&[]).await;
    let origin = [("Origin", "http://localhost:5173")];
    assert_eq!(call(&server, "GET /?tenant-id=alice", &origin, "").await.status, 200);
}

#[tokio::test]
async fn a_port_that_was_not_asked_for_may_be_another_one() {
    // Another test may have it already, which is as good.
    let _taken = TcpListener::bind("127.0.0.1:3000").await;
    let server = Setup::example(&["--tenant-from", "header:x", "-o", "json"]).start().await;
    assert!(server.stderr().contains("port 3000 is taken, so a free one is used; --api-port"));
    let stdout = server.wait_for_stdout("\"ready\"").await;
    let ready: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(ready["api"], format!("http://{}", server.second_address()));
}
