//! What the system sees of an environment: the listener of its Runtime API, the runtime's process
//! with its output and its memory, and a folder for temporary files. Knows no life cycle: what is
//! started and ended when is not decided here.

use std::future::{Future, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use crate::environment::attachments::Attachments;
use crate::environment::blueprint::{Blueprint, Runtimes};
use crate::environment::extension_processes::{ExtensionProcesses, ExtensionSign, name};
use crate::environment::runtime_api::RuntimeCall;
use crate::environment::runtime_api::line::Line;
use crate::environment::variables::{Place, extension_variables, variables};
use crate::lambda::invocation::failure::Failure;
use crate::system::http::Connection;
use crate::system::memory::Watched;
use crate::system::output::Output;
use crate::system::process::Process;
use crate::system::process::launch::{Launch, SpawnError};
use crate::system::procfs::ports::listening_ports;

const BYTES_PER_MB: u64 = 1024 * 1024;

/// The parts of an environment that the system knows.
#[derive(Debug)]
pub(crate) struct Body {
    /// `None` while a runtime that the user starts is waited for.
    line: Option<Line>,
    attachments: Option<Attachments>,
    temp: TempDir,
    running: Option<Running>,
    /// What the process that ran last has written and nobody has read yet.
    output: Option<Output>,
    extensions: ExtensionProcesses,
    /// The most memory that the processes before the running one have used, in bytes.
    past_peak: Option<u64>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    watched: Watched,
}

/// What a body shows of itself.
#[derive(Debug)]
pub(crate) enum Sign {
    /// A runtime that the user has started is there.
    Attached,
    /// The runtime called.
    Call(RuntimeCall),
    /// The process ended, and its group with it.
    Exited(ExitStatus),
    /// The process group uses more memory than the function has.
    MemoryExceeded,
    /// There was output.
    Output,
    /// An extension shows something.
    Extension(ExtensionSign),
}

impl Body {
    /// A body without a process. The Runtime API listens before there is one that could connect.
    ///
    /// # Errors
    ///
    /// When the system has no port, file descriptor or room left.
    pub(crate) async fn new(blueprint: &Blueprint) -> io::Result<Self> {
        let (line, attachments) = match &blueprint.runtimes {
            Runtimes::Attached(attachments) => (None, Some(attachments.clone())),
            Runtimes::Command | Runtimes::Debugged(_) => {
                (Some(Line::open(0, &blueprint.function).await?), None)
            }
        };
        // Whoever cleans up the system's temporary files may have taken it away.
        std::fs::create_dir_all(&blueprint.shared.temp)?;
        let temp = tempfile::Builder::new().prefix("tmp-").tempdir_in(&blueprint.shared.temp)?;
        Ok(Self {
            line,
            attachments,
            temp,
            running: None,
            output: None,
            extensions: ExtensionProcesses::default(),
            past_peak: None,
        })
    }

    /// Starts the runtime's process, if it isn't the user who starts it. Returns where its debugger
    /// listens, if it has one.
    ///
    /// # Errors
    ///
    /// With the failure that its invocation has.
    pub(crate) fn start(
        &mut self,
        blueprint: &Blueprint,
        log_stream: &str,
    ) -> Result<Option<SocketAddr>, Failure> {
        let function = &blueprint.function;
        let (command, debugger) = match &blueprint.runtimes {
            Runtimes::Attached(_) => return Ok(None),
            Runtimes::Command => (function.command.clone(), None),
            Runtimes::Debugged(language) => {
                let address = free_address().map_err(|error| {
                    Failure::Service(format!("failed to find a port for a debugger: {error}"))
                })?;
                (language.debugged(&function.command, address), Some(address))
            }
        };
        let launch = Launch {
            command,
            argv0: function.argv0.clone(),
            variables: variables(std::env::vars_os(), function, self.place(blueprint, log_stream)),
            directory: blueprint.task_root.clone(),
        };
        let (process, output, watched) =
            self.spawn(blueprint, &launch).map_err(|error| start_failure(&error))?;
        self.running = Some(Running { process, watched });
        self.output = Some(output);
        Ok(debugger)
    }

    /// Starts the external extensions anew.
    ///
    /// # Errors
    ///
    /// When one of them can't be started.
    pub(crate) fn start_extensions(
        &mut self,
        blueprint: &Blueprint,
        log_stream: &str,
    ) -> Result<(), Failure> {
        self.extensions = ExtensionProcesses::default();
        for path in &blueprint.extensions {
            let place = self.place(blueprint, log_stream);
            let launch = Launch {
                command: vec![path.into()],
                argv0: None,
                variables: extension_variables(std::env::vars_os(), &blueprint.function, place),
                directory: blueprint.task_root.clone(),
            };
            let (process, output, watched) = self.spawn(blueprint, &launch).map_err(|error| {
                Failure::Extension("Extension.LaunchError".to_owned(), error.to_string())
            })?;
            self.extensions.add(name(path), process, output, watched);
        }
        Ok(())
    }

    fn spawn(
        &self,
        blueprint: &Blueprint,
        launch: &Launch,
    ) -> Result<(Process, Output, Watched), SpawnError> {
        let (process, output) = blueprint.shared.processes.spawn(self.address(), launch)?;
        let memory = &blueprint.function.memory;
        let limit = memory.enforced.then(|| u64::from(memory.mb) * BYTES_PER_MB);
        let watched = blueprint.shared.memory.watch(process.pid(), limit);
        watched.set_active(true);
        Ok((process, Output::new(output.stdout, output.stderr), watched))
    }

    fn place<'a>(&'a self, blueprint: &'a Blueprint, log_stream: &'a str) -> Place<'a> {
        Place {
            api: self.address(),
            log_stream,
            temp: self.temp.path(),
            task_root: &blueprint.task_root,
            endpoint: blueprint.shared.endpoint.as_deref(),
        }
    }

    /// Where its Runtime API listens.
    fn address(&self) -> SocketAddr {
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        self.line.as_ref().map_or(nowhere, Line::address)
    }

    /// Whether the runtime's process runs, or a runtime that the user has started is there.
    #[must_use]
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some() || (self.is_attached() && self.line.is_some())
    }

    /// Whether it is the user who starts the runtime.
    #[must_use]
    pub(crate) fn is_attached(&self) -> bool {
        self.attachments.is_some()
    }

    /// The runtime that the user has started is gone, or another one has come, with this call. The one
    /// that was here, on this connection, gets nothing any more.
    pub(crate) fn detach(&mut self, call: Option<RuntimeCall>, delivered: &Connection) {
        if let (Some(mut line), Some(attachments)) = (self.line.take(), &self.attachments) {
            line.retire(delivered.clone());
            if let Some(call) = call {
                line.hold(call);
            }
            attachments.release(line);
        }
    }

    /// Cuts off the runtime that the user has started: it must not serve another tenant.
    fn cut(&mut self) {
        if let (Some(line), true) = (&mut self.line, self.attachments.is_some()) {
            line.cut();
            self.detach(None, &Connection::default());
        }
    }

    /// The TCP ports on which the runtime's processes listen.
    #[must_use]
    pub(crate) fn ports(&self) -> Vec<u16> {
        let running = self.running.as_ref();
        running.map(|running| listening_ports(running.process.pid())).unwrap_or_default()
    }

    /// Whether the process of an external extension runs.
    #[must_use]
    pub(crate) fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// The next thing that shows. Whole lines of output are passed on. A call that the process made
    /// before it ended comes before its end. Dropping the future loses nothing.
    pub(crate) async fn sign(&mut self, line: impl FnMut(&[u8])) -> Sign {
        let (exited, exceeded) = match &mut self.running {
            Some(Running { process, watched }) => (Some(process), Some(watched)),
            None => (None, None),
        };
        let attachments = self.attachments.as_ref().filter(|_| self.line.is_none());
        let status = tokio::select! {
            biased;
            call = if_some(self.line.as_mut().map(Line::call)) => return Sign::Call(call),
            line = if_some(attachments.map(Attachments::connected)) => {
                self.line = Some(line);
                return Sign::Attached;
            }
            sign = self.extensions.sign() => return Sign::Extension(sign),
            status = if_some(exited.map(Process::exited)) => status,
            () = if_some(exceeded.map(|watched| watched.exceeded())) => {
                return Sign::MemoryExceeded;
            }
            () = if_some(self.output.as_mut().map(|output| output.read(line))) => {
                return Sign::Output;
            }
        };
        self.past_peak = self.peak();
        self.running = None;
        Sign::Exited(status)
    }

    /// Passes on all that the process has written so far.
    pub(crate) fn drain(&mut self, line: impl FnMut(&[u8])) {
        if let Some(output) = &mut self.output {
            output.drain(line);
        }
    }

    /// Kills the runtime and the extensions.
    pub(crate) fn kill(&mut self) {
        self.kill_runtime();
        self.cut();
        self.extensions.kill_all();
    }

    /// Kills the runtime's process group.
    pub(crate) fn kill_runtime(&self) {
        if let Some(running) = &self.running {
            running.process.kill();
        }
    }

    /// Kills those extensions whose name is one of these.
    pub(crate) fn kill_extensions(&self, which: impl Fn(&str) -> bool) {
        self.extensions.kill(which);
    }

    /// Whether the processes are at work, so that their memory is worth measuring.
    pub(crate) fn set_active(&self, active: bool) {
        if let Some(running) = &self.running {
            running.watched.set_active(active);
        }
        self.extensions.set_active(active);
    }

    /// The most memory that was in use at once since the environment began, in bytes; `None` where
    /// the system can't tell.
    #[must_use]
    pub(crate) fn peak(&mut self) -> Option<u64> {
        let running = self.running.as_ref().and_then(|running| running.watched.peak());
        let all = running.map(|peak| peak + self.extensions.peak().unwrap_or_default());
        self.past_peak.max(all)
    }

    /// Sends SIGTERM to the runtime's process group and gives it some time to end.
    pub(crate) async fn terminate(&mut self, cut: impl Future<Output = ()>, time: Duration) {
        let Some(Running { process, .. }) = &mut self.running else { return };
        process.terminate();
        tokio::select! {
            _ = process.exited() => {}
            () = cut => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Ends everything and removes every trace. The runtime's connections are cut off only when its
    /// processes are gone, so that it does not log its surprise; and its address is free only when
    /// no process is left that knows it.
    pub(crate) async fn end(mut self, blueprint: &Blueprint, line: impl FnMut(&[u8])) {
        if let Some(Running { process, .. }) = &mut self.running {
            process.kill();
            process.exited().await;
        }
        self.drain(line);
        self.cut();
        if let Some(line) = self.line {
            blueprint.shared.processes.sweep(line.address()).await;
        }
        // Deleting many files takes its time. What can't be deleted is left in the system's folder
        // for temporary files, which the system cleans up.
        let temp = self.temp;
        drop(tokio::task::spawn_blocking(move || temp.close()).await);
    }
}

async fn if_some<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
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
