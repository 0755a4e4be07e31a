//! Lambda authorizers of templates: the function under test decides who may pass, and says which tenant
//! a caller is. That is the safe way to a tenant id.

use std::fs;

use serde_json::{Value, json};

use crate::function;
use crate::http::{Reply, request, send};
use crate::server::{Server, Setup};

/// An API of OpenAPI whose security scheme is an authorizer of this kind.
fn openapi(kind: &str, ttl: u32) -> String {
    let uri = |function: &str| {
        format!(
            "!Sub arn:aws:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{{function}.Arn}}/invocations"
        )
    };
    let (gate, tracker) = (uri("Gate"), uri("Tracker"));
    format!(
        "
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      DefinitionBody:
        openapi: 3.0.1
        components:
          securitySchemes:
            gate:
              type: apiKey
              name: Authorization
              in: header
              x-amazon-apigateway-authtype: custom
              x-amazon-apigateway-authorizer:
                type: {kind}
                authorizerUri: {gate}
                identitySource: method.request.header.Authorization
                authorizerResultTtlInSeconds: {ttl}
        paths:
          /pets/{{id}}:
            get:
              security: [{{gate: []}}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: {tracker}
                requestParameters:
                  integration.request.header.X-Amz-Tenant-Id: context.authorizer.tenantId
  Tracker:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: ., Runtime: provided.al2023, TenancyConfig: {{TenantIsolationMode: PER_TENANT}}}}
  Gate:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: ., Runtime: provided.al2023}}
"
    )
}

/// The same in SAM's own words.
const SAM: &str = "
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Auth:
        DefaultAuthorizer: gate
        Authorizers:
          gate:
            FunctionArn: !GetAtt Gate.Arn
            Identity: {ReauthorizeEvery: 0, ValidationExpression: '^(allow|deny).*'}
  Tracker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      Events:
        Closed: {Type: Api, Properties: {RestApiId: !Ref Api, Path: '/pets/{id}', Method: get}}
        Open:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /open, Method: get, Auth: {Authorizer: NONE}}
  Gate:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Runtime: provided.al2023}
";

async fn serving(template: &str) -> Server {
    let program = function::program().display();
    let commands = ["Tracker", "Gate"].map(|name| format!("{name}={program}"));
    let options = ["--api-port", "0", "--command", &commands[0], "--command", &commands[1]];
    let setup = Setup::example(&options);
    fs::write(setup.path("template.yaml"), template).unwrap();
    let asked = setup.path("asked");
    setup.env("ASKED", asked).start().await
}

async fn get(server: &Server, path: &str, token: Option<&str>) -> Reply {
    let api = server.second_address();
    let headers: Vec<_> = token.into_iter().map(|token| ("Authorization", token)).collect();
    send(api, request(api, "GET", path, &headers, "")).await
}

/// The events that the authorizer has got.
fn asked(server: &Server) -> Vec<Value> {
    let text = fs::read_to_string(server.path("asked")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_tenant_is_whom_the_authorizer_knows() {
    let server = serving(&openapi("token", 0)).await;
    for tenant in ["alice", "bob", "alice"] {
        let reply = get(&server, "/Prod/pets/7", Some(&format!("allow {tenant}"))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let answer = reply.json();
        assert_eq!(answer["tenant"], tenant);
        let authorizer = &answer["event"]["requestContext"]["authorizer"];
        assert_eq!((&authorizer["tenantId"], &authorizer["level"]), (&json!(tenant), &json!("7")));
        assert_eq!(authorizer["principalId"], "caller");
    }
    let events = asked(&server);
    assert_eq!(events.len(), 3, "nothing is kept when the time to live is 0");
    let arn = "arn:aws:execute-api:us-east-1:123456789012:api0000000/Prod/GET/pets/7";
    let expected =
        json!({ "type": "TOKEN", "methodArn": arn, "authorizationToken": "allow alice" });
    assert_eq!(events[0], expected);
    assert!(!server.stderr().contains("callers choose the tenant id"), "this one is safe");
}

#[tokio::test]
async fn who_may_not_pass_is_refused_as_aws_does() {
    let server = serving(&openapi("token", 0)).await;
    for (token, status, body) in [
        (None, 401, json!({ "message": "Unauthorized" })),
        (Some("unknown"), 401, json!({ "message": "Unauthorized" })),
        (
            Some("deny alice"),
            403,
            json!({ "Message": "User is not authorized to access this resource with an explicit deny" }),
        ),
        (
            Some("allow-other alice"),
            403,
            json!({ "Message": "User is not authorized to access this resource" }),
        ),
        (Some("fail"), 500, json!({ "message": null })),
        (Some("nonsense"), 500, json!({ "message": null })),
    ] {
        let reply = get(&server, "/pets/7", token).await;
        assert_eq!((reply.status, reply.json()), (status, body), "{token:?}");
    }
    server.wait_for_stderr("its authorizer's answer has no `principalId`").await;
    server.wait_for_stderr("its authorizer gate: it failed").await;
}

#[tokio::test]
async fn an_authorizer_of_requests_gets_the_request_and_its_answer_is_kept() {
    let server = serving(&openapi("request", 300)).await;
    for path in ["/pets/7?x=1", "/pets/7?x=2"] {
        assert_eq!(get(&server, path, Some("allow alice")).await.json()["tenant"], "alice");
    }
    assert_eq!(get(&server, "/pets/7", Some("allow bob")).await.json()["tenant"], "bob");
    let events = asked(&server);
    assert_eq!(events.len(), 2, "the answer for alice counts for 300 seconds");
    let event = &events[0];
    assert_eq!((&event["type"], &event["path"]), (&json!("REQUEST"), &json!("/pets/7")));
    assert_eq!(event["queryStringParameters"], json!({ "x": "1" }));
    assert_eq!(event["pathParameters"], json!({ "id": "7" }));
    assert_eq!(event["requestContext"]["httpMethod"], "GET");
    assert_eq!(event.get("body"), None);
    // What was allowed for one method says nothing about another.
    assert_eq!(get(&server, "/pets/8", Some("allow alice")).await.status, 403);
}

/// What CDK makes of a function behind an authorizer of requests that looks at a header.
fn cdk() -> Value {
    let uri = |function: &str| {
        json!({ "Fn::Join": ["", [
            "arn:", { "Ref": "AWS::Partition" }, ":apigateway:", { "Ref": "AWS::Region" },
            ":lambda:path/2015-03-31/functions/", { "Fn::GetAtt": [function, "Arn"] }, "/invocations",
        ]] })
    };
    let function = |tenancy: &str| {
        json!({
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": { "S3Bucket": "b", "S3Key": "k" },
                "Handler": "index.handler",
                "Runtime": "provided.al2023",
                tenancy: { "TenantIsolationMode": "PER_TENANT" },
            },
            "Metadata": { "aws:asset:path": "." },
        })
    };
    let mut api = json!({
        "Api": { "Type": "AWS::ApiGateway::RestApi", "Properties": { "Name": "tenants" } },
        "ApiANY": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": { "Ref": "Api" },
                "ResourceId": { "Fn::GetAtt": ["Api", "RootResourceId"] },
                "HttpMethod": "ANY",
                "AuthorizationType": "CUSTOM",
                "AuthorizerId": { "Ref": "Auth" },
                "Integration": {
                    "Type": "AWS_PROXY",
                    "IntegrationHttpMethod": "POST",
                    "Uri": uri("Tracker"),
                    "RequestParameters": {
                        "integration.request.header.X-Amz-Tenant-Id": "context.authorizer.tenantId",
                    },
                },
            },
        },
        "Auth": {
            "Type": "AWS::ApiGateway::Authorizer",
            "Properties": {
                "Name": "auth",
                "RestApiId": { "Ref": "Api" },
                "Type": "REQUEST",
                "AuthorizerUri": uri("Gate"),
                "AuthorizerResultTtlInSeconds": 0,
                "IdentitySource": "method.request.header.Authorization",
            },
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": { "RestApiId": { "Ref": "Api" }, "StageName": "prod" },
        },
    });
    api["Tracker"] = function("TenancyConfig");
    api["Gate"] = function("Metadata");
    json!({ "Resources": api })
}

#[tokio::test]
async fn a_stack_of_cdk_with_an_authorizer_isolates_whom_it_knows() {
    let server = serving(&cdk().to_string()).await;
    for tenant in ["alice", "bob"] {
        let reply = get(&server, "/prod", Some(&format!("allow {tenant}"))).await;
        assert_eq!((reply.status, &reply.json()["tenant"]), (200, &json!(tenant)));
    }
    assert_eq!(get(&server, "/prod", None).await.status, 401);
    assert_eq!(get(&server, "/prod", Some("deny x")).await.status, 403);
    assert_eq!(asked(&server).len(), 3, "a request without a token is not asked about");
}

#[tokio::test]
async fn authorizers_of_sam_are_for_all_methods_that_name_no_other() {
    let server = serving(SAM).await;
    assert_eq!(get(&server, "/pets/7", None).await.status, 401);
    let unlike = get(&server, "/pets/7", Some("whatever")).await;
    assert_eq!(unlike.status, 401, "the token is not as the expression has it");
    assert_eq!(get(&server, "/pets/7", Some("allow x")).await.status, 200);
    assert_eq!(get(&server, "/open", None).await.status, 200);
    assert_eq!(asked(&server).len(), 1);
}
