//! `mtl serve --template`: functions and APIs as templates of SAM, CloudFormation and CDK have them. The
//! function under test runs in place of their code.

use std::fs;

use http::Method;
use serde_json::{Value, json};

use crate::function;
use crate::http::{Reply, request, send};
use crate::server::{Server, Setup};

/// A multi-tenant function behind an API that maps a query parameter, with all that SAM needs.
const SAM: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage:
    Type: String
    Default: Prod
Globals:
  Function:
    Timeout: 20
    Environment:
      Variables:
        SHARED: global
Mappings:
  Levels:
    Prod:
      level: trace
    Test:
      level: info
Conditions:
  IsProd: !Equals [!Ref Stage, Prod]
Resources:
  Gate:
    Type: AWS::Serverless::Api
    Properties:
      StageName: !Ref Stage
      DefinitionBody:
        openapi: 3.0.1
        info: {title: !Sub "${AWS::StackName}", version: "1"}
        paths:
          /{proxy+}: &method
            x-amazon-apigateway-any-method:
              parameters:
                - {name: tenant-id, in: query, required: true, schema: {type: string}}
              x-amazon-apigateway-request-validator: params-only
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Tracker.Arn}/invocations
                requestParameters:
                  integration.request.header.X-Amz-Tenant-Id: method.request.querystring.tenant-id
          /: *method
        x-amazon-apigateway-request-validators:
          params-only: {validateRequestParameters: true, validateRequestBody: false}
  Tracker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: tracker
      CodeUri: .
      Handler: swift.bootstrap
      Runtime: provided.al2023
      Architectures: [arm64]
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
      Environment:
        Variables:
          LEVEL: !FindInMap [Levels, !Ref Stage, level]
          WHEN: !If [IsProd, live, !Ref AWS::NoValue]
          QUEUE: !GetAtt Queue.Arn
      Events:
        Root: {Type: Api, Properties: {Path: /, Method: ANY, RestApiId: !Ref Gate}}
  Plain:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Handler: app.handler, Runtime: java21}
  Linked:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
      FunctionUrlConfig: {AuthType: NONE}
  Queue:
    Type: AWS::SQS::Queue
"#;

/// Serves this template, whose function of this name is the function under test.
fn serving(name: &str, template: &str, options: &[&str]) -> Setup {
    let program = format!("{name}={}", function::program().display());
    let setup = Setup::example(&[&["--command", &program, "--api-port", "0"], options].concat());
    fs::write(setup.path("template.yaml"), template).unwrap();
    setup
}

async fn get(server: &Server, path: &str) -> Reply {
    let api = server.second_address();
    send(api, request(api, "GET", path, &[], "")).await
}

/// Invokes a function by name for a tenant, and returns what it reports.
async fn invoke(server: &Server, name: &str, event: &Value) -> Reply {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    server.post(&path, &[("X-Amz-Tenant-Id", "alice")], event.to_string()).await
}

#[tokio::test]
async fn a_template_of_sam_is_served_as_it_is() {
    let server = serving("Tracker", SAM, &[]).start().await;
    for path in ["/Prod?tenant-id=a%20b", "/?tenant-id=a%20b", "/Prod/x/y?tenant-id=a%20b"] {
        let reply = get(&server, path).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert_eq!(reply.json()["tenant"], "a b");
    }
    let missing = get(&server, "/Prod").await;
    let message = "Missing required request parameters: [tenant-id]";
    assert_eq!((missing.status, missing.json()), (400, json!({ "message": message })));
    let said = server.stderr();
    assert!(said.contains("mtl: serving tracker of `template.yaml`"), "{said}");
    let route = said.lines().find(|line| line.contains("/{proxy+}")).unwrap_or_default();
    assert!(route.contains("tracker") && route.contains("query string tenant-id"), "{said}");
}

#[tokio::test]
async fn a_function_has_what_its_template_says() {
    let server = serving("tracker", SAM, &[]).start().await;
    let event = json!({ "env": ["SHARED", "LEVEL", "WHEN", "QUEUE", "_HANDLER"] });
    for name in ["tracker", "Tracker"] {
        let env = invoke(&server, name, &event).await.answer()["variables"].clone();
        assert_eq!(env["SHARED"], "global");
        assert_eq!(env["LEVEL"], "trace");
        assert_eq!(env["WHEN"], "live");
        assert_eq!(env["QUEUE"], Value::Null);
        assert_eq!(env["_HANDLER"], "swift.bootstrap");
    }
    let said = server.stderr();
    assert!(said.contains("the variable `QUEUE` is not set: the attribute Queue.Arn is not known"));
    let path = "/2015-03-31/functions/tracker/configuration";
    let configuration =
        send(server.address, request(server.address, "GET", path, &[], "")).await.answer();
    assert_eq!(configuration["Timeout"], 20);
    assert_eq!(configuration["Runtime"], "provided.al2023");
    assert_eq!(configuration["Architectures"], json!(["arm64"]));
    assert_eq!(configuration["TenancyConfig"]["TenantIsolationMode"], "PER_TENANT");
}

#[tokio::test]
async fn parameters_change_what_comes_of_a_template() {
    let server = serving("Tracker", SAM, &["--parameter", "Stage=Test"]).start().await;
    let event = json!({ "env": ["LEVEL", "WHEN"] });
    let env = invoke(&server, "tracker", &event).await.answer()["variables"].clone();
    assert_eq!(env, json!({ "LEVEL": "info" }));
    assert_eq!(get(&server, "/Test?tenant-id=x").await.status, 200);
}

#[tokio::test]
async fn what_can_not_run_says_why_and_the_others_are_served() {
    let server = serving("Tracker", SAM, &[]).start().await;
    let said = server.stderr();
    let reasons = [
        "Linked is not served: a function URL is not supported for functions enabled with tenancy",
        "Plain is not served: mtl has no client for its runtime `java21`; --command Plain=COMMAND",
    ];
    for reason in reasons {
        assert!(said.contains(reason), "{said}");
    }
    assert_eq!(invoke(&server, "Plain", &json!({})).await.status, 404);
}

/// What `cdk synth` writes for a function behind a method that maps what its authorizer has verified.
fn cdk() -> Value {
    let uri = json!({ "Fn::Join": ["", [
        "arn:", { "Ref": "AWS::Partition" }, ":apigateway:", { "Ref": "AWS::Region" },
        ":lambda:path/2015-03-31/functions/", { "Fn::GetAtt": ["Fn1", "Arn"] }, "/invocations",
    ]] });
    json!({ "Resources": {
        "Fn1": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": { "S3Bucket": { "Fn::Sub": "cdk-${AWS::AccountId}" }, "S3Key": "k.zip" },
                "Handler": "index.handler",
                "Runtime": "provided.al2023",
                "TenancyConfig": { "TenantIsolationMode": "PER_TENANT" },
            },
            "Metadata": { "aws:asset:path": "asset.1" },
        },
        "Api": { "Type": "AWS::ApiGateway::RestApi", "Properties": { "Name": "api" } },
        "Part": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": { "Ref": "Api" },
                "ParentId": { "Fn::GetAtt": ["Api", "RootResourceId"] },
                "PathPart": "pets",
            },
        },
        "Leaf": {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {
                "RestApiId": { "Ref": "Api" }, "ParentId": { "Ref": "Part" }, "PathPart": "{id}",
            },
        },
        "Validator": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": { "RestApiId": { "Ref": "Api" }, "ValidateRequestParameters": true },
        },
        "Get": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {
                "RestApiId": { "Ref": "Api" },
                "ResourceId": { "Ref": "Leaf" },
                "HttpMethod": "GET",
                "RequestParameters": { "method.request.header.x-tenant": true },
                "RequestValidatorId": { "Ref": "Validator" },
                "Integration": {
                    "Type": "AWS_PROXY",
                    "IntegrationHttpMethod": "POST",
                    "Uri": uri,
                    "RequestParameters": {
                        "integration.request.header.X-Amz-Tenant-Id": "method.request.header.x-tenant",
                    },
                },
            },
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": { "Ref": "Api" }, "StageName": "v1", "Variables": { "color": "blue" },
            },
        },
    } })
}

#[tokio::test]
async fn a_template_of_cdk_is_served_resource_by_resource() {
    let options = ["--template", "cdk.out/Stack.template.json"];
    let setup = serving("Fn1", "", &options);
    fs::create_dir_all(setup.path("cdk.out/asset.1")).unwrap();
    fs::write(setup.path("cdk.out/Stack.template.json"), cdk().to_string()).unwrap();
    let server = setup.start().await;
    let api = server.second_address();
    let headers = [("x-tenant", "alice")];
    let reply = send(api, request(api, "GET", "/v1/pets/7", &headers, "")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    assert_eq!(answer["tenant"], "alice");
    assert_eq!(answer["event"]["pathParameters"], json!({ "id": "7" }));
    assert_eq!(answer["event"]["stageVariables"], json!({ "color": "blue" }));
    let missing = get(&server, "/v1/pets/7").await;
    assert_eq!(missing.json()["message"], "Missing required request parameters: [x-tenant]");
    let other = send(api, request(api, Method::PUT.as_str(), "/pets/7", &headers, "")).await;
    assert_eq!(
        (other.status, other.header("x-amzn-errortype")),
        (403, "MissingAuthenticationTokenException")
    );
}

/// The shortest form of such an API: one method, no validator, and mappings of all kinds.
const SHORT: &str = "
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /:
            get:
              parameters: [{name: tenant-id, in: query, required: true}]
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations
                requestParameters:
                  integration.request.header.X-Amz-Tenant-Id: method.request.querystring.tenant-id
                  integration.request.header.X-Stage: context.stage
                  integration.request.querystring.who: \"'mtl'\"
                  integration.request.path.place: method.request.header.Host
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., Runtime: provided.al2023, TenancyConfig: {TenantIsolationMode: PER_TENANT}}
  Url:
    Type: AWS::Lambda::Url
    Properties: {TargetFunctionArn: !GetAtt G.Arn, AuthType: NONE}
  G:
    Type: AWS::Lambda::Function
    Properties: {Code: ., Runtime: provided.al2023, TenancyConfig: {TenantIsolationMode: PER_TENANT}}
";

#[tokio::test]
async fn mappings_reach_the_event_and_lambda_refuses_who_names_no_tenant() {
    let server = serving("F", SHORT, &[]).start().await;
    let reply = get(&server, "/Prod?tenant-id=alice").await;
    let event = reply.json()["event"].take();
    assert_eq!(event["headers"]["x-stage"], "Prod");
    assert_eq!(event["headers"].get("x-amz-tenant-id"), None);
    assert_eq!(event["queryStringParameters"], json!({ "tenant-id": "alice", "who": "mtl" }));
    assert_eq!(event["pathParameters"]["place"], server.second_address().to_string());
    let missing = get(&server, "/Prod").await;
    let message = "The invoked function is enabled with tenancy configuration. \
                   Add a valid tenant ID in your request and try again.";
    assert_eq!((missing.status, missing.json()), (400, json!({ "message": message })));
    let said = server.stderr();
    assert!(said.contains("G is not served: a function URL is not supported"), "{said}");
}

#[tokio::test]
async fn an_api_may_be_described_in_a_file_of_its_own() {
    let openapi = json!({ "openapi": "3.0.1", "paths": { "/pets": { "get": {
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "uri": { "Fn::Sub":
                "arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${A.Arn}/invocations" },
        },
    } } } });
    let function =
        "  A: {Type: AWS::Serverless::Function, Properties: {CodeUri: ., Runtime: provided}}\n";
    for description in [
        "DefinitionUri: api/openapi.json",
        "DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: api/openapi.json}}}",
    ] {
        let api = format!(
            "Resources:\n{function}  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      \
             StageName: Prod\n      {description}\n"
        );
        let setup = serving("A", &api, &[]);
        fs::create_dir(setup.path("api")).unwrap();
        fs::write(setup.path("api/openapi.json"), openapi.to_string()).unwrap();
        let server = setup.start().await;
        assert_eq!(get(&server, "/pets").await.status, 200, "{description}: {}", server.stderr());
    }
}

#[tokio::test]
async fn a_handler_of_a_template_runs_in_the_folder_of_its_code() {
    let template = "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
                    CodeUri: src/\n      Runtime: provided.al2023\n";
    let setup = serving("A", template, &[]);
    fs::create_dir_all(setup.path(".aws-sam/build/A")).unwrap();
    let expected = fs::canonicalize(setup.path(".aws-sam/build/A")).unwrap();
    let server = setup.start().await;
    let event = json!({ "env": ["LAMBDA_TASK_ROOT"] });
    let path = "/2015-03-31/functions/A/invocations";
    let answer = server.post(path, &[], event.to_string()).await.answer();
    assert_eq!(answer["variables"]["LAMBDA_TASK_ROOT"], expected.to_str().unwrap());
}

/// An API with CORS, one method for each way in which a template may say what is special about it.
const SPECIAL: &str = r#"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      MergeDefinitions: true
      Cors: {AllowOrigin: "'*'", AllowHeaders: "'x-a'", MaxAge: "'600'"}
      BinaryMediaTypes: [image~1png]
      DefinitionBody:
        openapi: 3.0.1
        paths:
          /slow:
            post:
              x-amazon-apigateway-integration: &lambda
                type: AWS_PROXY
                uri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${F.Arn}/invocations
                timeoutInMillis: 50
          /mock:
            get:
              x-amazon-apigateway-integration:
                type: mock
                responses:
                  default:
                    statusCode: "204"
                    responseParameters: {method.response.header.X-One: "'1'"}
          /other:
            get: {x-amazon-apigateway-integration: {type: http_proxy, uri: http://x}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      Events:
        Echo:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /echo
            Method: post
            RequestParameters:
              - method.request.header.X-Needed: {Required: true}
              - method.request.querystring.q
            RequestModel: {Model: M, ValidateParameters: true}
        NotChecked:
          Type: Api
          Properties:
            RestApiId: !Ref Api
            Path: /not-checked
            Method: x-amazon-apigateway-any-method
            RequestParameters:
              - method.request.header.X-Needed: {Required: true}
"#;

#[tokio::test]
async fn pages_of_other_sites_may_ask_what_they_may() {
    let server = serving("F", SPECIAL, &[]).start().await;
    let api = server.second_address();
    for path in ["/echo", "/slow", "/Prod/mock"] {
        let reply = send(api, request(api, "OPTIONS", path, &[("Origin", "http://x")], "")).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("access-control-allow-headers"), "x-a");
        assert_eq!(reply.header("access-control-max-age"), "600");
        let methods = reply.header("access-control-allow-methods");
        assert_eq!(methods, "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT");
    }
}

#[tokio::test]
async fn methods_of_a_template_have_their_time_their_bytes_and_their_parameters() {
    let server = serving("F", SPECIAL, &[]).start().await;
    let api = server.second_address();
    let slow = json!({ "do": "sleep", "ms": 2_000 }).to_string();
    let reply = send(api, request(api, "POST", "/slow", &[], slow)).await;
    let message = json!({ "message": "Endpoint request timed out" });
    assert_eq!((reply.status, reply.json()), (504, message));
    let needed = [("X-Needed", "1")];
    let bytes = [("X-Needed", "1"), ("Content-Type", "image/png")];
    let reply = send(api, request(api, "POST", "/echo", &bytes, &b"\xff\x00"[..])).await;
    let event = reply.json()["event"].take();
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    let answer = json!({ "answer": { "body": "/wA=", "isBase64Encoded": true } }).to_string();
    let accepting = [needed[0], ("Accept", "image/png")];
    let reply = send(api, request(api, "POST", "/echo", &accepting, answer)).await;
    assert_eq!(&reply.body[..], b"\xff\x00");
    let reply = send(api, request(api, "POST", "/echo", &[], "")).await;
    let message = "Missing required request parameters: [X-Needed]";
    assert_eq!((reply.status, reply.json()["message"].as_str()), (400, Some(message)));
    // Without a model that says so, AWS looks at nothing.
    assert_eq!(get(&server, "/not-checked").await.status, 200);
    let mock = get(&server, "/mock").await;
    assert_eq!((mock.status, mock.header("x-one")), (204, "1"));
    let said = server.stderr();
    assert!(said.contains("GET /other: its integration is `http_proxy`, and only aws_proxy"));
}

/// What `mtl serve` says about a template that it doesn't serve.
fn refused(template: &str, options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    let mut mtl = std::process::Command::new(env!("CARGO_BIN_EXE_mtl"));
    let output = mtl.arg("serve").args(options).current_dir(folder.path()).output().unwrap();
    let stderr =
        String::from_utf8_lossy(&output.stderr).replace(folder.path().to_str().unwrap(), "");
    (output.status.code(), stderr)
}

#[tokio::test]
async fn the_template_of_the_readme_is_served_as_it_is() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, template) = readme.split_once("```yaml\n").unwrap();
    let (template, _) = template.split_once("```").unwrap();
    let server = serving("Tracker", template, &[]).start().await;
    let reply = get(&server, "/Prod?tenant-id=alice").await;
    assert_eq!((reply.status, &reply.json()["tenant"]), (200, &json!("alice")));
    assert_eq!(get(&server, "/Prod").await.status, 400);
}

#[test]
fn a_mistake_in_a_template_has_its_file_line_and_column() {
    let (code, said) = refused("Resources:\n  A: [1\n  B: 2\n", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("template.yaml:"), "{said}");
    let (code, said) = refused("Resources:\n  A: 1\n  A: 2\n", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("error: template.yaml:3:3: `A` is there twice"), "{said}");
    let (_, said) = refused("a: 1", &[]);
    assert!(said.contains("this is no template: it has no `Resources`"), "{said}");
}

#[test]
fn a_template_that_can_not_be_served_says_why() {
    let template = "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties: {CodeUri: s3://b/k}\n";
    let (code, said) = refused(template, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("A is not served: its code is in S3: `s3://b/k`"), "{said}");
    let (code, said) = refused(template, &["--parameter", "X=1"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("has no parameter `X`"), "{said}");
    let (_, said) = refused(SAM, &["--command", "Absent=x"]);
    assert!(said.contains("the template has no function `Absent`"), "{said}");
}

#[tokio::test]
async fn a_command_wins_over_the_template_of_the_folder() {
    let setup = Setup::example(&[]);
    fs::write(setup.path("template.yaml"), "no template at all").unwrap();
    let server = setup.serving(&[function::program().as_os_str()]).start().await;
    assert_eq!(server.answer("alice", &json!({})).await["count"], 1);
}

/// Two APIs, and one of events alone, with what AWS looks at and mtl doesn't.
const SEVERAL: &str = r#"
Globals:
  Api:
    Cors: "'https://app.example'"
    Auth:
      DefaultAuthorizer: Door
      Authorizers:
        Door: {FunctionArn: !GetAtt F.Arn}
Resources:
  Public:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: public}
  PublicMethod:
    Type: AWS::ApiGateway::Method
    Properties: &method
      RestApiId: !Ref Public
      ResourceId: !GetAtt Public.RootResourceId
      HttpMethod: GET
      ApiKeyRequired: true
      Integration:
        Type: AWS_PROXY
        IntegrationHttpMethod: POST
        Uri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${F.Arn}/invocations
  PublicDeployment:
    Type: AWS::ApiGateway::Deployment
    Properties: {RestApiId: !Ref Public, StageName: live}
  Internal:
    Type: AWS::ApiGateway::RestApi
    Properties: {Name: internal}
  InternalMethod:
    Type: AWS::ApiGateway::Method
    Properties:
      <<: *method
      RestApiId: !Ref Internal
      ResourceId: !GetAtt Internal.RootResourceId
  InternalStage:
    Type: AWS::ApiGateway::Stage
    Properties: {RestApiId: !Ref Internal, StageName: inside, Variables: {v: internal}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      Events:
        Locked: {Type: Api, Properties: {Path: /x, Method: get}}
        Open: {Type: Api, Properties: {Path: /open, Method: get, Auth: {Authorizer: NONE}}}
        Lost: {Type: Api, Properties: {Path: /y, Method: get, Auth: {Authorizer: Nobody}}}
        Elsewhere: {Type: Api, Properties: {Path: /z, Method: get, RestApiId: Nowhere}}
"#;

#[tokio::test]
async fn each_api_of_a_template_is_served_at_a_port_of_its_own() {
    let server = serving("F", SEVERAL, &["-o", "json"]).start().await;
    let stdout = server.wait_for_stdout("\"ready\"").await;
    let ready: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    let of = |name: &str| -> std::net::SocketAddr {
        let url = ready["apis"][name].as_str().unwrap_or_else(|| panic!("no {name} in {ready}"));
        url.strip_prefix("http://").unwrap().parse().unwrap()
    };
    let stage = async |name: &str, path: &str| {
        let reply = send(of(name), request(of(name), "GET", path, &[], "")).await;
        reply.json()["event"]["requestContext"]["stage"].take()
    };
    assert_eq!(stage("Public", "/live").await, "live");
    assert_eq!(stage("Internal", "/inside").await, "inside");
    let events = of("ServerlessRestApi");
    let status = async |method: &str, path: &str| {
        send(events, request(events, method, path, &[], "")).await.status
    };
    // The authorizer of `Globals` guards the methods of events too, and lets preflight requests pass.
    assert_eq!(status("GET", "/x").await, 401);
    assert_eq!(status("OPTIONS", "/x").await, 200);
    assert_eq!(status("GET", "/open").await, 200);
    assert_eq!(status("GET", "/y").await, 403, "a method without its authorizer is open to nobody");
    let said = server.stderr();
    for expected in [
        "its authorizer `Nobody` is not there, so it is not served",
        "an event names the API `Nowhere`, which is not there",
        "API keys are not looked at: all may pass",
    ] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
}

#[tokio::test]
async fn the_place_of_tenants_is_given_to_the_methods_that_have_none() {
    let template = SAM.replace("requestParameters:", "x:").replace("parameters:", "y:");
    let server = serving("Tracker", &template, &["--tenant-from", "header:X-Org"]).start().await;
    let api = server.second_address();
    let reply = send(api, request(api, "GET", "/orders", &[("X-Org", "acme")], "")).await;
    assert_eq!(reply.json()["tenant"], "acme", "{:?}", reply.body);
    let reply = get(&server, "/orders").await;
    assert_eq!(reply.json()["message"], "Missing required request parameters: [X-Org]");
}
