//! The report of a load, for people.

use super::number::{NONE, milliseconds};
use super::table::{name, table};
use crate::client::load::report::{Isolation, LoadReport, LoadRow};
use crate::client::load::secrets::Where;

/// How many tenants, environments and leaks are shown; `-o json` has all.
const SHOWN: usize = 20;

/// How many columns of a tenant's name are shown.
const NAME: usize = 24;

const HEAD: [&str; 12] = [
    "TENANT",
    "REQUESTS",
    "OK",
    "ERRORS",
    "THROTTLES",
    "LOST",
    "RATE/s",
    "P50 ms",
    "P90 ms",
    "P99 ms",
    "MAX ms",
    "ENV",
];

/// The table of the worst tenants with all of them below, and the verdict.
#[must_use]
pub(crate) fn text(report: &LoadReport) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for tenant in report.tenants.iter().take(SHOWN) {
        let shown =
            if tenant.tenant.is_empty() { NONE.to_owned() } else { name(&tenant.tenant, NAME) };
        rows.push(cells(shown, &tenant.row));
    }
    if report.tenants.len() > SHOWN {
        let rest = format!("({} more)", report.tenants.len() - SHOWN);
        rows.push(std::iter::once(rest).chain(vec![String::new(); HEAD.len() - 1]).collect());
    }
    rows.push(cells("all".to_owned(), &report.overall));
    let mut text = table(&HEAD, rows, &[]);
    text += &latencies(report);
    text += &format!("isolation: {}\n", verdict(report));
    text + &leaks(report)
}

fn cells(name: String, row: &LoadRow) -> Vec<String> {
    vec![
        name,
        row.requests.to_string(),
        row.ok.to_string(),
        row.function_errors.to_string(),
        row.throttles.to_string(),
        row.transport_errors.to_string(),
        format!("{:.1}", row.rate),
        milliseconds(row.latency.p50),
        milliseconds(row.latency.p90),
        milliseconds(row.latency.p99),
        milliseconds(row.latency.max),
        row.environments.map_or_else(|| NONE.to_owned(), |count| count.to_string()),
    ]
}

fn latencies(report: &LoadReport) -> String {
    let latency = &report.overall.latency;
    let mut text = String::new();
    if report.not_begun > 0 {
        let (count, rest) = (report.not_begun, "were due, but all connections were busy");
        text += &format!("{count} more invocations {rest}; -c allows more\n");
    }
    if report.unanswered > 0 {
        text += &format!("{} more had no answer yet when the load ended\n", report.unanswered);
    }
    let cold = report.overall.cold_starts.map_or_else(|| NONE.to_owned(), |cold| cold.to_string());
    format!(
        "\n{} requests in {:.1} s; mean {} ms, p99.9 {} ms; cold starts: {cold}\n",
        report.overall.requests,
        report.seconds,
        milliseconds(latency.mean),
        milliseconds(latency.p999),
    ) + &text
}

/// What is known of secrets that came to other tenants; nothing if nobody looked.
fn leaks(report: &LoadReport) -> String {
    let mut text = match &report.leaks_reason {
        Some(reason) => format!("leaks: unknown: {reason}\n"),
        None if report.leaks.as_ref().is_some_and(Vec::is_empty) => {
            "leaks: none found in what came back\n".to_owned()
        }
        None => String::new(),
    };
    for leak in report.leaks.iter().flatten().take(SHOWN) {
        let (owner, other) = (name(&leak.secret_of, NAME), name(&leak.seen_by, NAME));
        let place = match leak.r#where {
            Where::Answer => "an answer",
            Where::Log => "the log",
        };
        text += &format!("leak: {other} saw a secret of {owner} in {place}\n");
    }
    text
}

fn verdict(report: &LoadReport) -> String {
    match &report.isolation {
        Isolation::Isolated => "isolated: no environment served two tenants".to_owned(),
        Isolation::Unknown { isolation_reason } => format!("unknown: {isolation_reason}"),
        Isolation::Shared { shared_environments } => {
            let shared = shared_environments.iter().take(SHOWN).map(|shared| {
                let tenants: Vec<_> =
                    shared.tenants.iter().take(SHOWN).map(|tenant| name(tenant, NAME)).collect();
                format!("\n  {} served {}", name(&shared.environment, 64), tenants.join(", "))
            });
            format!("shared{}", shared.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::text;
    use crate::client::load::end::End;
    use crate::client::load::tally::{LoadObservation, SecretsCheck, Tally};

    #[test]
    fn a_report_names_who_shared_what() {
        let mut tally = Tally::default();
        for tenant in ["alice", "b\u{1b}b"] {
            let environment = Some("pid 7".to_owned());
            tally.add(&LoadObservation {
                tenant,
                latency: Duration::from_millis(2),
                end: End::Answered { is_error: false, environment, is_cold: None },
                leaks: BTreeSet::new(),
            });
        }
        let text = text(&tally.report(Duration::from_secs(1), SecretsCheck::Off));
        assert!(text.contains("isolation: shared\n  pid 7 served alice, b\\u{1b}b\n"), "{text}");
        assert!(text.contains("2 requests in 1.0 s; mean 2.00 ms"), "{text}");
        assert!(text.contains("cold starts: –"), "{text}");
    }
}
