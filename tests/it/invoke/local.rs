//! A local invocation: what is sent, what every kind of server's answer becomes, and what is said
//! when there is none.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::invoke::server::{Published, Server, nowhere, read, response};
use crate::invoke::{invoke, run, run_with_stdin};

#[test]
fn text_files_and_stdin_reach_the_function_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("event.bin"), b"\xff\0\n").unwrap();
    for (payload, stdin, body) in [
        (None, &b""[..], &b"{}"[..]),
        (Some("{\"a\": 1}"), b"", b"{\"a\": 1}"),
        (Some("-5"), b"", b"-5"),
        (Some(""), b"", b""),
        (Some("@event.bin"), b"", b"\xff\0\n"),
        (Some("-"), b"\xfe from stdin\n", b"\xfe from stdin\n"),
    ] {
        let server = Server::answering(&[&response("200 OK", "", "true")]);
        let mut args = vec!["--endpoint", &server.url, "--tenant-id", "-a b"];
        args.extend(payload.map(|payload| ["-p", payload]).into_iter().flatten());
        let run = run_with_stdin(&mut invoke(folder.path(), &args), stdin);
        assert_eq!((run.exit, run.stdout(), &*run.stderr), (Some(0), "true\n", ""), "{payload:?}");
        let received = server.received();
        assert_eq!(received.body, body, "{payload:?}");
        assert_eq!(received.header("x-amz-tenant-id"), Some("-a b"));
        assert_eq!(received.header("lambda-runtime-aws-tenant-id"), None);
        assert_eq!(received.line, "POST /2015-03-31/functions/function/invocations HTTP/1.1");
    }
}

#[test]
fn a_path_is_posted_to_as_it_stands_with_both_tenant_headers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(&[&response("202 Accepted", "", "\"hello\"")]);
    let endpoint = format!("{}/invoke?x=%20", server.url);
    let args = ["--tenant", "alice", "--header", "X-Trace: a: b", "--header", "x-two:2"];
    let run = run(invoke(folder.path(), &args).env("MTL_ENDPOINT", endpoint));
    assert_eq!((run.exit, run.stdout(), &*run.stderr), (Some(0), "\"hello\"\n", ""));
    let received = server.received();
    assert_eq!(received.line, "POST /invoke?x=%20 HTTP/1.1");
    for (name, value) in [
        ("x-amz-tenant-id", "alice"),
        ("lambda-runtime-aws-tenant-id", "alice"),
        ("x-trace", "a: b"),
        ("x-two", "2"),
    ] {
        assert_eq!(received.header(name), Some(value), "{name}");
    }
}

#[test]
fn no_tenant_is_sent_unless_one_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(&[&response("200 OK", "", "1")]);
    let run = run(&mut invoke(folder.path(), &["--endpoint", &server.url, "my-function"]));
    assert_eq!(run.exit, Some(0));
    let received = server.received();
    assert_eq!(received.line, "POST /2015-03-31/functions/my-function/invocations HTTP/1.1");
    assert_eq!(received.header("x-amz-tenant-id"), None);
}

#[test]
fn function_errors_of_every_server_are_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let error = r#"{"errorMessage": "boom\n", "errorType": "ValueError", "stackTrace": []}"#;
    let value_error = r"(Unhandled): ValueError: boom\n";
    let exit = r#"{"errorType":"Runtime.ExitError","errorMessage":"exit status 42"}"#;
    let lambda = "X-Amz-Function-Error: Handled\r\nX-Amz-Executed-Version: $LATEST\r\n";
    for (server, answer, printed, text) in [
        ("mtl", response("200 OK", lambda, error), error, r"(Handled): ValueError: boom\n"),
        ("RIE", response("200 OK", "", error), error, value_error),
        (
            "RIE",
            response("502 Bad Gateway", "", exit),
            exit,
            "(Unhandled): Runtime.ExitError: exit status 42",
        ),
        (
            "RIE",
            response("200 OK", "", "Task timed out after 3.00 seconds"),
            "Task timed out after 3.00 seconds",
            "(Unhandled): Task timed out after 3.00 seconds",
        ),
        ("Swift", response("500 Internal Server Error", "", error), error, value_error),
        ("cargo-lambda", response("500 Internal Server Error", "", error), error, value_error),
    ] {
        let listener = Server::answering(&[&answer]);
        let run = run(&mut invoke(folder.path(), &["--endpoint", &listener.url]));
        assert_eq!((run.exit, run.stdout()), (Some(3), &*format!("{printed}\n")), "{server}");
        assert_eq!(run.stderr, format!("error: the function returned an error {text}\n"));
    }
}

#[test]
fn refusals_are_told_with_what_to_do() {
    const MISSING: &str = "The invoked function is enabled with tenancy configuration. Add a valid \
                           tenant ID in your request and try again.";
    let folder = tempfile::tempdir().unwrap();
    for (answer, exit, stderr) in [
        (
            response(
                "400 Bad Request",
                "x-amzn-ErrorType: InvalidParameterValueException\r\n",
                &json!({"Type": "User", "message": MISSING}).to_string(),
            ),
            1,
            format!(
                "error: the invocation was refused (InvalidParameterValueException): {MISSING}\n\
                 help: name the tenant with `--tenant-id`\n"
            ),
        ),
        (
            response(
                "429 Too Many Requests",
                "x-amzn-ErrorType: TooManyRequestsException\r\nRetry-After: 1\r\n",
                &json!({
                    "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                    "Type": "User",
                    "message": "Rate Exceeded."
                })
                .to_string(),
            ),
            4,
            "error: the invocation was throttled \
             (ReservedFunctionConcurrentInvocationLimitExceeded): Rate Exceeded.\n\
             help: try again in 1 s, or give `mtl serve` a higher `--reserved-concurrency`\n"
                .to_owned(),
        ),
        (
            response("404 Not Found", "", "404 page not found\n"),
            1,
            "error: the server answered `404 Not Found` and `404 page not found`\n\
             help: check the path of the endpoint and the name of the function (FUNCTION, \
             MTL_FUNCTION)\n"
                .to_owned(),
        ),
    ] {
        let server = Server::answering(&[&answer]);
        let run = run(&mut invoke(folder.path(), &["--endpoint", &server.url]));
        assert_eq!((run.exit, run.stdout(), &*run.stderr), (Some(exit), "", &*stderr));
    }
}

#[test]
fn a_server_that_hangs_up_is_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "SSH-2.0-x\r\n"] {
        let server = Server::answering(&[answer]);
        let run = run(&mut invoke(folder.path(), &["--endpoint", &server.url]));
        assert_eq!((run.exit, run.stdout()), (Some(1), ""));
        let opening = format!("error: failed to get an answer from `{}`\ncaused by: ", server.url);
        assert!(run.stderr.starts_with(&opening), "{}", run.stderr);
    }
}

#[test]
fn the_server_of_this_folder_is_found_and_the_others_are_named() {
    let [runtime, here, there] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let run = || {
        let mut command = invoke(here.path(), &["--tenant-id", "alice"]);
        run(command.env("XDG_RUNTIME_DIR", runtime.path()))
    };
    let server = Server::answering(&[&response("200 OK", "", "1")]);
    let published = Published::new(runtime.path(), here.path(), &server.url);
    assert_eq!(run().exit, Some(0));
    assert_eq!(server.received().header("x-amz-tenant-id"), Some("alice"));
    drop(published);

    let dead = nowhere();
    // The system may give out a port again as soon as it is free.
    let other = std::iter::repeat_with(nowhere).find(|other| *other != dead).unwrap();
    let _published = Published::new(runtime.path(), here.path(), &dead);
    let _other = Published::new(runtime.path(), there.path(), &other);
    let run = run();
    assert_eq!((run.exit, run.stdout()), (Some(1), ""));
    let opening =
        format!("error: failed to connect to `{dead}`\ncaused by: Connection refused (os error ");
    assert!(run.stderr.starts_with(&opening), "{}", run.stderr);
    let help = "\nhelp: start a server in this folder with `mtl serve`\n      or use the one of `";
    assert!(run.stderr.contains(help), "{}", run.stderr);
    let there = there.path().canonicalize().unwrap();
    let other = format!("`{}`: `--endpoint {other}`\n", there.display());
    assert!(run.stderr.contains(&other), "{}", run.stderr);
}

#[test]
fn json_is_one_document_with_the_members_of_the_sdk() {
    let folder = tempfile::tempdir().unwrap();
    let headers = "X-Amzn-RequestId: 8f5\r\nX-Amz-Executed-Version: $LATEST\r\n";
    let error = r#"{"errorType":"E","errorMessage":"m"}"#;
    let failed = format!("{headers}X-Amz-Function-Error: Unhandled\r\n");
    for (answer, exit, document) in [
        (
            response("200 OK", headers, "[1.50]\n"),
            0,
            json!({
                "StatusCode": 200,
                "ExecutedVersion": "$LATEST",
                "RequestId": "8f5",
                "Payload": [1.5]
            }),
        ),
        (
            response("200 OK", &failed, error),
            3,
            json!({
                "StatusCode": 200,
                "FunctionError": "Unhandled",
                "ExecutedVersion": "$LATEST",
                "RequestId": "8f5",
                "Payload": {"errorType": "E", "errorMessage": "m"}
            }),
        ),
        (response("200 OK", "", "text"), 0, json!({"StatusCode": 200, "Payload": "text"})),
    ] {
        let server = Server::answering(&[&answer]);
        let run = run(&mut invoke(folder.path(), &["-o", "json", "--endpoint", &server.url]));
        let printed: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!((run.exit, printed), (Some(exit), document));
    }
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut command = invoke(folder.path(), &["--endpoint", &url]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    read(&stream);
    // Before the response, so that mtl can't have printed anything yet.
    drop(child.stdout.take());
    stream.write_all(response("200 OK", "", "{}").as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn options_that_make_no_sense_are_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    for (args, error) in [
        (&["--remote", "f", "--endpoint", "http://h"][..], "`--remote` and `--endpoint` exclude"),
        (&["--remote", "f", "--header", "a: b"], "`--header` is for a local invocation"),
        (&["--remote"], "an invocation on AWS needs the name of the function"),
        (&["--region", "eu-west-1"], "`--region` is for an invocation on AWS"),
        (&["--profile", "p"], "`--profile` is for an invocation on AWS"),
        (&["--qualifier", "1"], "`--qualifier` is for an invocation on AWS"),
        (&["--retries", "1"], "`--retries` is for an invocation on AWS"),
        (&["--endpoint", "http://h/invoke", "f"], "an endpoint with a path takes no function name"),
        (&["--endpoint", "https://h"], "a local endpoint is plain http"),
        (&["--endpoint", "localhost:7000"], "an endpoint begins with `http://`"),
        (&["--tenant-id", ""], "a tenant id must have at least 1 character"),
        (&["--tenant-id", "a#b"], "not `#`"),
        (&["--tenant-id", "a", "--tenant-id", "b"], "several tenants are for a load"),
        (&["--header", "nothing"], "expected `Name: value`"),
        (&["--header", "Content-Length: 7"], "`content-length` follows from the payload"),
    ] {
        let run = run(&mut invoke(folder.path(), args));
        assert_eq!((run.exit, run.stdout()), (Some(2), ""), "{args:?}");
        assert!(run.stderr.contains(error), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn a_payload_that_cannot_be_read_is_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&mut invoke(folder.path(), &["-p", "@absent.json"]));
    assert_eq!(run.exit, Some(1));
    let opening = "error: failed to read `absent.json`\ncaused by: ";
    assert!(run.stderr.starts_with(opening), "{}", run.stderr);
}

#[test]
fn an_endpoint_on_the_command_line_wins_over_mtl_remote() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(&[&response("200 OK", "", "1")]);
    let mut command = invoke(folder.path(), &["--endpoint", &server.url]);
    assert_eq!(run(command.env("MTL_REMOTE", "1").env("MTL_FUNCTION", "f")).exit, Some(0));
    let received = server.received();
    assert_eq!(received.line, "POST /2015-03-31/functions/f/invocations HTTP/1.1");
    assert_eq!(received.header("authorization"), None);
}

#[test]
fn the_options_of_an_invocation_are_sent_as_the_headers_of_aws() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(&["HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"]);
    let options = ["--endpoint", &server.url, "--invocation-type", "Event", "--cold"];
    let run = run(&mut invoke(folder.path(), &options));
    assert_eq!((run.exit, run.stdout()), (Some(0), ""), "{}", run.stderr);
    let received = server.received();
    assert_eq!(received.header("x-amz-invocation-type"), Some("Event"));
    assert_eq!(received.header("x-mtl-cold"), Some("true"));
}

#[test]
fn options_that_make_no_sense_together_are_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        &["--stream", "--invocation-type", "Event"][..],
        &["--stream", "-o", "json"],
        &["--log", "--invocation-type", "DryRun"],
        &["--client-context", "{}", "--invocation-type", "Event"],
        &["--client-context", "[1]"],
        &["--cold", "--remote", "f"],
    ] {
        assert_eq!(run(&mut invoke(folder.path(), options)).exit, Some(2), "{options:?}");
    }
}
