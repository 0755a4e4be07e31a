//! What `mtl serve` will do, made of its arguments. Every check that can be made before something is
//! started is here, so that what follows works with values that are right.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::failure::Failure;
use crate::cli::serve::args::{Args, OutputArg};
use crate::cli::serve::extensions::extensions;
use crate::cli::serve::variables;
use crate::emulator::{Config, Port};
use crate::function::Function;
use crate::logs::Stdout;
use crate::management_api::configuration;
use crate::process::launch::Launch;
use crate::process::limits::raise_file_descriptor_limit;
use crate::{example_function, front_door, lifecycle, memory, placement};

const DEFAULT_PORT: u16 = 7000;

/// How many file descriptors one environment takes at most: the listener of its Runtime API, two
/// connections to it, two pipes, and the connection of a caller.
const FILES_PER_ENVIRONMENT: u64 = 6;

/// How many more an external extension takes: two pipes, two connections to the Runtime API, and one
/// over which it is told of telemetry.
const FILES_PER_EXTENSION: u64 = 5;

/// How many file descriptors mtl itself keeps free.
const OWN_FILES: u64 = 64;

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
        let management = self.management();
        let runtime_client = self.function.runtime_client(&folder)?;
        let (command, argv0, served) = match &runtime_client {
            // Where mtl's own client is, the emulator knows.
            Some(client) => {
                (client.command(&folder), None, format!("serving {}", client.described()))
            }
            None => served(self.command, &folder)?,
        };
        let extensions = extensions(&self.function.extensions, &folder)?;
        let served = format!("{served}{}", with_extensions(&extensions));
        let mut warnings = Vec::new();
        let function = self.function.function(command, argv0, self.log_format)?;
        if let Some(name) = variables::reserved(&function.variables) {
            let name = name.display();
            warnings.push(format!("Lambda sets `{name}` itself, so --env does not change it"));
        }
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
        let (placement, function_file_descriptors) =
            fit_to_files(placement, extensions.len(), &mut warnings);
        if let Some(folder) = &self.log_dir {
            check_log_dir(folder)?;
        }
        let stdout = stdout(self.output);
        let port = self.port.map_or(Port::Preferred(DEFAULT_PORT), Port::Asked);
        let config = Config {
            host: self.host.trim_matches(['[', ']']).to_owned(),
            port,
            front_door: front_door::Settings {
                invocation_endpoint: self.invocation_endpoint,
                allowed_hosts: self.allow_host,
            },
            management,
            function,
            runtime_client,
            lifecycle,
            placement,
            events: self.events.settings(placement),
            local_endpoints: !self.no_local_endpoints,
            extensions,
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

    fn management(&self) -> configuration::Settings {
        configuration::Settings {
            timeout: (!self.function.no_timeout).then_some(self.function.timeout),
            concurrency: self.limits.concurrency,
            reserved_concurrency: self.limits.reserved_concurrency,
        }
    }
}

fn with_extensions(extensions: &[PathBuf]) -> String {
    if extensions.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = extensions.iter().map(|path| format!("`{}`", path.display())).collect();
    let noun = if shown.len() == 1 { "extension" } else { "extensions" };
    format!(", with the {noun} {}", shown.join(", "))
}

/// It is better to know at the start than with the first line.
fn check_log_dir(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    let usable = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    match usable {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = anyhow::Error::new(error);
            let failure = error.context(format!("failed to write to the folder `{shown}`"));
            Err(Failure::from(failure).help("choose another one with --log-dir"))
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
    extensions: usize,
    warnings: &mut Vec<String>,
) -> (placement::Limits, Option<u64>) {
    let raised = match raise_file_descriptor_limit() {
        Ok(raised) => raised,
        Err(error) => {
            warnings.push(format!("failed to raise the limit of open files: {error}"));
            return (limits, None);
        }
    };
    let each = FILES_PER_ENVIRONMENT + FILES_PER_EXTENSION * extensions as u64;
    let fitting = raised.now.saturating_sub(OWN_FILES) / each;
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
