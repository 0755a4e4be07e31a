//! `mtl invoke --check`: what would surprise the owner of a multi-tenant function, said before it does.
//! Nothing is invoked. How the function is set up is for [`deployment`] to know.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::cli::failure::{Exit, Failure};
use crate::cli::help::{self, LocalPlace, Place};
use crate::cli::invoke::output::AnswerFormat;
use crate::cli::target::block_on;
use crate::client::deployment::{self, Deployment};
use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::lambda::quotas;
use crate::system::server_file;

/// How many concurrent executions an account that isn't new has at least.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const USUAL_CONCURRENCY: u32 = 1_000;

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    ok: bool,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'static str>,
}

/// Asks how the function is set up there, and prints what was found.
///
/// # Errors
///
/// When there is no answer, something is wrong, or stdout can't be written.
pub(crate) fn run(target: &Target, function: &str, format: AnswerFormat) -> Result<Exit, Failure> {
    let deployment = block_on(deployment::fetch(target, function))?;
    report(&deployment.map_err(|error| unanswered(error, target))?, format)
}

fn unanswered(error: QueryError, target: &Target) -> Failure {
    let help = match (&error, target) {
        (QueryError::Unreachable { .. }, Target::Local { given, .. }) => {
            let others = server_file::all();
            Some(help::start_a_server(LocalPlace { given: *given, others: &others }))
        }
        (QueryError::AccessDenied { .. }, Target::Aws(_)) => Some(
            "ask for a policy that allows lambda:GetFunctionConfiguration, \
             lambda:GetFunctionConcurrency and lambda:GetAccountSettings"
                .to_owned(),
        ),
        (QueryError::NotConfigured(error), Target::Aws(options)) => {
            let (region, profile) = (options.region.as_deref(), options.profile.as_deref());
            help::help_for(error, &Place::Aws { region, profile })
        }
        _ => None,
    };
    Failure::new(Exit::Failed, error).maybe_help(help)
}

/// Prints what was found; it is an error if anything is wrong.
///
/// # Errors
///
/// When something is wrong, or stdout can't be written.
fn report(deployment: &Deployment, format: AnswerFormat) -> Result<Exit, Failure> {
    let findings = findings(deployment);
    print(&findings, format)?;
    let problems = findings.iter().filter(|finding| !finding.ok).count();
    if problems == 0 {
        return Ok(Exit::Done);
    }
    let noun = if problems == 1 { "thing is" } else { "things are" };
    let error = format!("{problems} {noun} not as a multi-tenant function needs it");
    Err(Failure::new(Exit::Failed, anyhow::Error::msg(error)))
}

fn print(findings: &[Finding], format: AnswerFormat) -> Result<(), Failure> {
    let mut text = String::new();
    match format {
        AnswerFormat::Json => {
            text = serde_json::to_string(findings).map_err(anyhow::Error::new)?;
            text.push('\n');
        }
        AnswerFormat::Text => {
            for Finding { ok, what, help } in findings {
                let verdict = if *ok { "ok     " } else { "problem" };
                text += &format!("{verdict}  {what}\n");
                if let Some(help) = help {
                    text += &format!("         help: {help}\n");
                }
            }
        }
    }
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("failed to write the findings").into())
        }
        _ => Ok(()),
    }
}

fn findings(deployment: &Deployment) -> Vec<Finding> {
    vec![isolation(deployment), logs(deployment), environments(deployment)]
}

fn ok(what: impl Into<String>) -> Finding {
    Finding { ok: true, what: what.into(), help: None }
}

fn problem(what: impl Into<String>, help: &'static str) -> Finding {
    Finding { ok: false, what: what.into(), help: Some(help) }
}

fn isolation(deployment: &Deployment) -> Finding {
    if deployment.isolated {
        return ok("tenant isolation is on (PER_TENANT)");
    }
    problem(
        "tenant isolation is off: tenants share execution environments",
        "it can only be turned on when a function is created: deploy a new one with \
         TenancyConfig: {TenantIsolationMode: PER_TENANT}",
    )
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
fn logs(deployment: &Deployment) -> Finding {
    if !deployment.logs_json {
        return problem(
            "logs are text: no line names its tenant, so there are no figures by tenant",
            "set LoggingConfig: {LogFormat: JSON}; a local server of a command or a handler has \
             --log-format json",
        );
    }
    match deployment.system_log_level.as_deref() {
        Some("WARN") => problem(
            "logs are JSON, but the system log level WARN leaves platform.report out of them",
            "set LoggingConfig: {LogFormat: JSON, SystemLogLevel: INFO}",
        ),
        level => {
            let level = level.unwrap_or("INFO");
            ok(format!("logs are JSON with the tenant id, at the system log level {level}"))
        }
    }
}

fn environments(deployment: &Deployment) -> Finding {
    let Deployment { account_concurrency, reserved_concurrency, .. } = deployment;
    let concurrency = reserved_concurrency.unwrap_or(*account_concurrency);
    let ceiling = quotas::tenant_environments(concurrency);
    let whose = match reserved_concurrency {
        Some(_) => "reserved for the function",
        None => "of the account",
    };
    let what = format!(
        "at most {ceiling} environments, active or idle: 2.5 for each of the {concurrency} \
         concurrent executions {whose}"
    );
    match (reserved_concurrency, concurrency) {
        (Some(_), 0) => problem(
            "every invocation is throttled: no concurrent executions are reserved for the function",
            "raise its ReservedConcurrentExecutions, or take them away",
        ),
        (None, few) if few < USUAL_CONCURRENCY => {
            problem(what, "a new account has few: ask for more in Service Quotas")
        }
        _ => ok(what),
    }
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::client::deployment::Deployment;

    fn good() -> Deployment {
        Deployment {
            isolated: true,
            logs_json: true,
            system_log_level: Some("INFO".to_owned()),
            account_concurrency: 1_000,
            reserved_concurrency: None,
        }
    }

    #[track_caller]
    fn problem(deployment: &Deployment, text: &str) {
        let findings = findings(deployment);
        let problems: Vec<_> = findings.iter().filter(|finding| !finding.ok).collect();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].what.contains(text), "{problems:?}");
    }

    #[test]
    fn a_function_that_is_set_up_well_has_no_problems() {
        assert!(findings(&good()).iter().all(|finding| finding.ok));
        let few = Deployment { reserved_concurrency: Some(10), ..good() };
        let found = findings(&few);
        assert!(found.iter().all(|finding| finding.ok), "whoever reserves ten means ten");
        assert!(found[2].what.starts_with("at most 25 environments"), "{found:?}");
    }

    #[test]
    fn each_surprise_is_found() {
        problem(&Deployment { isolated: false, ..good() }, "isolation is off");
        problem(&Deployment { logs_json: false, ..good() }, "logs are text");
        let warn = Some("WARN".to_owned());
        problem(&Deployment { system_log_level: warn, ..good() }, "leaves platform.report out");
        problem(&Deployment { account_concurrency: 10, ..good() }, "at most 25 environments");
        problem(&Deployment { reserved_concurrency: Some(0), ..good() }, "is throttled");
    }
}
