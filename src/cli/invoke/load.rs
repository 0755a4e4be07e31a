//! A load as the options of `mtl invoke` describe it, its report, and what of it is an error. How it is put
//! on the server is in [`load`](mod@crate::client::load).

pub(crate) mod args;
mod progress;
mod remote;

use std::collections::HashSet;

use tokio_util::sync::CancellationToken;

use super::args::{InvokeOptions, TypeArg};
use crate::cli::failure::{Exit, Failure};
use crate::cli::invoke::output;
use crate::cli::invoke::payload::Payload;
use crate::cli::target::block_on;
use crate::client::aws::LambdaClient;
use crate::client::configuration;
use crate::client::load::environments::Identity;
use crate::client::load::payloads::Payloads;
use crate::client::load::report::{Isolation, LoadReport};
use crate::client::load::schedule::Pace;
use crate::client::load::secrets::Secrets;
use crate::client::load::server::LoadServer;
use crate::client::load::{self as generator, Load};
use crate::client::target::Target;
use crate::lambda::function::TenantId;
use crate::system::stderr;
use progress::LoadProgressBar;

/// Puts a load on a local server, or on AWS if that is wanted, and prints the report.
pub(super) fn put(target: Target, mut options: InvokeOptions) -> Result<Exit, Failure> {
    let (format, yes, qualifier) = (options.output, options.load.yes, options.qualifier.take());
    let load = load(options)?;
    let (report, is_stopped) = block_on(async {
        let place = match target {
            Target::Local { endpoint, .. } => LoadServer::Local(endpoint),
            Target::Aws(ref config) => {
                agreed(&target, &load, qualifier.as_deref(), yes).await?;
                let lambda = LambdaClient::load(config).await;
                let lambda = lambda.map_err(|error| Failure::new(Exit::Failed, error))?;
                LoadServer::Aws { lambda: Box::new(lambda), qualifier }
            }
        };
        Ok::<_, Failure>(run(load, place).await)
    })??;
    output::print_load(&report, format)?;
    if is_stopped {
        stderr::print_line("warning: stopped before all was sent: the report covers what was sent");
    }
    judge(report, is_stopped)
}

/// Asks whether the load is wanted, with what it costs.
async fn agreed(
    target: &Target,
    load: &Load,
    qualifier: Option<&str>,
    yes: bool,
) -> Result<(), Failure> {
    let configuration = configuration::fetch(target, &load.function_name, qualifier).await;
    let configuration = configuration.map_err(|error| {
        Failure::new(Exit::Failed, error)
            .help("a load asks for the function's configuration first, to tell what it costs")
    })?;
    if yes {
        remote::say_cost(load, &configuration);
        return Ok(());
    }
    remote::confirm(load, &configuration)
}

/// Runs the load. Ctrl-C ends it early; whether it did comes with the report.
async fn run(load: Load, server: LoadServer) -> (LoadReport, bool) {
    let progress = LoadProgressBar::new(load.pace.requests, load.pace.duration);
    let stop = CancellationToken::new();
    let running = generator::run(load, server, stop.clone(), |far| progress.show(far));
    tokio::pin!(running);
    let report = loop {
        tokio::select! {
            report = &mut running => break report,
            // Without a handler for it, the system ends mtl as it would have.
            Ok(()) = tokio::signal::ctrl_c(), if !stop.is_cancelled() => stop.cancel(),
        }
    };
    progress.end();
    (report, stop.is_cancelled())
}

fn load(mut options: InvokeOptions) -> Result<Load, Failure> {
    let waits = options.invocation_type == TypeArg::RequestResponse;
    if !waits || options.stream || options.log || options.client_context.is_some() {
        return Err(Failure::usage("a load is of plain invocations that wait for their answers")
            .help("leave out --invocation-type, --stream, --log and --client-context"));
    }
    let is_lines = matches!(&options.payload, Payload::File(path)
        if path.extension().is_some_and(|ending| ending == "jsonl" || ending == "ndjson"));
    let tenants = options.load.tenants(std::mem::take(&mut options.tenant_id))?;
    let payload = options.payload.read()?;
    let mut payloads = if is_lines { Payloads::lines(payload) } else { Payloads::new(payload) };
    if let Payloads::Lines(lines) = &payloads
        && lines.is_empty()
    {
        return Err(Failure::usage("the file of payloads has no line"));
    }
    if let Some(name) = payloads.unknown_placeholder() {
        stderr::print_line(&format!(
            "warning: `{{{{{name}}}}}` is sent as it stands; it may be tenant, n, uuid or now, or secret \
             with --leak-check"
        ));
    }
    let mut secrets = None;
    if options.load.leak_check {
        secrets = Some(secrets_of(&tenants)?);
        payloads = payloads.with_secret().ok_or_else(|| {
            Failure::usage("the payload has no room for a secret").help(
                "make it a JSON object without `mtlSecret`, or write {{secret}} where it goes",
            )
        })?;
    }
    Ok(Load {
        function_name: options.name().to_owned(),
        tenants,
        payloads,
        secrets,
        headers: options.headers(),
        pace: Pace {
            requests: options.load.requests,
            duration: options.load.duration,
            connections: options.load.connections(),
            rate: options.load.rate,
        },
        identity: options.load.environment_at.take().map(Identity::At).unwrap_or_default(),
    })
}

fn secrets_of(tenants: &[TenantId]) -> Result<Secrets, Failure> {
    if tenants.iter().collect::<HashSet<_>>().len() < 2 {
        return Err(Failure::usage("a leak check needs two tenants")
            .help("name them with --tenant-id, or make some up with --tenants 2"));
    }
    Ok(Secrets::new(tenants.iter().map(TenantId::as_str)))
}

/// What tenants share, what they saw of each other, and what had no answer are errors.
fn judge(report: LoadReport, is_stopped: bool) -> Result<Exit, Failure> {
    let failed = |error: String| Failure::new(Exit::Failed, anyhow::Error::msg(error));
    if let Isolation::Shared { .. } = report.isolation {
        return Err(failed("tenants share execution environments".to_owned()));
    }
    if let Some(leak) = report.leaks.iter().flatten().next() {
        let error = format!("{} saw a secret of {}", leak.seen_by, leak.secret_of);
        return Err(failed(error).help(
            "environments are apart; what they share, such as a database or a file, is not",
        ));
    }
    if report.unanswered > 0 && !is_stopped {
        let count = report.unanswered;
        return Err(failed(format!(
            "{count} invocations had no answer long after the load's time"
        )));
    }
    let lost = report.overall.transport_errors;
    if lost == 0 {
        return Ok(Exit::Done);
    }
    let reason = report.first_failure.unwrap_or_default();
    Err(failed(format!("{lost} invocations had no answer; the first one: {reason}")))
}
