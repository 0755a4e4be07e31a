//! `mtl serve --template`: functions and APIs as templates of SAM, CloudFormation and CDK have them. The
//! function under test runs in place of their code.

use std::fs;

use http::Method;
use serde_json::{Value, json};

use crate::function;
use crate::http::{Reply, request, send};
use crate::server::{Server, Setup};

/// A multi-tenant function behind an API that maps a query parameter, with all that SAM needs.
pub(crate) const SAM: &str = r#"
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
pub(crate) fn serving(name: &str, template: &str, options: &[&str]) -> Setup {
    let program = format!("{name}={}", function::program().display());
    let setup = Setup::example(&[&["--command", &program, "--api-port", "0"], options].concat());
    fs::write(setup.path("template.yaml"), template).unwrap();
    setup
}

pub(crate) async fn get(server: &Server, path: &str) -> Reply {
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

/// What `mtl serve` says about a template that it doesn't serve.
fn refused(template: &str, options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("template.yaml"), template).unwrap();
    let mut mtl = std::process::Command::new(crate::function::mtl());
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

/// Functions whose tenancy is unclear or whose limits AWS refuses, and one with what only production has.
const DOUBTFUL: &str = r#"
Parameters:
  Env: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Mode: {Type: String}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  HasZones: !Not [!Equals [!Join ["", !Ref Zones], ""]]
Resources:
  Spelled: {Type: AWS::Serverless::Function, Properties: {TenancyConfig: {TenantIsolationMode: per_tenant}}}
  Text: {Type: AWS::Serverless::Function, Properties: {TenancyConfig: PER_TENANT}}
  Asked: {Type: AWS::Serverless::Function, Properties: {TenancyConfig: {TenantIsolationMode: !Ref Mode}}}
  Misspelt: {Type: AWS::Serverless::Function, Properties: {TenancyConfiguration: {TenantIsolationMode: PER_TENANT}}}
  Small: {Type: AWS::Serverless::Function, Properties: {MemorySize: 64}}
  Long: {Type: AWS::Serverless::Function, Properties: {Timeout: 901}}
  Leveled: {Type: AWS::Serverless::Function, Properties: {LoggingConfig: {SystemLogLevel: WARN}}}
  Loud: {Type: AWS::Serverless::Function, Properties: {LoggingConfig: {LogFormat: JSON, SystemLogLevel: ERROR}}}
  Http: {Type: AWS::Serverless::HttpApi}
  F:
    Type: AWS::Serverless::Function
    Condition: HasZones
    Properties:
      CodeUri: .
      Runtime: provided.al2023
      TenancyConfig: {TenantIsolationMode: PER_TENANT}
      Layers: [!Sub "arn:aws:lambda:${AWS::Region}:1:layer:x:1"]
      ProvisionedConcurrencyConfig: !If [IsProd, {ProvisionedConcurrentExecutions: 1}, !Ref AWS::NoValue]
      EventInvokeConfig: {MaximumRetryAttempts: 2}
      LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: ERROR, SystemLogLevel: WARN}
      Environment: {Variables: {ZONE: !Select [1, !Ref Zones], SECRET: "{{resolve:ssm:/x}}"}}
"#;

#[tokio::test]
async fn what_is_unclear_or_refused_is_not_served_and_what_is_missing_is_named() {
    let server = serving("F", DOUBTFUL, &[]).start().await;
    let said = server.stderr();
    for expected in [
        "Spelled is not served: its `TenancyConfig` is not `TenantIsolationMode: PER_TENANT`",
        "Text is not served: its `TenancyConfig` is not",
        "Asked is not served: its `TenancyConfig`: the value of Ref Mode is not known here",
        "Misspelt is not served: `TenancyConfiguration` is no property of functions",
        "Small is not served: its `MemorySize` is not 128 to 10240 MB",
        "Long is not served: its `Timeout` is not 1 to 900 seconds",
        "Http (AWS::Serverless::HttpApi): HTTP APIs are not served",
        "F: its layers are not there",
        "Leveled is not served: its `LoggingConfig` has log levels, which only `LogFormat: JSON` has",
        "Loud is not served: its `SystemLogLevel` can't be `ERROR`",
        "the parameter Mode has no value, without which AWS does not deploy it; --parameter Mode=VALUE",
        "the variable `SECRET` is not set: what a dynamic reference comes to is not known here",
        "serving F of",
    ] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
    let answer = invoke(&server, "F", &json!({ "env": ["ZONE"] })).await.answer();
    assert_eq!(answer["variables"]["ZONE"], "b");
    let (exit, said) = refused(DOUBTFUL, &["--parameter", "Env=staging"]);
    assert_eq!(exit, Some(2));
    assert!(said.contains("the parameter Env is one of dev, prod, not `staging`"), "{said}");
}

#[tokio::test]
async fn what_sam_has_built_is_served_and_named() {
    let setup = serving("F", DOUBTFUL, &[]);
    fs::create_dir_all(setup.path(".aws-sam/build/F")).unwrap();
    let server = setup.start().await;
    let said = server.stderr();
    assert!(said.contains("F as `sam build` left it in `.aws-sam`"), "{said}");
    let root = invoke(&server, "F", &json!({ "env": ["LAMBDA_TASK_ROOT"] })).await.answer();
    let root = root["variables"]["LAMBDA_TASK_ROOT"].as_str().unwrap();
    assert!(root.ends_with(".aws-sam/build/F"), "{root}");
}

#[tokio::test]
async fn code_that_has_gone_is_named() {
    let template = DOUBTFUL.replace("CodeUri: .", "CodeUri: code");
    let setup = serving("F", &template, &[]);
    fs::create_dir(setup.path("code")).unwrap();
    let server = setup.start().await;
    fs::remove_dir(server.path("code")).unwrap();
    invoke(&server, "F", &json!({})).await;
    server.wait_for_stderr("help: the folder of the code has gone since mtl was started").await;
}

#[tokio::test]
async fn log_levels_of_a_template_filter_what_is_logged() {
    let server = serving("F", DOUBTFUL, &[]).start().await;
    let (low, high) = (r#"{"level":"info","m":"low"}"#, r#"{"level":"error","m":"high"}"#);
    let lines = [low, "no level", high].map(|line| format!("{line}\n"));
    let event =
        json!({ "do": "print", "stdout": lines, "stderr": [], "env": ["AWS_LAMBDA_LOG_LEVEL"] });
    let answer = invoke(&server, "F", &event).await.answer();
    assert_eq!(answer["variables"]["AWS_LAMBDA_LOG_LEVEL"], "ERROR");
    let fail = json!({ "do": "exit", "status": 1 });
    invoke(&server, "F", &fail).await;
    let log = server.wait_for_stdout("platform.report").await;
    assert!(log.contains(high) && !log.contains("low") && !log.contains("no level"), "{log}");
    assert!(!log.contains("platform.start") && !log.contains("\"success\""), "{log}");
}

#[tokio::test]
async fn a_template_that_changes_is_read_at_the_next_start() {
    let server = serving("F", DOUBTFUL, &["--watch"]).start().await;
    fs::write(server.path("template.yaml"), DOUBTFUL.replace("prod", "live")).unwrap();
    server.wait_for_stderr("`template.yaml` changed: start mtl again to serve what it says").await;
}

#[tokio::test]
async fn arguments_win_over_the_template() {
    let options = ["--tenant-isolation-mode", "NONE", "--architecture", "arm64", "--timeout", "7"];
    let setup = serving("F", DOUBTFUL, &[&options[..], &["--function-name", "other"]].concat());
    let server = setup.start().await;
    assert!(server.stderr().contains("no function of the template has the name `other`"));
    let path = "/2015-03-31/functions/F/configuration";
    let address = server.address;
    let configuration = send(address, request(address, "GET", path, &[], "")).await.json();
    assert_eq!(configuration["Architectures"], json!(["arm64"]));
    assert_eq!(configuration["Timeout"], 7);
    assert_eq!(configuration.get("TenancyConfig"), None);
}
