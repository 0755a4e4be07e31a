//! The arguments of `mtl serve`: their names, their help, and what a single value must be. `plan`
//! says what they make together.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::serve::api::ApiArgs;
use crate::cli::serve::variables::key_value;
use crate::cli::values::{DEFAULT_FUNCTION, duration};
use crate::data_plane::event_queue::destination::Destination;
use crate::lambda::function::{Architecture, LogFormat, LogLevels, TenantIsolationMode};
use crate::lambda::quotas;

/// The arguments of `mtl serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ServeArgs {
    /// The program of the function, after `--`; without one template.yaml, ./bootstrap, or an example
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,

    /// The address to listen on
    #[arg(long, env = "LOCAL_LAMBDA_HOST", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1", help_heading = "Endpoint")]
    pub(super) host: String,

    /// The port to listen on; 0 is any free one [default: 7000, or a free one if it is taken]
    #[arg(long, env = "LOCAL_LAMBDA_PORT", hide_env_values = true, help_heading = "Endpoint")]
    pub(super) port: Option<u16>,

    /// A further host name that may call, such as a container's name for this machine
    #[arg(long, value_name = "NAME", help_heading = "Endpoint")]
    pub(super) allow_host: Vec<String>,

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
    pub(super) invocation_endpoint: String,

    /// Don't point the function's own AWS SDK at mtl: its calls to Lambda go where the shell's do
    #[arg(long, help_heading = "Endpoint")]
    pub(super) no_local_endpoints: bool,

    #[command(flatten)]
    pub(super) function: FunctionArgs,

    #[command(flatten)]
    pub(super) template: TemplateArgs,

    #[command(flatten)]
    pub(super) api: ApiArgs,

    #[command(flatten)]
    pub(super) limits: LimitArgs,

    #[command(flatten)]
    pub(super) events: EventArgs,

    /// The format of the platform's log lines [default: text, or that of the template]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub(super) log_format: Option<LogFormatArg>,

    /// Also write one file per log stream into this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) log_dir: Option<PathBuf>,

    /// The format of stdout
    #[arg(short, long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(super) output: OutputArg,

    /// Give new invocations new environments when a file changes there; repeatable [default: the code]
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "")]
    #[arg(conflicts_with = "attach")]
    pub(super) watch: Vec<OsString>,

    /// A command that builds the code, at the start and when something has changed
    #[arg(long, value_name = "COMMAND", requires = "watch")]
    pub(super) build: Option<OsString>,

    /// A command to run while mtl serves; mtl ends with it, with its exit code
    #[arg(long, value_name = "COMMAND")]
    pub(super) run: Option<OsString>,

    /// How long a stop waits for what is running
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub(super) grace: Duration,
}

const AFTER_HELP: &str = "\
Durations are 500ms, 3s, 2m, 6h, or a number of seconds.

Examples:
  mtl serve                                         a built-in example
  mtl serve -- ./target/debug/my-function           a Rust, Go or Swift binary
  mtl serve --handler app.handler                   app.py, or app.mjs, app.js, app.cjs
  mtl serve --template template.yaml                all functions and the API of a template
  mtl serve --handler app.handler --inspect         the same, under a debugger
  mtl serve --attach 1                              a runtime that your IDE starts
  mtl serve --tenant-from querystring:tenant-id     behind a REST API on port 3000
  mtl serve --watch --handler app.handler           new code as soon as it is saved
  mtl serve --run 'pytest -q' -- ./my-function      for as long as the tests run
  mtl serve --timeout 30s --memory-size 512 -- ./my-function";

/// What the function is.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Function")]
pub(super) struct FunctionArgs {
    /// A handler of Python or Node.js in this folder, FILE.FUNCTION, in place of a program
    #[arg(long, value_name = "HANDLER", conflicts_with = "command")]
    pub(super) handler: Option<String>,

    /// The runtime of the handler, such as python3.12 or nodejs22.x [default: that of its file]
    #[arg(long, value_name = "RUNTIME", requires = "handler", conflicts_with_all = ["command", "attach"])]
    pub(super) runtime: Option<String>,

    /// Start each environment's handler under a debugger, on a port of its own; timeouts are off
    #[arg(
        long,
        requires = "handler",
        conflicts_with_all = ["command", "attach", "timeout", "init_timeout"]
    )]
    pub(super) inspect: bool,

    /// Wait for N runtimes that you start, in a debugger or an IDE; the timeout is off unless given
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["command", "handler", "extensions"],
        value_parser = clap::value_parser!(u16).range(1..=1_000)
    )]
    pub(super) attach: Option<u16>,

    /// Its name [default: function]
    #[arg(
        long,
        env = "MTL_FUNCTION",
        hide_env_values = true,
        value_name = "NAME",
        value_parser = function_name
    )]
    pub(super) function_name: Option<String>,

    /// The Region in its ARN [default: that of the shell, or us-east-1]
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub(super) region: Option<String>,

    /// The account in its ARN
    #[arg(long, value_name = "ID", default_value = "123456789012", value_parser = account_id)]
    pub(super) account_id: String,

    /// How long one invocation may take, 1s to 900s [default: 3s]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    pub(super) timeout: Option<Duration>,

    /// Let invocations and inits take as long as they like, for debugging
    #[arg(long, conflicts_with_all = ["timeout", "init_timeout"])]
    pub(super) no_timeout: bool,

    /// Its memory in MB, 128 to 10240; enforced only when given [default: 128]
    #[arg(
        long,
        value_name = "MB",
        value_parser = clap::value_parser!(u32).range(
            i64::from(quotas::DEFAULT_MEMORY_MB)..=i64::from(quotas::MAXIMUM_MEMORY_MB)
        )
    )]
    pub(super) memory_size: Option<u32>,

    /// Its instruction set, which is only reported [default: this machine's]
    #[arg(long, value_name = "NAME")]
    pub(super) architecture: Option<ArchitectureArg>,

    /// A variable of its environment; repeatable, and stronger than --env-file
    #[arg(long = "env", value_name = "K=V", value_parser = key_value)]
    pub(super) variables: Vec<(OsString, OsString)>,

    /// A file with one K=V per line, taken as it stands, as Docker does
    #[arg(long = "env-file", value_name = "FILE")]
    pub(super) env_files: Vec<PathBuf>,

    /// An external extension, started for each environment; repeatable [default: /opt/extensions/*]
    #[arg(long = "extension", value_name = "PATH")]
    pub(super) extensions: Vec<PathBuf>,

    /// Whether every invocation names a tenant, or none does [default: the template's, or the first]
    #[arg(long, value_name = "MODE", ignore_case = true)]
    pub(super) tenant_isolation_mode: Option<TenantIsolationArg>,
}

/// The arguments about a template.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Template")]
pub(crate) struct TemplateArgs {
    /// A template of SAM, CloudFormation or CDK, whose functions and APIs are served
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "handler", "attach"])]
    pub(crate) template: Option<PathBuf>,

    /// A parameter of the template; repeatable
    #[arg(long = "parameter", value_name = "K=V", value_parser = pair)]
    pub(crate) parameters: Vec<(String, String)>,

    /// What runs a function of the template, in a shell in the folder of its code; repeatable
    #[arg(long = "command", value_name = "NAME=COMMAND", value_parser = pair)]
    pub(crate) commands: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// How many environments there are, and how long they live.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Environments")]
pub(super) struct LimitArgs {
    /// Concurrent executions of the account; environments are limited to 2.5 times that
    #[arg(
        long,
        value_name = "N",
        default_value_t = quotas::CONCURRENT_EXECUTIONS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) concurrency: u32,

    /// Concurrent executions reserved for the function; 0 throttles every invocation
    #[arg(long, value_name = "N")]
    pub(super) reserved_concurrency: Option<u32>,

    /// A lower ceiling of environments, for a small machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_environments: Option<u32>,

    /// Lift the limit of 1,000 new environments per 10 s
    #[arg(long)]
    pub(super) no_scaling_limit: bool,

    /// How long an environment may be idle
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(super) idle_timeout: Duration,

    /// How long an environment may live; it ends when it is free
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) max_lifetime: Option<Duration>,

    /// How long the init phase may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = some_time)]
    pub(super) init_timeout: Duration,
}

/// How asynchronous invocations are treated.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Asynchronous invocations")]
pub(super) struct EventArgs {
    /// How often an event is tried again after a function error, 0 to 2 [default: 2]
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(..=i64::from(quotas::EVENT_RETRY_ATTEMPTS))
    )]
    pub(super) maximum_retry_attempts: Option<u32>,

    /// How old an event may become [default: 6h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) maximum_event_age: Option<Duration>,

    /// The wait before the first retry; it doubles
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub(super) retry_delay: Duration,

    /// A folder or http URL for the records of events that succeeded
    #[arg(long, value_name = "DESTINATION")]
    pub(super) on_success: Option<Destination>,

    /// A folder or http URL for the records of events that were given up
    #[arg(long, value_name = "DESTINATION")]
    pub(super) on_failure: Option<Destination>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogFormatArg {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OutputArg {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ArchitectureArg {
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum TenantIsolationArg {
    #[value(name = "PER_TENANT")]
    PerTenant,
    #[value(name = "NONE")]
    None,
}

impl From<LogFormatArg> for LogFormat {
    fn from(argument: LogFormatArg) -> Self {
        match argument {
            LogFormatArg::Text => Self::Text,
            LogFormatArg::Json => Self::Json(LogLevels::default()),
        }
    }
}

impl From<ArchitectureArg> for Architecture {
    fn from(argument: ArchitectureArg) -> Self {
        match argument {
            ArchitectureArg::Arm64 => Self::Arm64,
            ArchitectureArg::X86_64 => Self::X86_64,
        }
    }
}

impl From<TenantIsolationArg> for TenantIsolationMode {
    fn from(argument: TenantIsolationArg) -> Self {
        match argument {
            TenantIsolationArg::PerTenant => Self::PerTenant,
            TenantIsolationArg::None => Self::None,
        }
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if (quotas::MINIMUM_TIMEOUT..=quotas::MAXIMUM_TIMEOUT).contains(&timeout) {
        return Ok(timeout);
    }
    Err("a function's timeout is 1s to 900s; --no-timeout lifts it".to_owned())
}

fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err("the time must be longer than 0".to_owned()) } else { Ok(time) }
}

fn region(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a Region is a name such as eu-west-1".to_owned())
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
    if text.is_empty() {
        // A variable that is set to nothing is as good as none.
        return Ok(DEFAULT_FUNCTION.to_owned());
    }
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
