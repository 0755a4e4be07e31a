//! The arguments of `mtl serve`, and the plan they make: every check of theirs is here, so that
//! what follows works with values that are right.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::failure::Failure;
use crate::cli::serve::variables::{env_file, key_value};
use crate::cli::values::duration;
use crate::emulator::{Config, Port};
use crate::event_queue::destination::Destination;
use crate::event_queue::retry::Schedule;
use crate::function::{Function, LogFormat, MemorySize, TenantIsolationMode};
use crate::logs::Stdout;
use crate::process::launch::Launch;
use crate::process::limits::raise_file_descriptor_limit;
use crate::{event_queue, example_function, front_door, lifecycle, memory, placement, quotas};

const DEFAULT_PORT: u16 = 7000;

/// How many file descriptors one environment takes at most: the listener of its Runtime API, two
/// connections to it, two pipes, and the connection of a caller.
const FILES_PER_ENVIRONMENT: u64 = 6;

/// How many file descriptors mtl itself keeps free.
const OWN_FILES: u64 = 64;

/// The arguments of `mtl serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The program of the function, after `--`; without one ./bootstrap, else a built-in example
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    /// The address to listen on
    #[arg(long, env = "LOCAL_LAMBDA_HOST", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1", help_heading = "Endpoint")]
    host: String,

    /// The port to listen on; 0 is any free one [default: 7000, or a free one if it is taken]
    #[arg(long, env = "LOCAL_LAMBDA_PORT", hide_env_values = true, help_heading = "Endpoint")]
    port: Option<u16>,

    /// A further host name that may call, such as a container's name for this machine
    #[arg(long, value_name = "NAME", help_heading = "Endpoint")]
    allow_host: Vec<String>,

    /// The path of the plain route, as in Swift's local server
    #[arg(
        long,
        env = "LOCAL_LAMBDA_INVOCATION_ENDPOINT",
        hide_env_values = true,
        value_name = "PATH",
        default_value = "/invoke",
        value_parser = path,
        help_heading = "Endpoint"
    )]
    invocation_endpoint: String,

    #[command(flatten)]
    function: FunctionArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    events: EventArgs,

    /// The format of the platform's log lines
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    log_format: LogFormatArg,

    /// Also write one file per log stream into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    log_dir: Option<PathBuf>,

    /// The format of stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    output: OutputArg,

    /// How long a stop waits for what is running
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    grace: Duration,
}

const AFTER_HELP: &str = "\
Durations are 500ms, 3s, 2m, 6h, or a number of seconds.

Examples:
  mtl serve                                         a built-in example
  mtl serve -- ./target/debug/my-function           a Rust, Go or Swift binary
  mtl serve -- python3 -m awslambdaric app.handler  Python, with AWS's client
  mtl serve --timeout 30s --memory-size 512 -- ./my-function";

/// What the function is.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Function")]
struct FunctionArgs {
    /// Its name
    #[arg(
        long,
        env = "MTL_FUNCTION",
        hide_env_values = true,
        value_name = "NAME",
        default_value = "function",
        value_parser = function_name
    )]
    function_name: String,

    /// The Region in its ARN [default: that of the shell, or us-east-1]
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,

    /// The account in its ARN
    #[arg(long, value_name = "ID", default_value = "123456789012", value_parser = account_id)]
    account_id: String,

    /// How long one invocation may take, 1s to 900s
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = timeout)]
    timeout: Duration,

    /// Let invocations and inits take as long as they like, for debugging
    #[arg(long, conflicts_with_all = ["timeout", "init_timeout"])]
    no_timeout: bool,

    /// Its memory in MB, 128 to 10240; enforced only when given [default: 128]
    #[arg(
        long,
        value_name = "MB",
        value_parser = clap::value_parser!(u32).range(
            i64::from(quotas::DEFAULT_MEMORY_MB)..=i64::from(quotas::MAXIMUM_MEMORY_MB)
        )
    )]
    memory_size: Option<u32>,

    /// A variable of its environment; repeatable, and stronger than --env-file
    #[arg(long = "env", value_name = "K=V", value_parser = key_value)]
    variables: Vec<(OsString, OsString)>,

    /// A file with one K=V per line
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,

    /// Whether every invocation names a tenant, or none does
    #[arg(long, value_name = "MODE", default_value = "PER_TENANT", ignore_case = true)]
    tenant_isolation_mode: TenantIsolationArg,
}

/// How many environments there are, and how long they live.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Environments")]
struct LimitArgs {
    /// Concurrent executions of the account; environments are limited to 2.5 times that
    #[arg(long, value_name = "N", default_value_t = quotas::CONCURRENT_EXECUTIONS)]
    concurrency: u32,

    /// Concurrent executions reserved for the function; 0 throttles every invocation
    #[arg(long, value_name = "N")]
    reserved_concurrency: Option<u32>,

    /// A lower ceiling of environments, for a small machine
    #[arg(long, value_name = "N")]
    max_environments: Option<usize>,

    /// Lift the limit of 1,000 new environments per 10 s
    #[arg(long)]
    no_scaling_limit: bool,

    /// How long an environment may be idle
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    idle_timeout: Duration,

    /// How long an environment may live; it ends when it is free
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_lifetime: Option<Duration>,

    /// How long the init phase may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    init_timeout: Duration,
}

/// How asynchronous invocations are treated.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Asynchronous invocations")]
struct EventArgs {
    /// How often an event is tried again after a function error, 0 to 2
    #[arg(
        long,
        value_name = "N",
        default_value_t = quotas::EVENT_RETRY_ATTEMPTS,
        value_parser = clap::value_parser!(u32).range(..=i64::from(quotas::EVENT_RETRY_ATTEMPTS))
    )]
    maximum_retry_attempts: u32,

    /// How old an event may become
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = duration)]
    maximum_event_age: Duration,

    /// The wait before the first retry; it doubles
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    retry_delay: Duration,

    /// A folder or http URL for the records of events that succeeded
    #[arg(long, value_name = "DESTINATION")]
    on_success: Option<Destination>,

    /// A folder or http URL for the records of events that were given up
    #[arg(long, value_name = "DESTINATION")]
    on_failure: Option<Destination>,
}

impl EventArgs {
    fn settings(self, placement: placement::Limits) -> event_queue::Settings {
        event_queue::Settings {
            schedule: Schedule {
                maximum_retry_attempts: self.maximum_retry_attempts,
                maximum_event_age: self.maximum_event_age,
                retry_delay: self.retry_delay,
            },
            never_runs: placement.reserved && placement.concurrency == 0,
            on_success: self.on_success,
            on_failure: self.on_failure,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormatArg {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputArg {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TenantIsolationArg {
    #[value(name = "PER_TENANT")]
    PerTenant,
    #[value(name = "NONE")]
    None,
}

/// What `serve` will do.
#[derive(Debug)]
pub struct Plan {
    /// What is served and why, as a sentence for a person.
    pub served: String,
    /// What the user should know before the first invocation.
    pub warnings: Vec<String>,
    /// The folder `serve` runs in.
    pub folder: PathBuf,
    /// How long a stop waits.
    pub grace: Duration,
    /// Everything else.
    pub config: Config,
}

impl Args {
    /// Checks everything that can be checked before something is started.
    ///
    /// # Errors
    ///
    /// When a file can't be read or a value can't be used.
    pub fn plan(self) -> Result<Plan, Failure> {
        let folder = std::env::current_dir().context("failed to find the current folder")?;
        let lifecycle = self.lifecycle_limits();
        let placement = self.limits.placement();
        let (command, argv0, served) = served(self.command, &folder)?;
        let mut warnings = Vec::new();
        let function = self.function.function(command, argv0, self.log_format)?;
        if let Some(warning) = unstartable(&function, &folder) {
            warnings.push(warning);
        }
        if function.memory.enforced && !memory::supported() {
            warnings.push(
                "this system doesn't tell the memory of other processes, so --memory-size is not \
                 enforced"
                    .to_owned(),
            );
        }
        let (placement, function_file_descriptors) = fit_to_files(placement, &mut warnings);
        let stdout = stdout(self.output);
        let port = self.port.map_or(Port::Preferred(DEFAULT_PORT), Port::Asked);
        let config = Config {
            host: self.host,
            port,
            front_door: front_door::Settings {
                invocation_endpoint: self.invocation_endpoint,
                allowed_hosts: self.allow_host,
            },
            function,
            lifecycle,
            placement,
            events: self.events.settings(placement),
            task_root: folder.clone(),
            stdout,
            log_dir: self.log_dir,
            function_file_descriptors,
        };
        Ok(Plan { served, warnings, folder, grace: self.grace, config })
    }

    fn lifecycle_limits(&self) -> lifecycle::Limits {
        let limited = !self.function.no_timeout;
        lifecycle::Limits {
            init: limited.then_some(self.limits.init_timeout),
            invoke: limited.then_some(self.function.timeout),
            idle: Some(self.limits.idle_timeout),
            life: self.limits.max_lifetime,
        }
    }
}

impl FunctionArgs {
    fn function(
        self,
        command: Vec<OsString>,
        argv0: Option<OsString>,
        log_format: LogFormatArg,
    ) -> Result<Function, Failure> {
        let mut variables = Vec::new();
        for file in &self.env_files {
            variables.extend(env_file(file)?);
        }
        variables.extend(self.variables);
        let region = self
            .region
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".to_owned());
        Ok(Function {
            name: self.function_name,
            region,
            account_id: self.account_id,
            command,
            argv0,
            variables,
            memory: MemorySize {
                mb: self.memory_size.unwrap_or(quotas::DEFAULT_MEMORY_MB),
                enforced: self.memory_size.is_some(),
            },
            tenant_isolation_mode: match self.tenant_isolation_mode {
                TenantIsolationArg::PerTenant => TenantIsolationMode::PerTenant,
                TenantIsolationArg::None => TenantIsolationMode::None,
            },
            log_format: match log_format {
                LogFormatArg::Text => LogFormat::Text,
                LogFormatArg::Json => LogFormat::Json,
            },
        })
    }
}

impl LimitArgs {
    fn placement(&self) -> placement::Limits {
        let concurrency = self.reserved_concurrency.unwrap_or(self.concurrency);
        let environments = quotas::tenant_environments(concurrency);
        placement::Limits {
            concurrency,
            reserved: self.reserved_concurrency.is_some(),
            environments: self.max_environments.unwrap_or(environments).min(environments),
            scaling: !self.no_scaling_limit,
        }
    }
}

/// The command, its `argv[0]` where that differs, and a sentence that says what it is.
fn served(
    command: Vec<OsString>,
    folder: &Path,
) -> Result<(Vec<OsString>, Option<OsString>, String), Failure> {
    if !command.is_empty() {
        let shown: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        let served = format!("serving `{}`", shown.join(" "));
        return Ok((command, None, served));
    }
    if folder.join("bootstrap").exists() {
        let served = "serving `./bootstrap` of this folder".to_owned();
        return Ok((vec!["./bootstrap".into()], None, served));
    }
    let program = std::env::current_exe().context("failed to find mtl's own program")?;
    let served = "serving the built-in example function; `mtl serve -- COMMAND` serves yours";
    Ok((vec![program.into()], Some(example_function::PROCESS_NAME.into()), served.to_owned()))
}

/// A command that can't be started doesn't end `serve`: it may be built a moment later.
fn unstartable(function: &Function, folder: &Path) -> Option<String> {
    let path = function.variables.iter().rev().find(|(name, _)| name == "PATH").cloned();
    let path = path.or_else(|| std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
    let launch = Launch {
        command: function.command.clone(),
        argv0: None,
        variables: path.into_iter().collect(),
        directory: folder.to_owned(),
    };
    let error = launch.program().err()?;
    Some(format!(
        "{error}; until it can be started, invocations fail with Runtime.InvalidEntrypoint"
    ))
}

/// Raises the soft limit of open files; lowers the ceiling of environments if that isn't enough.
/// Also returns the limit that the function gets.
fn fit_to_files(
    limits: placement::Limits,
    warnings: &mut Vec<String>,
) -> (placement::Limits, Option<u64>) {
    let raised = match raise_file_descriptor_limit() {
        Ok(raised) => raised,
        Err(error) => {
            warnings.push(format!("failed to raise the limit of open files: {error}"));
            return (limits, None);
        }
    };
    let fitting = raised.now.saturating_sub(OWN_FILES) / FILES_PER_ENVIRONMENT;
    let fitting = usize::try_from(fitting).unwrap_or(usize::MAX).max(1);
    if fitting < limits.environments {
        warnings.push(format!(
            "the system allows mtl {} open files, so at most {fitting} environments can exist \
             instead of {}; `ulimit -Hn` raises it",
            raised.now, limits.environments
        ));
    }
    let environments = limits.environments.min(fitting);
    (placement::Limits { environments, ..limits }, Some(raised.old_soft))
}

fn stdout(output: OutputArg) -> Stdout {
    let stdout = std::io::stdout();
    match output {
        OutputArg::Json => Stdout::Json,
        OutputArg::Text if std::io::IsTerminal::is_terminal(&stdout) => Stdout::Terminal {
            color: anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        },
        OutputArg::Text => Stdout::Lines,
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if (quotas::MINIMUM_TIMEOUT..=quotas::MAXIMUM_TIMEOUT).contains(&timeout) {
        return Ok(timeout);
    }
    Err("a function's timeout is 1s to 900s; --no-timeout lifts it".to_owned())
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        Ok(text.to_owned())
    } else {
        Err("a path begins with `/`".to_owned())
    }
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
fn function_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a function name has 1 to 64 letters, digits, hyphens and underscores".to_owned())
}

fn account_id(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.chars().all(|c| c.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account id has 12 digits".to_owned())
}
