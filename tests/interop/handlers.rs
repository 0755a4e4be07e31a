//! `mtl serve --handler`: handlers of Python and Node.js without any package, on mtl's own runtime
//! clients; those of Python on AWS's client too, which must pass the same tests.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::mtl::{Invoked, Server, invoke};
use crate::provision::tools;

const PYTHON: &str = r#"
import logging
import os

logging.getLogger().setLevel(logging.INFO)

def handler(event, context):
    logging.info("logged")
    if event.get("do") == "raise":
        raise ValueError("boom")
    if event.get("do") == "set":
        return {1}
    return {
        "tenant": context.tenant_id,
        "left": 0 < context.get_remaining_time_in_millis() <= 3000,
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "group": context.log_group_name,
        "custom": context.client_context.custom if context.client_context else None,
        "trace": os.environ["_X_AMZN_TRACE_ID"].startswith("Root=1-"),
        "umlaut": "ä",
    }
"#;

const NODE: &str = r#"
export const handler = async (event, context) => {
  console.log("logged");
  if (event.do === "raise") throw new TypeError("boom");
  if (event.do === "reject") {
    Promise.reject(new Error("lost"));
    await new Promise(() => setTimeout(() => {}, 10000));
  }
  return {
    tenant: context.tenantId,
    left: context.getRemainingTimeInMillis() > 0,
    name: context.functionName,
    arn: context.invokedFunctionArn,
    custom: context.clientContext?.custom,
    trace: process.env._X_AMZN_TRACE_ID.startsWith("Root=1-"),
  };
};
export const stream = awslambda.streamifyResponse(async (event, out) => {
  out.write("one ");
  if (event.do === "raise") throw new Error("half way");
  out.write("two");
  out.end();
});
export const http = awslambda.streamifyResponse(async (event, out) => {
  const response = awslambda.HttpResponseStream.from(out, { statusCode: 201 });
  response.write("body");
  response.end();
});
"#;

const COMMON_JS: &str = r#"
exports.callback = (event, context, done) => setTimeout(() => done(null, { via: "callback" }), 1);
exports.fails = (event, context, done) => done(new RangeError("refused"));
exports.nothing = (event) => 5;
exports.member = { of: async () => "nested" };
exports.loop = async () => { const it = {}; it.it = it; return it; };
"#;

/// Serves a handler of this file. The system's Python has no client of AWS; `path` may have one.
fn serve((file, text): (&str, &str), arguments: &[&str], path: Option<&Path>) -> Server {
    let folder = TempDir::new().expect("the temp folder can be written");
    fs::write(folder.path().join(file), text).expect("the temp folder can be written");
    Server::start(folder, arguments, path)
}

fn call(server: &Server, event: &Value, options: &[&str]) -> Invoked {
    let event = event.to_string();
    let arguments = ["--endpoint", &server.endpoint, "--tenant-id", "a b", "--payload", &event];
    invoke(&[&arguments, options].concat(), &[])
}

/// Runs a test on mtl's client and on AWS's.
fn on_both_clients(test: impl Fn(&dyn Fn(&str, &[&str]) -> Server)) {
    let python = tools().python();
    let with_official = python.parent().expect("a program is in a folder");
    for path in [None, Some(with_official)] {
        test(&|text, arguments| {
            let server = serve(("app.py", text), arguments, path);
            let client = if path.is_some() { "awslambdaric" } else { "mtl's runtime client" };
            server.process.stderr.wait_for("client", |said| said.contains(client).then_some(()));
            server
        });
    }
}

#[test]
fn python_is_told_what_lambda_tells() {
    on_both_clients(|serve| {
        let server = serve(PYTHON, &["--handler", "app.handler"]);
        let answer = call(&server, &json!({}), &["--client-context", r#"{"custom":{"k":1}}"#]);
        let expected = json!({
            "tenant": "a b",
            "left": true,
            "name": "function",
            "arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
            "memory": "128",
            "group": "/aws/lambda/function",
            "custom": { "k": 1 },
            "trace": true,
            "umlaut": "ä",
        });
        assert_eq!(answer.answer(), expected);
    });
}

#[test]
fn errors_of_python_have_the_shape_of_lambdas() {
    on_both_clients(|serve| {
        let server = serve(PYTHON, &["--handler", "app.handler"]);
        let failed = call(&server, &json!({ "do": "raise" }), &["--log"]);
        let error = failed.json();
        assert_eq!(
            (&error["errorType"], &error["errorMessage"]),
            (&json!("ValueError"), &json!("boom"))
        );
        assert_eq!(error["requestId"].as_str().map(str::len), Some(36), "{error}");
        let frames = error["stackTrace"].as_array().expect("a stack is a list");
        assert_eq!(frames.len(), 1, "{error}");
        let frame = frames[0].as_str().expect("a frame is a text");
        assert!(frame.contains("app.py\", line 10, in handler\n    raise ValueError"), "{frame}");
        let logged =
            "[ERROR] ValueError: boom\rTraceback (most recent call last):\r\u{a0}\u{a0}File ";
        assert!(failed.stderr.contains(logged), "{:?}", failed.stderr);
        let unsent = call(&server, &json!({ "do": "set" }), &[]).json();
        assert_eq!(unsent["errorType"], "Runtime.MarshalError");
        assert_eq!(
            unsent["errorMessage"],
            "Unable to marshal response: Object of type set is not JSON serializable"
        );
    });
}

#[test]
fn what_of_python_can_not_be_loaded_is_said_in_lambdas_words() {
    on_both_clients(|serve| {
        for (text, handler, kind, message) in [
            (
                "import nothing_of_that_name",
                "app.handler",
                "Runtime.ImportModuleError",
                "Unable to import module 'app': No module named 'nothing_of_that_name'",
            ),
            (
                PYTHON,
                "app.other",
                "Runtime.HandlerNotFound",
                "Handler 'other' missing on module 'app'",
            ),
            (
                "def handler(:",
                "app.handler",
                "Runtime.UserCodeSyntaxError",
                "Syntax error in module 'app': invalid syntax (app.py, line 1)",
            ),
        ] {
            let server = serve(text, &["--handler", handler]);
            let error = call(&server, &json!({}), &[]).json();
            assert_eq!(
                (&error["errorType"], &error["errorMessage"]),
                (&json!(kind), &json!(message))
            );
        }
    });
}

#[test]
fn the_json_log_of_python_names_the_tenant() {
    on_both_clients(|serve| {
        let server = serve(PYTHON, &["--handler", "app.handler", "--log-format", "json"]);
        let answer = call(&server, &json!({}), &["--log"]);
        let line = answer.stderr.lines().find(|line| line.contains("\"logged\""));
        let line: Value = serde_json::from_str(line.expect("it was logged")).expect("it is JSON");
        assert_eq!((&line["tenantId"], &line["level"]), (&json!("a b"), &json!("INFO")));
        assert_eq!(line["logger"], "root");
        assert_eq!(line["requestId"].as_str().map(str::len), Some(36));
    });
}

#[test]
fn node_is_told_what_lambda_tells() {
    let server = serve(("index.mjs", NODE), &["--handler", "index.handler"], None);
    let answer = call(&server, &json!({}), &["--client-context", r#"{"custom":{"k":1}}"#, "--log"]);
    let expected = json!({
        "tenant": "a b",
        "left": true,
        "name": "function",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
        "custom": { "k": 1 },
        "trace": true,
    });
    assert_eq!(answer.answer(), expected);
    assert!(answer.stderr.contains("\tINFO\tlogged\n"), "{}", answer.stderr);
    let failed = call(&server, &json!({ "do": "raise" }), &["--log"]);
    let error = failed.json();
    assert_eq!(
        (&error["errorType"], &error["errorMessage"]),
        (&json!("TypeError"), &json!("boom"))
    );
    let trace = error["trace"].as_array().expect("a trace is a list");
    assert_eq!(trace[0], "TypeError: boom");
    assert!(trace[1].as_str().is_some_and(|frame| frame.contains("index.mjs:4")), "{error}");
    assert!(failed.stderr.contains("\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\""));
    let lost = call(&server, &json!({ "do": "reject" }), &[]).json();
    assert_eq!(lost["errorType"], "Runtime.UnhandledPromiseRejection");
    assert_eq!(lost["errorMessage"], "Error: lost");
    assert_eq!(call(&server, &json!({}), &[]).answer()["tenant"], "a b", "in a new environment");
}

#[test]
fn the_json_log_of_node_names_the_tenant() {
    let arguments = ["--handler", "index.handler", "--log-format", "json"];
    let server = serve(("index.mjs", NODE), &arguments, None);
    let answer = call(&server, &json!({}), &["--log"]);
    let line = answer.stderr.lines().find(|line| line.contains("\"logged\""));
    let line: Value = serde_json::from_str(line.expect("it was logged")).expect("it is JSON");
    assert_eq!((&line["tenantId"], &line["level"]), (&json!("a b"), &json!("INFO")));
}

#[test]
fn handlers_of_node_may_answer_in_each_way() {
    for (handler, answer) in [
        ("index.callback", json!({ "via": "callback" })),
        ("index.nothing", Value::Null),
        ("index.member.of", json!("nested")),
    ] {
        let server = serve(("index.cjs", COMMON_JS), &["--handler", handler], None);
        assert_eq!(call(&server, &json!({}), &[]).answer(), answer, "{handler}");
    }
    for (handler, kind, message) in [
        ("index.fails", "RangeError", "refused"),
        ("index.loop", "Runtime.MarshalError", "Unable to stringify response body"),
        ("index.absent", "Runtime.HandlerNotFound", "index.absent is undefined or not exported"),
    ] {
        let server = serve(("index.cjs", COMMON_JS), &["--handler", handler], None);
        let error = call(&server, &json!({}), &[]).json();
        assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!(kind), &json!(message)));
    }
}

#[test]
fn handlers_of_node_stream() {
    let server = serve(("index.mjs", NODE), &["--handler", "index.stream"], None);
    let streamed = call(&server, &json!({}), &["--stream"]);
    assert_eq!((streamed.code, streamed.stdout.as_str()), (Some(0), "one two"));
    let failed = call(&server, &json!({ "do": "raise" }), &["--stream"]);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(3), "one "));
    assert!(failed.stderr.contains("Error: half way"), "{}", failed.stderr);
    let server = serve(("index.mjs", NODE), &["--handler", "index.http"], None);
    let http = call(&server, &json!({}), &["--stream"]);
    assert_eq!(http.stdout, "{\"statusCode\":201}\0\0\0\0\0\0\0\0body");
}

#[test]
fn a_handler_that_is_not_there_is_a_usage_error() {
    let folder = TempDir::new().expect("the temp folder can be written");
    for (arguments, said) in [
        (&["--handler", "app.handler"][..], "found no app.py, app.mjs, app.js or app.cjs"),
        (&["--handler", "app"], "`app` is no handler"),
        (&["--handler", "a.b", "--runtime", "java21"], "`java21` is no runtime"),
        (&["--handler", "a.b", "--", "x"], "cannot be used with"),
    ] {
        let mut command = crate::mtl::isolated(env!("CARGO_BIN_EXE_mtl"));
        let output = command.arg("serve").args(arguments).current_dir(folder.path()).output();
        let output = output.expect("mtl can be started");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
