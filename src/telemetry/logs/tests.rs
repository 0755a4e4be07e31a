//! The events of the platform in each of AWS's formats, byte by byte.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::lambda::function::{
    Architecture, Function, FunctionOwner, FunctionProgram, LogFormat, MemorySize, TenantId,
    TenantIsolationMode,
};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Report, ResponseFigures};
use crate::telemetry::extensions::TelemetryApi;
use crate::telemetry::logs::platform_event::PlatformEvent;
use crate::telemetry::logs::source::LogSource;
use crate::telemetry::logs::{logs_api, platform_json, text_format};

fn function() -> Function {
    Function {
        name: "f".to_owned(),
        logical_id: None,
        owner: FunctionOwner {
            region: "us-east-1".to_owned(),
            account_id: "123456789012".to_owned(),
        },
        program: FunctionProgram::default(),
        variables: Vec::new(),
        architecture: Architecture::Arm64,
        memory: MemorySize { mb: 128, enforced: false },
        tenant_isolation_mode: TenantIsolationMode::PerTenant,
        log_format: LogFormat::Text,
    }
}

fn report() -> Report {
    let response = ResponseFigures {
        latency: Duration::from_micros(700),
        duration: Duration::from_micros(300),
        bytes: 7,
    };
    Report {
        duration: Duration::from_micros(1_234),
        init_duration: Some(Duration::from_millis(101)),
        memory_size_mb: 128,
        max_memory_used_mb: Some(34),
        response: Some(response),
    }
}

/// A JSON text with all moments in it replaced by `NOW`.
fn timeless(json: &str) -> String {
    let mut timeless = json.to_owned();
    for name in [r#""time":""#, r#""start":""#] {
        for (start, _) in timeless.clone().rmatch_indices(name) {
            let start = start + name.len();
            let end = start + "2026-01-01T00:00:00.000Z".len();
            assert_eq!(&timeless[end - 1..=end], "Z\"", "{json}");
            timeless.replace_range(start..end, "NOW");
        }
    }
    timeless
}

/// An event as it is logged and as it is told: its level, its lines of text, and its objects in the
/// Telemetry API and in the Logs API.
fn formats(event: &PlatformEvent<'_>) -> String {
    let tenant: TenantId = "alice".parse().unwrap();
    let source = LogSource::new(Arc::new(function()), Uuid::nil(), Some(tenant));
    let formats = [
        ("text", text_format::platform(event)),
        ("telemetry", platform_json::object(&source, event)),
        ("logs", logs_api::object(event)),
        ("logs", logs_api::end(event)),
    ];
    let formats = formats.into_iter().filter_map(|(name, text)| Some((name, text?)));
    let lines = formats.map(|(name, text)| format!("{name}: {}\n", timeless(&text)));
    format!("level: {}\n{}\n", event.level().as_str(), lines.collect::<String>())
}

#[test]
fn every_event_is_written_as_aws_does() {
    let request_id = Uuid::nil();
    let timeout = Failure::TimedOut(Duration::from_secs(10));
    let posted = Failure::Posted { error_type: "E".to_owned(), body: "{}".into() };
    let full = report();
    let plain = Report { init_duration: None, max_memory_used_mb: None, response: None, ..full };
    let duration = Duration::from_micros(10_008_123);
    let (phase, failure) = ("init", Some(&Failure::OutOfMemory));
    let subscribed = |api| PlatformEvent::Subscribed { name: "e", api, types: vec!["platform"] };
    let mut events = vec![
        PlatformEvent::InitStart,
        PlatformEvent::InitRuntimeDone { phase, failure: None },
        PlatformEvent::InitRuntimeDone { phase, failure },
        PlatformEvent::InitReport { phase, duration, failure: None },
        PlatformEvent::InitReport { phase, duration, failure: Some(&timeout) },
        PlatformEvent::ExtensionRegistered { name: "e", events: vec!["INVOKE", "SHUTDOWN"] },
        subscribed(TelemetryApi::Telemetry),
        subscribed(TelemetryApi::Logs),
        PlatformEvent::Start { request_id },
        PlatformEvent::Fault { request_id, failure: &Failure::OutOfMemory },
        PlatformEvent::Fault { request_id, failure: &posted },
    ];
    for (report, failure) in
        [(&full, None), (&plain, None), (&full, failure), (&plain, Some(&timeout))]
    {
        events.push(PlatformEvent::RuntimeDone { request_id, report, failure });
        events.push(PlatformEvent::Report { request_id, report, failure });
    }
    let written: String = events.iter().map(formats).collect();
    let written = written.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_eq!(written, include_str!("events.txt"), "{written}");
}
