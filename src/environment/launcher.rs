//! Starts the processes of one environment: the runtime and its external extensions, each with its
//! variables, its output and its memory limit.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use crate::environment::blueprint::{Blueprint, Runtimes};
use crate::environment::variables::{ProcessContext, extension_variables, variables};
use crate::lambda::invocation::failure::Failure;
use crate::system::memory::Watched;
use crate::system::output::Output;
use crate::system::process::Process;
use crate::system::process::launch::{Launch, SpawnError};

const BYTES_PER_MB: u64 = 1024 * 1024;

/// What starts the processes of one environment.
#[derive(Debug)]
pub(crate) struct Launcher {
    blueprint: Arc<Blueprint>,
    runtime_api: SocketAddr,
    log_stream: String,
    /// The folder for temporary files.
    temp: TempDir,
}

/// A process that has just been started.
#[derive(Debug)]
pub(crate) struct Launched {
    /// The process and its group.
    pub(crate) process: Process,
    /// What it writes.
    pub(crate) output: Output,
    /// Its memory.
    pub(crate) watched: Watched,
    /// Where its debugger listens, if it has one.
    pub(crate) debugger: Option<SocketAddr>,
}

impl Launcher {
    /// A launcher for an environment whose Runtime API listens there, if mtl starts the runtime, and
    /// whose log stream has this name.
    ///
    /// # Errors
    ///
    /// When the folder for temporary files can't be made.
    pub(crate) fn new(
        blueprint: Arc<Blueprint>,
        runtime_api: Option<SocketAddr>,
        log_stream: &str,
    ) -> io::Result<Self> {
        let folder = &blueprint.shared.temp;
        // Whoever cleans up the system's temporary files may have taken it away.
        std::fs::create_dir_all(folder)?;
        let temp = tempfile::Builder::new().prefix("tmp-").tempdir_in(folder)?;
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let runtime_api = runtime_api.unwrap_or(nowhere);
        Ok(Self { blueprint, runtime_api, log_stream: log_stream.to_owned(), temp })
    }

    /// Starts the runtime, if it isn't the user who starts it.
    ///
    /// # Errors
    ///
    /// With the failure that its invocation has.
    pub(crate) fn runtime(&self) -> Result<Option<Launched>, Failure> {
        let function = &self.blueprint.function;
        let (command, debugger) = match &self.blueprint.runtimes {
            Runtimes::Attached(_) => return Ok(None),
            Runtimes::Command => (function.program.command.clone(), None),
            Runtimes::Debugged(language) => {
                let address = free_address().map_err(|error| {
                    Failure::Service(format!("failed to find a port for a debugger: {error}"))
                })?;
                (language.debugged(&function.program.command, address), Some(address))
            }
        };
        let launch = Launch {
            command,
            argv0: function.program.argv0.clone(),
            variables: variables(std::env::vars_os(), function, self.context()),
            directory: self.blueprint.task_root.clone(),
        };
        let launched = self.spawn(&launch).map_err(|error| start_failure(&error))?;
        Ok(Some(Launched { debugger, ..launched }))
    }

    /// Starts this external extension.
    ///
    /// # Errors
    ///
    /// With the failure that its invocation has.
    pub(crate) fn extension(&self, program: &Path) -> Result<Launched, Failure> {
        let function = &self.blueprint.function;
        let launch = Launch {
            command: vec![program.into()],
            argv0: None,
            variables: extension_variables(std::env::vars_os(), function, self.context()),
            directory: self.blueprint.task_root.clone(),
        };
        self.spawn(&launch).map_err(|error| {
            Failure::Extension("Extension.LaunchError".to_owned(), error.to_string())
        })
    }

    fn spawn(&self, launch: &Launch) -> Result<Launched, SpawnError> {
        let shared = &self.blueprint.shared;
        let (process, output) = shared.processes.spawn(self.runtime_api, launch)?;
        let memory = &self.blueprint.function.memory;
        let limit = memory.enforced.then(|| u64::from(memory.mb) * BYTES_PER_MB);
        let watched = shared.memory.watch(process.pid(), limit);
        watched.activate();
        let output = Output::new(output.stdout, output.stderr);
        Ok(Launched { process, output, watched, debugger: None })
    }

    fn context(&self) -> ProcessContext<'_> {
        ProcessContext {
            api: self.runtime_api,
            log_stream: &self.log_stream,
            temp: self.temp.path(),
            task_root: &self.blueprint.task_root,
            endpoint: self.blueprint.shared.endpoint.as_deref(),
        }
    }

    /// Removes the folder for temporary files.
    pub(crate) async fn remove_temp(self) {
        // Deleting many files takes its time. What can't be deleted is left in the system's folder
        // for temporary files, which the system cleans up.
        drop(tokio::task::spawn_blocking(move || self.temp.close()).await);
    }
}

/// An address that was free just now, for a program that can't say which it took.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// In the words of Go's `exec`, which are Lambda's.
fn start_failure(error: &SpawnError) -> Failure {
    let exec = |program: &Path, reason: &str| format!("fork/exec {}: {reason}", program.display());
    let reason = match error {
        SpawnError::Empty => exec(Path::new(""), "no such file or directory"),
        SpawnError::NotFound(program) if !program.to_string_lossy().contains('/') => {
            format!("exec: \"{}\": executable file not found in $PATH", program.display())
        }
        SpawnError::NotFound(program)
        | SpawnError::Interpreter { program, .. }
        | SpawnError::WindowsLines(program) => exec(program, "no such file or directory"),
        SpawnError::NotExecutable(program) => exec(program, "permission denied"),
        SpawnError::Format(program) | SpawnError::Foreign { program, .. } => {
            exec(program, "exec format error")
        }
        SpawnError::Directory(directory) => {
            format!("chdir {}: no such file or directory", directory.display())
        }
        SpawnError::System { program, source } => {
            let reason = format!("failed to start {}: {source}", program.display());
            return Failure::Service(reason);
        }
    };
    Failure::InvalidEntrypoint { reason, plain: error.to_string(), remedy: error.remedy() }
}
