//! Handlers of Node.js.

use serde_json::{Value, json};

use crate::handlers::{call, on_both_of_node};

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
exports.never = async () => { await new Promise(() => {}); };
let late = 0;
exports.waits = (event, context, done) => { setTimeout(() => { late += 1; }, 50); done(null, late); };
exports.leaves = (event, context, done) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60000);
  done(null, "left");
};
exports.fires = (event, context, done) => { setTimeout(() => { throw new Error("late"); }, 50); done(null, 1); };
exports.both = async (event, context, done) => { done(null, "called"); return "returned"; };
exports.late = async (event, context, done) => { done(null, "first"); throw new Error("too late"); };
exports.named = async () => { throw Object.assign(new Error("x"), { name: "Ошибка" }); };
exports.nameless = async () => { throw Object.assign(new Error("x"), { name: undefined }); };
exports.odd = async () => { throw Object.assign(new Error("x"), { stack: 5 }); };
exports.realm = async () => { require("node:vm").runInNewContext("throw new TypeError('other')"); };
exports.logs = async () => {
  const it = {}; it.it = it; console.log(it); console.fatal("f"); console.warn("two", new RangeError("w"));
  return 1;
};
exports.default = async () => "default";
exports.unsaid = async () => () => 1;
exports.thrown = async () => { console.log(); throw 5; };
exports.mark = async () => awslambda.streamifyResponse(() => {})[Symbol.for("aws.lambda.runtime.handler.streaming")];
exports.marked = async (event, out) => { out.end("marked"); };
exports.marked[Symbol.for("aws.lambda.runtime.handler.streaming")] = "response";
"#;

const STREAMS: &str = r#"
exports.sync = awslambda.streamifyResponse((event, out) => { setTimeout(() => { out.end("late"); }, 1000); });
exports.object = awslambda.streamifyResponse(async (event, out) => { out.write({ a: 1 }); out.end(); });
exports.last = awslambda.streamifyResponse(async (event, out) => { out.end({ a: 1 }); });
exports.open = awslambda.streamifyResponse(async (event, out) => { out.write("abc"); });
"#;

#[test]
fn node_is_told_what_lambda_tells() {
    on_both_of_node(|serve| {
        let server = serve(("index.mjs", NODE), &["--handler", "index.handler"]);
        let answer =
            call(&server, &json!({}), &["--client-context", r#"{"custom":{"k":"é"}}"#, "--log"]);
        let expected = json!({
            "tenant": "a b",
            "left": true,
            "name": "function",
            "arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
            "custom": { "k": "é" },
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
        assert_eq!(
            call(&server, &json!({}), &[]).answer()["tenant"],
            "a b",
            "in a new environment"
        );
    });
}

#[test]
fn the_json_log_of_node_names_the_tenant() {
    on_both_of_node(|serve| {
        let arguments = ["--handler", "index.handler", "--log-format", "json"];
        let server = serve(("index.mjs", NODE), &arguments);
        let answer = call(&server, &json!({}), &["--log"]);
        let line = answer.stderr.lines().find(|line| line.contains("\"logged\""));
        let line: Value = serde_json::from_str(line.expect("it was logged")).expect("it is JSON");
        assert_eq!((&line["tenantId"], &line["level"]), (&json!("a b"), &json!("INFO")));
    });
}

#[test]
fn handlers_of_node_may_answer_in_each_way() {
    on_both_of_node(|serve| {
        for (handler, answer) in [
            ("index.callback", json!({ "via": "callback" })),
            ("index.nothing", Value::Null),
            ("index.member.of", json!("nested")),
            ("index.never", Value::Null),
            ("index.both", json!("called")),
            ("index.late", json!("first")),
            ("index.leaves", json!("left")),
            ("index.default", json!("default")),
            ("index.mark", json!("response")),
        ] {
            let server = serve(("index.cjs", COMMON_JS), &["--handler", handler]);
            assert_eq!(call(&server, &json!({}), &[]).answer(), answer, "{handler}");
        }
        for (handler, kind, message) in [
            ("index.fails", "RangeError", "refused"),
            ("index.loop", "Error", "Unable to stringify response body"),
            ("index.fires", "Error", "late"),
            ("index.named", "Ошибка", "x"),
            ("index.realm", "TypeError", "other"),
            ("index.unsaid", "TypeError", "Wrong arguments"),
            ("index.thrown", "number", "5"),
            (
                "index.absent",
                "Runtime.HandlerNotFound",
                "index.absent is undefined or not exported",
            ),
        ] {
            let server = serve(("index.cjs", COMMON_JS), &["--handler", handler]);
            let error = call(&server, &json!({}), &[]).json();
            assert_eq!(
                (&error["errorType"], &error["errorMessage"]),
                (&json!(kind), &json!(message))
            );
        }
    });
}

#[test]
fn an_answer_of_a_callback_waits_until_nothing_is_left_to_do() {
    on_both_of_node(|serve| {
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.waits"]);
        let answers = [0, 1, 2].map(|_| call(&server, &json!({}), &[]).answer());
        assert_eq!(answers, [0, 1, 2].map(Value::from), "each timer ran before the next event");
    });
}

#[test]
fn whatever_node_throws_and_logs_is_told() {
    on_both_of_node(|serve| {
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.nameless"]);
        assert_eq!(call(&server, &json!({}), &[]).json()["errorMessage"], "x");
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.odd"]);
        assert_eq!(call(&server, &json!({}), &[]).json()["errorType"], "handled");
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.logs"]);
        let log = call(&server, &json!({}), &["--log"]).stderr;
        assert!(log.contains("<ref *1> { it: [Circular *1] }"), "{log}");
        assert!(log.contains("\tFATAL\tf\n"), "{log}");
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.thrown"]);
        let log = call(&server, &json!({}), &["--log"]).stderr;
        assert!(log.contains("\tINFO\tundefined\n"), "{log}");
        let thrown = r#"Invoke Error 	{"errorType":"Error","errorMessage":"5","stack":["Error: 5""#;
        assert!(log.contains(thrown), "{log}");
        let json = ["--handler", "index.logs", "--log-format", "json"];
        let server = serve(("index.cjs", COMMON_JS), &json);
        let log = call(&server, &json!({}), &["--log"]).stderr;
        let warning = log.lines().find(|line| line.contains("\"WARN\"")).expect("it was logged");
        let warning: Value = serde_json::from_str(warning).expect("it is JSON");
        assert_eq!(warning["errorType"], "RangeError", "{warning}");
        assert_eq!(warning["errorMessage"], "w");
    });
}

#[test]
fn streams_of_node_that_are_no_streams_are_errors() {
    on_both_of_node(|serve| {
        let server = serve(("index.cjs", STREAMS), &["--handler", "index.sync"]);
        let refused = call(&server, &json!({}), &["--stream"]);
        let message = "Streaming does not support non-async handlers.";
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
        let server = serve(("index.cjs", STREAMS), &["--handler", "index.object"]);
        assert_eq!(call(&server, &json!({}), &["--stream"]).stdout, r#"{"a":1}"#);
        let server = serve(("index.cjs", STREAMS), &["--handler", "index.last"]);
        assert!(call(&server, &json!({}), &["--stream"]).stderr.contains("TypeError"));
        let server = serve(("index.cjs", COMMON_JS), &["--handler", "index.marked"]);
        assert_eq!(call(&server, &json!({}), &["--stream"]).stdout, "marked");
        let options = ["--handler", "index.open", "--timeout", "1"];
        let server = serve(("index.cjs", STREAMS), &options);
        let open = call(&server, &json!({}), &["--stream"]);
        assert_eq!(open.stdout, "abc");
        assert!(open.stderr.contains("Task timed out after 1.00 seconds"), "{}", open.stderr);
    });
}

#[test]
fn handlers_of_node_stream() {
    on_both_of_node(|serve| {
        let server = serve(("index.mjs", NODE), &["--handler", "index.stream"]);
        let streamed = call(&server, &json!({}), &["--stream"]);
        assert_eq!((streamed.code, streamed.stdout.as_str()), (Some(0), "one two"));
        let failed = call(&server, &json!({ "do": "raise" }), &["--stream"]);
        assert_eq!((failed.code, failed.stdout.as_str()), (Some(3), "one "));
        assert!(failed.stderr.contains("Error: half way"), "{}", failed.stderr);
        let server = serve(("index.mjs", NODE), &["--handler", "index.http"]);
        let http = call(&server, &json!({}), &["--stream"]);
        assert_eq!(http.stdout, "{\"statusCode\":201}\0\0\0\0\0\0\0\0body");
    });
}

#[test]
fn files_of_node_are_found_as_lambda_finds_them() {
    on_both_of_node(|serve| {
        let default = "export default { handler: async () => 1 };";
        let server = serve(("index.mjs", default), &["--handler", "index.handler"]);
        let error = call(&server, &json!({}), &[]).json();
        assert_eq!(error["errorType"], "Runtime.HandlerNotFound", "only what is exported counts");
        let server = serve(("index.mjs", "import 'absent';"), &["--handler", "index.handler"]);
        let error = call(&server, &json!({}), &[]).json();
        assert_eq!(error["errorType"], "Error", "{error}");
        let help = "help: install its packages";
        server.process.stderr.wait_for("help", |said| said.contains(help).then_some(()));
        let server = serve(("index.cjs", "require('absent');"), &["--handler", "index.handler"]);
        let error = call(&server, &json!({}), &[]).json();
        assert_eq!(error["errorType"], "Runtime.ImportModuleError", "{error}");
        let server = serve(
            ("index.js", "exports.handler = async () => 1;"),
            &["--handler", "index.handler"],
        );
        let folder = server.folder.path().join("index");
        std::fs::create_dir(folder).expect("the temp folder can be written");
        assert_eq!(call(&server, &json!({}), &[]).answer(), 1, "a folder of that name isn't it");
    });
}
