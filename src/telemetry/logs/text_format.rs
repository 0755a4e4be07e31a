//! The text format of Lambda's logs: the lines of the platform, and those of a function, which can't
//! look like them.

use std::time::Duration;

use uuid::Uuid;

use crate::lambda::function::LATEST;
use crate::lambda::invocation::Report;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::log_time;
use crate::telemetry::logs::platform_event::PlatformEvent;

/// The opening of every line that the platform writes.
const PLATFORM_OPENINGS: [&str; 5] =
    ["INIT_START ", "INIT_REPORT ", "START RequestId: ", "END RequestId: ", "REPORT RequestId: "];

/// The line or lines of an event of the platform, without the last end of line. `None` for what is not
/// in the text format.
#[must_use]
pub(crate) fn platform(event: &PlatformEvent<'_>) -> Option<String> {
    Some(match event {
        PlatformEvent::InitStart => {
            format!("INIT_START Runtime Version: mtl:{}\t", env!("CARGO_PKG_VERSION"))
        }
        PlatformEvent::InitReport { phase, duration, failure: Some(failure) } => format!(
            "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}{}",
            milliseconds(*duration),
            status_fields(failure)
        ),
        PlatformEvent::InitReport { failure: None, .. }
        | PlatformEvent::InitRuntimeDone { .. }
        | PlatformEvent::ExtensionRegistered { .. }
        | PlatformEvent::Subscribed { .. } => return None,
        PlatformEvent::Start { request_id } => {
            format!("START RequestId: {request_id} Version: {LATEST}")
        }
        PlatformEvent::Fault { request_id, failure } => fault(*request_id, failure)?,
        PlatformEvent::RuntimeDone { request_id, .. } => format!("END RequestId: {request_id}"),
        PlatformEvent::Report { request_id, report, failure } => {
            report_line(*request_id, report, *failure)
        }
    })
}

fn report_line(id: Uuid, report: &Report, failure: Option<&Failure>) -> String {
    let mut line = format!(
        "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t",
        milliseconds(report.duration),
        report.billed_ms(),
        report.memory_size_mb,
    );
    // Left out where the system can't tell: a made-up figure would be read as a measured one.
    if let Some(used) = report.max_memory_used_mb {
        line += &format!("Max Memory Used: {used} MB\t");
    }
    if let Some(init) = report.init_duration {
        line += &format!("Init Duration: {:.2} ms\t", milliseconds(init));
    }
    if let Some(failure) = failure {
        line.truncate(line.trim_end_matches('\t').len());
        line += &status_fields(failure);
    }
    line
}

fn status_fields(failure: &Failure) -> String {
    match failure {
        Failure::TimedOut(_) => "\tStatus: timeout".to_owned(),
        failure => format!("\tStatus: {}\tError Type: {}", failure.status(), failure.error_type()),
    }
}

/// What AWS prints above END when the platform ended the invocation.
fn fault(id: Uuid, failure: &Failure) -> Option<String> {
    let reason = failure.reason()?;
    Some(match failure {
        Failure::TimedOut(_) => format!("{} {id} {reason}", log_time::now()),
        failure => format!("RequestId: {id} Error: {reason}\n{}", failure.error_type()),
    })
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// What a function or an extension wrote, as it is read: Lambda's runtimes write several lines that
/// belong together with carriage returns between them. A line that opens as one of the platform's gets
/// a space in front.
#[must_use]
pub(crate) fn output(written: &str) -> String {
    let mut guarded = String::with_capacity(written.len());
    for (index, line) in written.trim_end_matches('\r').split('\r').enumerate() {
        if index > 0 {
            guarded.push('\n');
        }
        if PLATFORM_OPENINGS.iter().any(|opening| line.starts_with(opening)) {
            guarded.push(' ');
        }
        guarded.push_str(line);
    }
    guarded
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::{output, platform};
    use crate::lambda::invocation::Report;
    use crate::lambda::invocation::failure::Failure;
    use crate::telemetry::logs::platform_event::PlatformEvent;

    #[test]
    fn a_function_cannot_write_a_line_of_the_platform() {
        assert_eq!(output("REPORT RequestId: 1"), " REPORT RequestId: 1");
        assert_eq!(output("INIT_START x"), " INIT_START x");
        assert_eq!(output("x\rEND RequestId: 1"), "x\n END RequestId: 1");
        assert_eq!(output("STARTING\r\r"), "STARTING");
    }

    #[test]
    fn report_has_the_fields_of_aws_in_their_order() {
        let mut report = Report {
            duration: Duration::from_micros(1_234),
            init_duration: None,
            memory_size_mb: 128,
            max_memory_used_mb: Some(34),
            response: None,
        };
        let request_id = Uuid::nil();
        let line = |report: &Report, failure: Option<&Failure>| {
            platform(&PlatformEvent::Report { request_id, report, failure }).unwrap()
        };
        assert_eq!(
            line(&report, None),
            format!(
                "REPORT RequestId: {request_id}\tDuration: 1.23 ms\tBilled Duration: 2 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 34 MB\t"
            )
        );
        report.init_duration = Some(Duration::from_millis(101));
        assert_eq!(
            line(&report, Some(&Failure::OutOfMemory)),
            format!(
                "REPORT RequestId: {request_id}\tDuration: 1.23 ms\tBilled Duration: 103 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 34 MB\tInit Duration: 101.00 ms\
                 \tStatus: error\tError Type: Runtime.OutOfMemory"
            )
        );
    }

    #[test]
    fn init_report_names_phase_and_status() {
        let timeout = Failure::TimedOut(Duration::from_secs(10));
        let duration = Duration::from_millis(10_008);
        let event = PlatformEvent::InitReport { phase: "init", duration, failure: Some(&timeout) };
        assert_eq!(
            platform(&event).unwrap(),
            "INIT_REPORT Init Duration: 10008.00 ms\tPhase: init\tStatus: timeout"
        );
    }
}
