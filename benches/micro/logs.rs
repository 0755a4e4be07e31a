//! What is logged of one warm invocation that writes one line: START, the line, END, REPORT. From the
//! events to the queue of what is written, in each format.

use std::hint::black_box;
use std::io;

use uuid::Uuid;

use crate::benchmarks::Run;
use crate::benchmarks::samples::{function, report, tenants};
use crate::lambda::function::{LogFormat, LogLevels};
use crate::telemetry::logs::writer::Writer;
use crate::telemetry::logs::{LogSink, LogStream, PlatformEvent, Stdout};
use crate::telemetry::metric_store::MetricStore;

const LINE: &str = "2026-01-05T10:20:30.123Z INFO order 4f1c7a of alice@example.com is packed";

/// The text format.
pub(crate) fn text() -> Run {
    let expected = ["START RequestId: ", LINE, "END RequestId: ", "REPORT RequestId: "];
    invocation(LogFormat::Text, Stdout::Lines, &expected)
}

/// The JSON format.
pub(crate) fn json_format() -> Run {
    let expected = ["platform.start", LINE, "platform.report"];
    invocation(LogFormat::Json(LogLevels::default()), Stdout::Lines, &expected)
}

/// The text format, and JSON for a program that reads stdout.
pub(crate) fn json_on_stdout() -> Run {
    let expected = ["START RequestId: ", LINE, "END RequestId: ", "REPORT RequestId: "];
    invocation(LogFormat::Text, Stdout::Json, &expected)
}

fn invocation(format: LogFormat, stdout: Stdout, expected: &[&str]) -> Run {
    let sink = LogSink {
        stdout,
        directory: None,
        writer: Writer::start_with(io::sink()).expect("there is a thread left"),
        metrics: MetricStore::default(),
    };
    let log = LogStream::new(sink, function(format), Uuid::new_v4(), tenants(1).next());
    // As after the init phase, in which no extension has subscribed.
    log.telemetry().close();
    let (request_id, report) = (Uuid::new_v4(), report());
    let invocation = move || {
        let (request_id, report) = black_box((request_id, &report));
        log.begin(request_id);
        log.output(black_box(LINE.as_bytes()), Some(request_id));
        log.platform(&PlatformEvent::RuntimeDone { request_id, report, failure: None });
        log.platform(&PlatformEvent::Report { request_id, report, failure: None });
        log.tail()
    };
    let tail = invocation();
    let tail = String::from_utf8_lossy(&tail);
    assert_eq!(tail.lines().count(), expected.len(), "{tail}");
    for (line, expected) in tail.lines().zip(expected) {
        assert!(line.contains(expected), "{line} is not {expected}");
    }
    Box::new(move || drop(black_box(invocation())))
}
