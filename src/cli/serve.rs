//! `mtl serve`: starts the emulator, says where it is and what it serves, and stops it by signals.
//! What the arguments mean is in `args.rs`.

mod advice;
mod api;
pub(crate) mod args;
mod extensions;
mod function;
mod plan;
mod reload;
mod run_command;
mod shell;
mod summary;
mod template;
mod variables;

use std::error::Error as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::debug;

use super::failure::{Exit, Failure};
use crate::data_plane::event_queue::DroppedEvent;
use crate::data_plane::event_queue::destination::DeliveryError;
use crate::emulator::config::{Api, Port};
use crate::emulator::{Emulator, Notice, StartError, Stopped};
use crate::lambda::function::Function;
use crate::system::server_file::ServerFile;
use crate::system::watchdog::link::Loss;
use crate::telemetry::logs::Stdout;
use advice::Counsel;
use args::Args;
use plan::Plan;
use run_command::RunCommand;

/// Serves until a signal ends it, and returns the exit code.
///
/// # Errors
///
/// When an argument is wrong, or the emulator does not start.
pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    args.check()?;
    // One thread serves all: the function's processes do the work, and a second one makes the way
    // of a request longer.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the async runtime")?;
    runtime.block_on(async {
        let mut signals = Signals::new().context("failed to listen to signals")?;
        if let Some(command) = &args.build {
            tokio::select! {
                built = reload::first_build(command) => built?,
                number = signals.next() => return Ok(cut_short_by(number)),
            }
        }
        serve(args.plan()?, signals).await
    })
}

async fn serve(plan: Plan, mut signals: Signals) -> Result<ExitCode, Failure> {
    say(&plan.served);
    for warning in &plan.warnings {
        say(&format!("warning: {warning}"));
    }
    let (port, stdout, grace) = (plan.config.port, plan.config.stdout, plan.grace);
    let variables = plan.config.functions.first().map(|one| attached_variables(&one.function));
    let variables = variables.unwrap_or_default();
    let apis = plan.config.apis.clone();
    // They are needed for as long as functions are started.
    let _inline = plan.inline;
    let mut emulator = Emulator::start(plan.config).await.map_err(not_started)?;
    debug!(endpoint = emulator.endpoint(), "serving");
    say_if_taken(port, emulator.address(), "--port");
    for (Api { port, api }, address) in apis.iter().zip(emulator.api_addresses()) {
        say_if_taken(*port, address, "--api-port");
        let (stage, routes) = (&api.stage, api::routes(api));
        say(&format!("routes at http://{address}, and below /{stage}:\n{routes}"));
    }
    let file = ServerFile::publish(&plan.folder, &emulator.endpoint())
        .inspect_err(|error| say(&format!("warning: `mtl invoke` needs --endpoint: {error}")));
    announce(&emulator, stdout, &variables);
    let mut command = plan.run.map(|command| RunCommand::start(&command, &emulator)).transpose()?;
    let reloading = plan.reload.map(|reload| reload.start(emulator.functions().clone()));
    let mut counsel = Counsel::new(emulator.functions().all().len(), plan.warnings);
    let code = until_the_end(&mut emulator, &mut signals, (&mut command, &mut counsel)).await?;
    emulator.pending_notices().iter().for_each(|notice| tell(notice, &mut counsel));
    drop(reloading);
    drop(file);
    let stopped = stop(emulator, signals, grace).await?;
    Ok(code.unwrap_or(stopped))
}

/// Serves until a signal comes, or the command has ended: then its exit code is returned.
async fn until_the_end(
    emulator: &mut Emulator,
    signals: &mut Signals,
    (command, counsel): (&mut Option<RunCommand>, &mut Counsel),
) -> Result<Option<ExitCode>, Failure> {
    let mut was_signaled = false;
    loop {
        tokio::select! {
            number = signals.next() => match command {
                // What runs decides what becomes of the first signal. A second one ends it.
                Some(command) if !was_signaled => {
                    was_signaled = true;
                    command.signal(number);
                    say("waiting for the end of the command; a second signal ends it at once");
                }
                Some(_) => return Ok(Some(cut_short_by(number))),
                None => return Ok(None),
            },
            code = ended(command.as_mut()) => return Ok(Some(code?)),
            notice = emulator.notice() => tell(&notice, counsel),
        }
    }
}

fn tell(notice: &Notice, counsel: &mut Counsel) {
    match notice {
        Notice::Advice(advice) => counsel.about(advice).iter().for_each(|text| say(text)),
        Notice::WatchdogLost(loss) => say(&format!("warning: {}", lost(loss))),
        Notice::DeliveryFailed(error) => say(&format!("warning: {}", with_cause(error))),
    }
}

/// The exit code of a program that a signal has ended.
fn cut_short_by(signal: rustix::process::Signal) -> ExitCode {
    ExitCode::from(128 + u8::try_from(signal.as_raw()).unwrap_or_default())
}

async fn ended(command: Option<&mut RunCommand>) -> anyhow::Result<ExitCode> {
    match command {
        Some(command) => command.ended().await,
        None => std::future::pending().await,
    }
}

/// Says that everything listens, and where.
fn announce(emulator: &Emulator, stdout: Stdout, variables: &str) {
    let endpoint = emulator.endpoint();
    let runtimes: Vec<_> = emulator.runtime_addresses().iter().map(ToString::to_string).collect();
    if !runtimes.is_empty() {
        let addresses = runtimes.join(" or ");
        say(&format!(
            "start each runtime with AWS_LAMBDA_RUNTIME_API={addresses} and\n{variables}"
        ));
    }
    if stdout == Stdout::Json {
        let mut ready = json!({ "type": "ready", "endpoint": endpoint });
        if let Some((_, first)) = emulator.api_endpoints().next() {
            ready["api"] = json!(first);
            ready["apis"] = emulator.api_endpoints().collect();
        }
        if !runtimes.is_empty() {
            ready["runtime"] = json!(runtimes);
        }
        emulator.say(format!("{ready}\n"));
    }
    let apis = emulator.api_endpoints().map(|(_, url)| url);
    let addresses: Vec<_> = std::iter::once(endpoint).chain(apis).chain(runtimes).collect();
    say(&format!("ready {}", addresses.join(" ")));
}

/// Lets what runs finish within the grace period; a second signal ends it at once.
async fn stop(
    emulator: Emulator,
    mut signals: Signals,
    grace: Duration,
) -> Result<ExitCode, Failure> {
    let functions = emulator.functions().clone();
    let running: u32 = functions.all().iter().map(|served| served.data_plane.running()).sum();
    let waiting: u64 = functions.all().iter().map(|served| served.event_queue.counts().depth).sum();
    if running > 0 || waiting > 0 {
        let grace = grace.as_secs_f64();
        say(&format!(
            "stopping; what runs ({running}) and what waits ({waiting}) has {grace} s to finish, \
             a second signal ends it at once"
        ));
    }
    let killer = emulator.killer();
    let stopped = emulator.stop(grace);
    tokio::pin!(stopped);
    let mut code = ExitCode::from(Exit::Done);
    let stopped = loop {
        tokio::select! {
            stopped = &mut stopped => break stopped,
            signal = signals.next() => {
                killer.cancel();
                code = cut_short_by(signal);
            }
        }
    };
    for left in left_behind(&stopped) {
        say(&format!("warning: {left}"));
    }
    let one = functions.all().len() == 1;
    for served in functions.all() {
        let (counts, events) = (served.data_plane.counts(), served.event_queue.counts());
        if let Some(summary) = summary::of(&counts, events) {
            let name = if one { String::new() } else { format!("{}:\n", served.function().name) };
            eprintln_quietly(&format!("{name}{summary}"));
        }
    }
    Ok(code)
}

/// What a stop could not finish, a sentence each.
fn left_behind(stopped: &Stopped) -> Vec<String> {
    let mut left: Vec<String> = stopped.failed_deliveries.iter().map(with_cause).collect();
    for DroppedEvent { request_id, tenant } in &stopped.dropped {
        let tenant = tenant.as_ref().map(|id| format!(" of tenant `{id}`")).unwrap_or_default();
        left.push(format!("the event {request_id}{tenant} was dropped"));
    }
    if stopped.unwritten_logs > 0 {
        let lines = stopped.unwritten_logs;
        left.push(format!("{lines} log lines were lost: they were not read or written in time"));
    }
    if !stopped.watchdog_ended {
        left.push("the watchdog still looks for processes of the function".to_owned());
    }
    left
}

fn with_cause(error: &DeliveryError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn not_started(error: StartError) -> Failure {
    let help = match &error {
        StartError::Listen { of_api, source, .. } => match source.kind() {
            std::io::ErrorKind::AddrInUse if *of_api => {
                Some("that port is taken; choose one with --api-port, or 0 for a free one")
            }
            std::io::ErrorKind::AddrInUse => {
                Some("another program has that port; choose one with --port, or 0 for a free one")
            }
            std::io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 need privileges; choose another with --port")
            }
            _ => Some("--host takes an address of this machine, such as 127.0.0.1 or 0.0.0.0"),
        },
        StartError::Temp(_) => Some("set TMPDIR to a folder that can be written"),
        StartError::Part(..) | StartError::NoFunction => None,
    };
    Failure::new(Exit::Failed, error).maybe_help(help)
}

fn say_if_taken(port: Port, address: SocketAddr, option: &str) {
    if let Port::Preferred(preferred) = port
        && address.port() != preferred
    {
        say(&format!("port {preferred} is taken, so a free one is used; {option} sets another"));
    }
}

/// What runtimes need besides the address, for those that the user starts: a line each.
fn attached_variables(function: &Function) -> String {
    let (group, memory) = (function.log_group(), function.memory.mb.to_string());
    let variables = [
        ("NAME", "FUNCTION", function.name.as_str()),
        ("VERSION", "FUNCTION", "'$LATEST'"),
        ("MEMORY_SIZE", "FUNCTION", memory.as_str()),
        ("GROUP_NAME", "LOG", group.as_str()),
        ("STREAM_NAME", "LOG", "attached"),
    ];
    let lines: Vec<_> = variables
        .iter()
        .map(|(name, of, value)| format!("  AWS_LAMBDA_{of}_{name}={value}"))
        .collect();
    lines.join("\n")
}

fn lost(loss: &Loss) -> String {
    match loss {
        Loss::Replaced { status } => {
            format!("the watchdog ended ({status}) and was replaced")
        }
        Loss::Final { status, .. } => format!(
            "the watchdog ended ({status}) and can't be replaced; if mtl is killed, processes of \
             the function stay behind"
        ),
    }
}

/// What mtl says to a person.
fn say(message: &str) {
    eprintln_quietly(&format!("mtl: {message}"));
}

/// A terminal that has gone away is no reason to end.
fn eprintln_quietly(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The signals that end `serve`.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    async fn next(&mut self) -> rustix::process::Signal {
        tokio::select! {
            _ = self.interrupt.recv() => rustix::process::Signal::INT,
            _ = self.terminate.recv() => rustix::process::Signal::TERM,
            _ = self.hangup.recv() => rustix::process::Signal::HUP,
        }
    }
}
