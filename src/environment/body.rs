//! What the system sees of an environment: the listener of its Runtime API, the runtime's process
//! with its output and its memory, and a folder for temporary files. Knows no life cycle: what is
//! started and ended when is not decided here.

use std::future::{Future, pending};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment::blueprint::Blueprint;
use crate::environment::extension_processes::{ExtensionProcesses, ExtensionSign, name};
use crate::environment::variables::{Place, extension_variables, variables};
use crate::invocation::failure::Failure;
use crate::memory::Watched;
use crate::output::Output;
use crate::process::Process;
use crate::process::launch::{Launch, SpawnError};
use crate::runtime_api::{RuntimeApi, RuntimeCall};

const BYTES_PER_MB: u64 = 1024 * 1024;

/// The parts of an environment that the system knows.
#[derive(Debug)]
pub struct Body {
    api: SocketAddr,
    calls: mpsc::Receiver<RuntimeCall>,
    listener: JoinHandle<()>,
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
pub enum Sign {
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
    pub async fn new(blueprint: &Blueprint) -> io::Result<Self> {
        let api = RuntimeApi::bind().await?;
        let address = api.address();
        let (sender, calls) = mpsc::channel(4);
        // Whoever cleans up the system's temporary files may have taken it away.
        std::fs::create_dir_all(&blueprint.temp)?;
        let temp = tempfile::Builder::new().prefix("tmp-").tempdir_in(&blueprint.temp)?;
        let listener = tokio::spawn(api.serve(&blueprint.function, sender));
        Ok(Self {
            api: address,
            calls,
            listener,
            temp,
            running: None,
            output: None,
            extensions: ExtensionProcesses::default(),
            past_peak: None,
        })
    }

    /// Starts the runtime's process.
    ///
    /// # Errors
    ///
    /// With the failure that its invocation has.
    pub fn start(&mut self, blueprint: &Blueprint, log_stream: &str) -> Result<(), Failure> {
        let function = &blueprint.function;
        let launch = Launch {
            command: function.command.clone(),
            argv0: function.argv0.clone(),
            variables: variables(std::env::vars_os(), function, self.place(blueprint, log_stream)),
            directory: blueprint.task_root.clone(),
        };
        let (process, output, watched) =
            self.spawn(blueprint, &launch).map_err(|error| start_failure(&error))?;
        self.running = Some(Running { process, watched });
        self.output = Some(output);
        Ok(())
    }

    /// Starts the external extensions anew.
    ///
    /// # Errors
    ///
    /// When one of them can't be started.
    pub fn start_extensions(
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
        let (process, output) = blueprint.processes.spawn(self.api, launch)?;
        let memory = &blueprint.function.memory;
        let limit = memory.enforced.then(|| u64::from(memory.mb) * BYTES_PER_MB);
        let watched = blueprint.memory.watch(process.pid(), limit);
        watched.set_active(true);
        Ok((process, Output::new(output.stdout, output.stderr), watched))
    }

    fn place<'a>(&'a self, blueprint: &'a Blueprint, log_stream: &'a str) -> Place<'a> {
        Place {
            api: self.api,
            log_stream,
            temp: self.temp.path(),
            task_root: &blueprint.task_root,
            endpoint: blueprint.endpoint.as_deref(),
        }
    }

    /// Whether the runtime's process runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the process of an external extension runs.
    #[must_use]
    pub fn has_extensions(&self) -> bool {
        !self.extensions.is_empty()
    }

    /// The next thing that shows. Whole lines of output are passed on. A call that the process made
    /// before it ended comes before its end. Dropping the future loses nothing.
    pub async fn sign(&mut self, line: impl FnMut(&[u8])) -> Sign {
        let (exited, exceeded) = match &mut self.running {
            Some(Running { process, watched }) => (Some(process), Some(watched)),
            None => (None, None),
        };
        let status = tokio::select! {
            biased;
            Some(call) = self.calls.recv() => return Sign::Call(call),
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
    pub fn drain(&mut self, line: impl FnMut(&[u8])) {
        if let Some(output) = &mut self.output {
            output.drain(line);
        }
    }

    /// Kills the runtime and the extensions.
    pub fn kill(&self) {
        self.kill_runtime();
        self.extensions.kill_all();
    }

    /// Kills the runtime's process group.
    pub fn kill_runtime(&self) {
        if let Some(running) = &self.running {
            running.process.kill();
        }
    }

    /// Kills those extensions whose name is one of these.
    pub fn kill_extensions(&self, which: impl Fn(&str) -> bool) {
        self.extensions.kill(which);
    }

    /// Whether the processes are at work, so that their memory is worth measuring.
    pub fn set_active(&self, active: bool) {
        if let Some(running) = &self.running {
            running.watched.set_active(active);
        }
        self.extensions.set_active(active);
    }

    /// The most memory that was in use at once since the environment began, in bytes; `None` where
    /// the system can't tell.
    #[must_use]
    pub fn peak(&mut self) -> Option<u64> {
        let running = self.running.as_ref().and_then(|running| running.watched.peak());
        let all = running.map(|peak| peak + self.extensions.peak().unwrap_or_default());
        self.past_peak.max(all)
    }

    /// Sends SIGTERM to the runtime's process group and gives it some time to end.
    pub async fn terminate(&mut self, cut: impl Future<Output = ()>, time: Duration) {
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
    pub async fn end(mut self, blueprint: &Blueprint, line: impl FnMut(&[u8])) {
        if let Some(Running { process, .. }) = &mut self.running {
            process.kill();
            process.exited().await;
        }
        self.drain(line);
        blueprint.processes.sweep(self.api).await;
        self.listener.abort();
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

/// In the words of Go's `exec`, which are Lambda's.
fn start_failure(error: &SpawnError) -> Failure {
    let exec = |program: &Path, reason: &str| {
        Failure::InvalidEntrypoint(format!("fork/exec {}: {reason}", program.display()))
    };
    match error {
        SpawnError::Empty => exec(Path::new(""), "no such file or directory"),
        SpawnError::NotFound(program) if !program.to_string_lossy().contains('/') => {
            let name = program.display();
            Failure::InvalidEntrypoint(format!(
                "exec: \"{name}\": executable file not found in $PATH"
            ))
        }
        SpawnError::NotFound(program) | SpawnError::Interpreter { program, .. } => {
            exec(program, "no such file or directory")
        }
        SpawnError::NotExecutable(program) => exec(program, "permission denied"),
        SpawnError::Format(program) => exec(program, "exec format error"),
        SpawnError::Directory(directory) => {
            let directory = directory.display();
            Failure::InvalidEntrypoint(format!("chdir {directory}: no such file or directory"))
        }
        SpawnError::System { program, source } => {
            Failure::Service(format!("failed to start {}: {source}", program.display()))
        }
    }
}
