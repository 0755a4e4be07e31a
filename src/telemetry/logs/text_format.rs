//! The text format of Lambda's logs: the lines of the platform, and those of a function, which can't
//! look like them.

use std::fmt::{self, Display, Formatter};
use std::io::{self, Write as _};
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
    let mut text = Vec::new();
    write_platform(&mut text, event);
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}

/// Adds the line or lines of an event of the platform to a text, without the last end of line. Nothing
/// for what is not in the text format.
pub(crate) fn write_platform(text: &mut Vec<u8>, event: &PlatformEvent<'_>) {
    // Writing to memory can't fail.
    let _ = match event {
        PlatformEvent::InitStart => {
            write!(text, "INIT_START Runtime Version: mtl:{}\t", env!("CARGO_PKG_VERSION"))
        }
        PlatformEvent::InitReport { phase, duration, failure: Some(failure) } => {
            let duration = milliseconds(*duration);
            let status = StatusFields(failure);
            write!(text, "INIT_REPORT Init Duration: {duration:.2} ms\tPhase: {phase}{status}")
        }
        PlatformEvent::InitReport { failure: None, .. }
        | PlatformEvent::InitRuntimeDone { .. }
        | PlatformEvent::ExtensionRegistered { .. }
        | PlatformEvent::Subscribed { .. } => Ok(()),
        PlatformEvent::Start { request_id } => {
            write!(text, "START RequestId: {request_id} Version: {LATEST}")
        }
        PlatformEvent::Fault { request_id, failure } => write_fault(text, *request_id, failure),
        PlatformEvent::RuntimeDone { request_id, .. } => {
            write!(text, "END RequestId: {request_id}")
        }
        PlatformEvent::Report { request_id, report, failure } => {
            write_report(text, *request_id, report, *failure)
        }
    };
}

fn write_report(
    text: &mut Vec<u8>,
    id: Uuid,
    report: &Report,
    failure: Option<&Failure>,
) -> io::Result<()> {
    write!(
        text,
        "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB",
        milliseconds(report.duration),
        report.billed_ms(),
        report.memory_size_mb,
    )?;
    // Left out where the system can't tell: a made-up figure would be read as a measured one.
    if let Some(used) = report.max_memory_used_mb {
        write!(text, "\tMax Memory Used: {used} MB")?;
    }
    if let Some(init) = report.init_duration {
        write!(text, "\tInit Duration: {:.2} ms", milliseconds(init))?;
    }
    match failure {
        Some(failure) => write!(text, "{}", StatusFields(failure)),
        None => text.write_all(b"\t"),
    }
}

/// The last fields of a line about what has failed.
struct StatusFields<'a>(&'a Failure);

impl Display for StatusFields<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Failure::TimedOut(_) => formatter.write_str("\tStatus: timeout"),
            failure => {
                let (status, error_type) = (failure.status(), failure.error_type());
                write!(formatter, "\tStatus: {status}\tError Type: {error_type}")
            }
        }
    }
}

/// What AWS prints above END when the platform ended the invocation.
fn write_fault(text: &mut Vec<u8>, id: Uuid, failure: &Failure) -> io::Result<()> {
    let Some(reason) = failure.reason() else { return Ok(()) };
    match failure {
        Failure::TimedOut(_) => write!(text, "{} {id} {reason}", log_time::now()),
        failure => write!(text, "RequestId: {id} Error: {reason}\n{}", failure.error_type()),
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Adds what a function or an extension wrote to a text, as it is read: Lambda's runtimes write several
/// lines that belong together with carriage returns between them. A line that opens as one of the
/// platform's gets a space in front.
pub(crate) fn write_output(text: &mut Vec<u8>, written: &str) {
    for (index, line) in written.trim_end_matches('\r').split('\r').enumerate() {
        if index > 0 {
            text.push(b'\n');
        }
        if PLATFORM_OPENINGS.iter().any(|opening| line.starts_with(opening)) {
            text.push(b' ');
        }
        text.extend_from_slice(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::{platform, write_output};
    use crate::lambda::invocation::Report;
    use crate::lambda::invocation::failure::Failure;
    use crate::telemetry::logs::platform_event::PlatformEvent;

    fn output(written: &str) -> String {
        let mut text = Vec::new();
        write_output(&mut text, written);
        String::from_utf8(text).unwrap()
    }

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
