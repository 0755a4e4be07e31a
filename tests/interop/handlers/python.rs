//! Handlers of Python.

use serde_json::{Value, json};

use crate::handlers::{call, on_both_of_python};

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

#[test]
fn python_is_told_what_lambda_tells() {
    on_both_of_python(|serve| {
        let server = serve(PYTHON, &["--handler", "app.handler"]);
        let answer = call(&server, &json!({}), &["--client-context", r#"{"custom":{"k":"é"}}"#]);
        let expected = json!({
            "tenant": "a b",
            "left": true,
            "name": "function",
            "arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
            "memory": "128",
            "group": "/aws/lambda/function",
            "custom": { "k": "é" },
            "trace": true,
            "umlaut": "ä",
        });
        assert_eq!(answer.answer(), expected);
    });
}

const VALUES: &str = r#"
from collections import namedtuple
from decimal import Decimal

Point = namedtuple("Point", "x y")

def handler(event, context):
    numbers = [Decimal("5"), Decimal("12345678901234567.89"), Decimal("1E+2")]
    return {"numbers": numbers, "point": Point(1, [Point(2, 3)]), "text": "ä", "bytes": [b"x"]}
"#;

#[test]
fn numbers_and_tuples_of_python_are_as_lambda_writes_them() {
    on_both_of_python(|serve| {
        let server = serve(VALUES, &["--handler", "app.handler"]);
        let written = call(&server, &json!({}), &[]).stdout;
        assert!(written.contains("[5, 12345678901234567.89, 1E+2]"), "{written}");
        let answer: Value = serde_json::from_str(&written).expect("it is JSON");
        assert_eq!(answer["point"], json!({ "x": 1, "y": [{ "x": 2, "y": 3 }] }));
        assert_eq!((&answer["text"], &answer["bytes"]), (&json!("ä"), &json!(["x"])));
    });
}

#[test]
fn errors_of_python_have_the_shape_of_lambdas() {
    on_both_of_python(|serve| {
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
            "[ERROR] ValueError: boom\nTraceback (most recent call last):\n\u{a0}\u{a0}File ";
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
    on_both_of_python(|serve| {
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
    on_both_of_python(|serve| {
        let server = serve(PYTHON, &["--handler", "app.handler", "--log-format", "json"]);
        let answer = call(&server, &json!({}), &["--log"]);
        let line = answer.stderr.lines().find(|line| line.contains("\"logged\""));
        let line: Value = serde_json::from_str(line.expect("it was logged")).expect("it is JSON");
        assert_eq!((&line["tenantId"], &line["level"]), (&json!("a b"), &json!("INFO")));
        assert_eq!(line["logger"], "root");
        assert_eq!(line["requestId"].as_str().map(str::len), Some(36));
        let failed = call(&server, &json!({ "do": "raise" }), &["--log"]).stderr;
        let line = failed.lines().find(|line| line.contains("\"boom\"")).expect("it was logged");
        let line: Value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!((&line["level"], &line["errorType"]), (&json!("ERROR"), &json!("ValueError")));
    });
}

const OWN_FORMAT: &str = r#"
import logging

log = logging.getLogger()

def handler(event, context):
    log.setLevel("INFO")
    log.handlers[0].setFormatter(logging.Formatter("%(aws_request_id)s of %(tenant_id)s: %(message)s"))
    log.info("own")
    return context.aws_request_id
"#;

#[test]
fn a_formatter_of_the_functions_own_has_the_request_and_the_tenant() {
    on_both_of_python(|serve| {
        let server = serve(OWN_FORMAT, &["--handler", "app.handler"]);
        let answer = call(&server, &json!({}), &["--log"]);
        let id = answer.answer();
        let line = format!("{} of a b: own", id.as_str().expect("an id is a text"));
        assert!(answer.stderr.contains(&line), "{}", answer.stderr);
    });
}

const SPAWNS: &str = r#"
import multiprocessing
import os

def work(pipe):
    pipe.send(os.getpid())

def handler(event, context):
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=work, args=(theirs,))
    process.start()
    worked = ours.recv() == process.pid
    process.join()
    return {"worked": worked, "code": process.exitcode}
"#;

#[test]
fn a_process_that_python_spawns_is_no_second_runtime() {
    on_both_of_python(|serve| {
        let server = serve(SPAWNS, &["--handler", "app.handler", "--timeout", "30"]);
        for _ in 0..2 {
            let answer = call(&server, &json!({}), &[]).answer();
            assert_eq!(answer, json!({ "worked": true, "code": 0 }));
        }
    });
}
