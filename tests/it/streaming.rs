//! Answers that the function streams: when they arrive, how they end, and who waits for whom.

use std::fs;
use std::time::Duration;

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent::{InvokeComplete, PayloadChunk};
use aws_sdk_lambda::types::{
    InvokeWithResponseStreamCompleteEvent, InvokeWithResponseStreamResponseEvent, LogType,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::sdk::client;
use crate::server::{INVOCATIONS, Server, Setup};
use crate::wait::DEADLINE;

const HEAD: &str = "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x\r\n\
    Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\
    Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n";

async fn raw(options: &[&str]) -> Server {
    Setup::raw(&[&["--timeout", "20s"], options].concat()).start().await
}

fn write(text: &str) -> Value {
    json!({ "write": text })
}

fn chunk(text: &str) -> Value {
    write(&format!("{:x}\r\n{text}\r\n", text.len()))
}

/// What the SDK gets of a stream.
struct Stream {
    events: aws_sdk_lambda::primitives::event_stream::EventReceiver<
        InvokeWithResponseStreamResponseEvent,
        aws_sdk_lambda::types::error::InvokeWithResponseStreamResponseEventError,
    >,
}

impl Stream {
    async fn start(server: &Server, steps: &[Value], log_type: LogType) -> Self {
        let call = client(server).invoke_with_response_stream().function_name("function");
        let payload = Blob::new(json!({ "steps": steps }).to_string());
        let call = call.tenant_id("alice").payload(payload).log_type(log_type);
        let output = call.send().await.unwrap();
        assert_eq!(output.executed_version(), Some("$LATEST"));
        Self { events: output.event_stream }
    }

    async fn chunk(&mut self) -> String {
        match self.events.recv().await.unwrap() {
            Some(PayloadChunk(chunk)) => {
                String::from_utf8(chunk.payload.unwrap().into_inner()).unwrap()
            }
            other => panic!("expected a chunk, not {other:?}"),
        }
    }

    async fn end(&mut self) -> InvokeWithResponseStreamCompleteEvent {
        let end = match self.events.recv().await.unwrap() {
            Some(InvokeComplete(end)) => end,
            other => panic!("expected the end, not {other:?}"),
        };
        assert!(self.events.recv().await.unwrap().is_none());
        end
    }
}

async fn stream(server: &Server, steps: &[Value]) -> Stream {
    Stream::start(server, steps, LogType::None).await
}

#[tokio::test]
async fn what_is_written_arrives_before_the_rest_is_written() {
    let server = raw(&[]).await;
    let gate = server.path("gate");
    let steps = [
        write(HEAD),
        chunk("first"),
        json!({ "gate": gate }),
        chunk("second"),
        write("0\r\n\r\n"),
        json!({ "receive": "stream" }),
    ];
    let mut stream = stream(&server, &steps).await;
    assert_eq!(stream.chunk().await, "first");
    fs::write(gate, "").unwrap();
    assert_eq!(stream.chunk().await, "second");
    let end = stream.end().await;
    assert_eq!((end.error_code(), end.error_details(), end.log_result()), (None, None, None));
    let calls = server.answer("alice", &json!({})).await["calls"].take();
    assert_eq!(calls[0]["status"], 202);
}

#[tokio::test]
async fn the_end_has_the_log_if_it_is_asked_for() {
    let server = raw(&[]).await;
    let steps = [write(HEAD), chunk("x"), write("0\r\n\r\n"), json!({ "receive": "stream" })];
    let mut stream = Stream::start(&server, &steps, LogType::Tail).await;
    stream.chunk().await;
    let log = BASE64_STANDARD.decode(stream.end().await.log_result().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("START RequestId: "), "{log}");
    assert!(log.contains("\nREPORT RequestId: "), "{log}");
}

#[tokio::test]
async fn a_stream_that_fails_says_so_at_its_end() {
    let server = raw(&[]).await;
    let body = BASE64_STANDARD.encode(r#"{"errorType":"Oops","errorMessage":"half way"}"#);
    let trailers = |error_type: &str, body: &str| {
        format!(
            "Lambda-Runtime-Function-Error-Type: {error_type}\r\n\
             Lambda-Runtime-Function-Error-Body: {body}\r\n"
        )
    };
    let node = format!("0\r\n{}\r\n", trailers("Runtime.StreamError", &body));
    let swift = format!("0\r\n{}\r\n", trailers("Unhandled", "Requires base64"));
    let rust = trailers("Runtime.StreamError", &body);
    let rust = format!("{:x}\r\n{rust}\r\n0\r\n\r\n", rust.len());
    let known = r#"{"errorType":"Oops","errorMessage":"half way"}"#;
    for (end, code, details) in [
        (&node, "Runtime.StreamError", known),
        (&rust, "Runtime.StreamError", known),
        (&swift, "Unhandled", r#"{"errorMessage":"","errorType":"Unhandled"}"#),
    ] {
        let steps = [write(HEAD), chunk("some"), write(end), json!({ "receive": "stream" })];
        let mut stream = stream(&server, &steps).await;
        assert_eq!(stream.chunk().await, "some");
        let end = stream.end().await;
        assert_eq!((end.error_code(), end.error_details()), (Some(code), Some(details)));
    }
}

#[tokio::test]
async fn a_timeout_or_a_crash_in_mid_stream_is_told() {
    let server = Setup::raw(&["--timeout", "1s"]).start().await;
    let never = json!({ "gate": server.path("never") });
    for (step, code, reason) in [
        (never, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        (json!({ "exit": 7 }), "Runtime.ExitError", "Runtime exited with error: exit status 7"),
    ] {
        let mut stream = stream(&server, &[write(HEAD), chunk("some"), step]).await;
        assert_eq!(stream.chunk().await, "some");
        let end = stream.end().await;
        assert_eq!(end.error_code(), Some(code));
        assert!(end.error_details().unwrap().contains(reason), "{end:?}");
    }
}

#[tokio::test]
async fn a_caller_that_streams_gets_what_a_client_streams_without_saying_so() {
    let server = raw(&[]).await;
    let gate = server.path("gate");
    let head = HEAD.replace("Lambda-Runtime-Function-Response-Mode: streaming\r\n", "");
    let body = BASE64_STANDARD.encode(r#"{"errorType":"E","errorMessage":"half way"}"#);
    let end = format!(
        "0\r\nLambda-Runtime-Function-Error-Type: E\r\n\
         Lambda-Runtime-Function-Error-Body: {body}\r\n\r\n"
    );
    let steps = [write(&head), chunk("one"), json!({ "gate": gate }), write(&end)];
    let mut stream = stream(&server, &[&steps[..], &[json!({ "receive": "x" })]].concat()).await;
    assert_eq!(stream.chunk().await, "one", "it comes before the function is done");
    fs::write(&gate, "").unwrap();
    let end = stream.end().await;
    assert_eq!(end.error_code(), Some("Unhandled"));
    assert!(end.error_details().unwrap().contains("half way"), "{end:?}");
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_one_chunk() {
    let server = Setup::function(&[]).start().await;
    let mut answered = stream(&server, &[]).await;
    let answer: Value = serde_json::from_str(&answered.chunk().await).unwrap();
    assert_eq!(answer["tenantId"], "alice");
    assert_eq!(answered.end().await.error_code(), None);
    let call = client(&server).invoke_with_response_stream().function_name("function");
    let refused = call.payload(Blob::new("{}")).send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_parameter_value_exception(), "{refused:?}");
}

#[tokio::test]
async fn a_plain_invocation_gets_the_whole_stream_up_to_6_mb() {
    let server = raw(&[]).await;
    let progress = server.path("progress");
    let streaming = |chunks: u32| {
        json!({ "steps": [
            write(HEAD),
            chunk("\""),
            json!({ "chunks": chunks, "progress": progress }),
            chunk("\""),
            write("0\r\n\r\n"),
            json!({ "receive": "stream" }),
        ]})
    };
    let whole = server.invoke("alice", &streaming(95)).await;
    assert_eq!((whole.status, whole.body.len()), (200, 95 * 64 * 1024 + 2));
    let reply = server.invoke("alice", &streaming(97)).await;
    assert_eq!(reply.header("x-amz-function-error"), "Unhandled");
    assert_eq!(reply.json()["errorType"], "Function.ResponseSizeTooLarge");
}

#[tokio::test]
async fn a_stream_ends_at_200_mb() {
    const CHUNK: usize = 64 * 1024;
    const LIMIT: usize = 200 * 1024 * 1024;
    let server = Setup::raw(&["--no-timeout"]).start().await;
    let steps = [
        write(HEAD),
        json!({ "chunks": LIMIT / CHUNK + 1, "progress": server.path("progress") }),
        write("0\r\n\r\n"),
        json!({ "receive": "stream" }),
    ];
    let mut stream = stream(&server, &steps).await;
    let mut received = 0;
    let end = loop {
        match stream.events.recv().await.unwrap().unwrap() {
            PayloadChunk(chunk) => received += chunk.payload.unwrap().into_inner().len(),
            InvokeComplete(end) => break end,
            other => panic!("expected a chunk or the end, not {other:?}"),
        }
    };
    assert_eq!(received, LIMIT);
    assert_eq!(end.error_code(), Some("Function.ResponseSizeTooLarge"));
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_function_up() {
    const CHUNKS: u32 = 1_000;
    let server = raw(&[]).await;
    let progress = server.path("progress");
    let steps = json!({ "steps": [
        write(HEAD),
        json!({ "chunks": CHUNKS, "progress": progress }),
        write("0\r\n\r\n"),
        json!({ "receive": "stream" }),
    ]})
    .to_string();
    let path = INVOCATIONS.replace("2015-03-31", "2021-11-15");
    let path = path.replace("/invocations", "/response-streaming-invocations");
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         X-Amz-Tenant-Id: alice\r\nContent-Length: {}\r\n\r\n{steps}",
        steps.len()
    );
    let mut connection = TcpStream::connect(server.address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let held = settled(|| fs::read_to_string(&progress).ok()?.parse::<u32>().ok()).await;
    assert!(held < CHUNKS / 2, "the function wrote {held} of {CHUNKS} chunks");
    let mut received = Vec::new();
    connection.read_to_end(&mut received).await.unwrap();
    assert!(received.len() > CHUNKS as usize * 64 * 1024, "{}", received.len());
}

/// The value that a counter has when it has stopped: it is the same in many looks in a row.
async fn settled(count: impl Fn() -> Option<u32>) -> u32 {
    let start = Instant::now();
    let (mut last, mut same) = (None, 0);
    while start.elapsed() < DEADLINE {
        let now = count();
        same = if now.is_some() && now == last { same + 1 } else { 0 };
        if let (true, Some(now)) = (same > 40, now) {
            return now;
        }
        last = now;
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the counter does not settle: {last:?}");
}

#[tokio::test]
async fn mtl_invoke_prints_pieces_as_they_come_and_says_how_the_stream_failed() {
    let server = raw(&[]).await;
    let gate = server.path("gate");
    let steps = json!({ "steps": [
        write(HEAD), chunk("first"), { "gate": gate }, chunk("second"), { "exit": 7 },
    ]});
    let mut invoke = std::process::Command::new(crate::function::mtl());
    invoke.args(["invoke", "--stream", "--log", "--tenant-id", "alice"]);
    invoke.args(["--endpoint", &format!("http://{}", server.address)]);
    invoke.args(["--payload", &steps.to_string()]).env_remove("MTL_REMOTE");
    invoke.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let printed = tokio::task::spawn_blocking(move || {
        let mut child = invoke.spawn().unwrap();
        let mut first = [0; 5];
        let stdout = child.stdout.as_mut().unwrap();
        std::io::Read::read_exact(stdout, &mut first).unwrap();
        assert_eq!(&first, b"first");
        fs::write(gate, "").unwrap();
        child.wait_with_output().unwrap()
    });
    let output = printed.await.unwrap();
    assert_eq!(output.stdout, b"second");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("START RequestId: "), "{said}");
    assert!(said.contains("Runtime.ExitError"), "{said}");
}
