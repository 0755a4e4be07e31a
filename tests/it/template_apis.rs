//! The APIs of templates: each at a port of its own, with the methods, mappings and answers that AWS would
//! make of the template.

use std::fs;

use serde_json::{Value, json};

use crate::http::{request, send};
use crate::templates::{SAM, get, serving};

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
    assert_eq!(event["headers"]["X-Stage"], "Prod");
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
async fn a_method_without_a_mapping_hides_no_other_that_any_caller_can_use() {
    let unmapped = "
            post:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${F.Arn}/invocations
            get:
";
    let template = SHORT.replacen("\n            get:\n", unmapped, 1);
    let server = serving("F", &template, &[]).start().await;
    let said = server.stderr();
    assert!(said.contains("callers choose the tenant id (query string tenant-id)"), "{said}");
    assert!(said.contains("not every method maps a tenant id"), "{said}");
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

/// Two APIs, and one of events alone, with what AWS looks at and mtl doesn't.
const SEVERAL: &str = r#"
Globals:
  Api:
    Cors: "'https://app.example'"
    Auth:
      DefaultAuthorizer: Door
      AddDefaultAuthorizerToCorsPreflight: false
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
  UnclearMethod:
    Type: AWS::ApiGateway::Method
    Properties:
      <<: *method
      HttpMethod: PUT
      AuthorizationType: !ImportValue kind
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
        Unclear: {Type: Api, Properties: {Path: /u, Method: get, Auth: {Authorizer: !Ref Unknown}}}
        Nothing: {Type: Api, Properties: {Path: /n, Method: !ImportValue verb}}
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
    // The authorizer of `Globals` guards the methods of events too, but no preflight requests here.
    assert_eq!(status("GET", "/x").await, 401);
    assert_eq!(status("OPTIONS", "/x").await, 200);
    assert_eq!(status("GET", "/open").await, 200);
    assert_eq!(status("GET", "/y").await, 403, "a method without its authorizer is open to nobody");
    for unclear in ["/u", "/n"] {
        assert_eq!(status("GET", unclear).await, 403, "{unclear}: what isn't known is not guessed");
    }
    let public = of("Public");
    let unclear = send(public, request(public, "PUT", "/live", &[], "")).await;
    assert_eq!(unclear.status, 403);
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

/// What mtl serves and AWS refuses, or would answer in another way.
const DOUBTED: &str = r#"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      DefinitionBody:
        openapi: 3.0.1
        x-amazon-apigateway-request-validators: {all: {validateRequestBody: true}}
        paths:
          /a:
            get:
              x-amazon-apigateway-request-validator: all
              x-amazon-apigateway-integration: &lambda
                type: aws_proxy
                httpMethod: GET
                uri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${F.Arn}/invocations
                requestParameters:
                  integration.request.header.X-One: method.request.querystring.undeclared
                  integration.request.header.X-Two: context.authorizer.tenantId
          /health:
            get:
              x-amazon-apigateway-integration:
                type: mock
                requestTemplates: {application/json: '{"statusCode": 404}'}
                responses:
                  "200": {statusCode: "200"}
                  "404": {statusCode: "404", responseTemplates: {application/json: '{"color":"x#fff"}'}}
          /program:
            get:
              x-amazon-apigateway-integration:
                type: mock
                responses: {default: {statusCode: "200", responseTemplates: {application/json: "$context.stage"}}}
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: ., Runtime: provided.al2023}}
"#;

#[tokio::test]
async fn what_aws_would_not_deploy_is_served_and_said() {
    let server = serving("F", DOUBTED, &[]).start().await;
    let mock = get(&server, "/health").await;
    assert_eq!((mock.status, mock.json()), (404, json!({ "color": "x#fff" })));
    let said = server.stderr();
    for expected in [
        "GET /a: it maps the query string undeclared without declaring that parameter",
        "GET /a: it maps context.authorizer.tenantId, and has no Lambda authorizer",
        "GET /a: Lambda is called with POST, so with `GET` every call fails on AWS",
        "GET /a: its validator looks at bodies too",
        "GET /program: its response template is not evaluated",
    ] {
        assert!(said.contains(expected), "no `{expected}` in {said}");
    }
}
