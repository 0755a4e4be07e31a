//! One execution environment: a task that owns the life cycle, the runtime's process and its
//! Runtime API, and performs the effects that the life cycle asks for. Knows neither other
//! environments nor who decided that an invocation comes here.
//!
//! An environment is started for an invocation, belongs to that invocation's tenant for life, and
//! is reached only through its [`Handle`]. It listens to, in this order: the end of its process, its
//! handle, its runtime, its memory, its deadline, its output. When the life cycle is over,
//! [`Environment::run`] returns what is left of it: no invocation can reach it any more, and
//! [`Remains::clean_up`] ends its processes as Lambda does and removes every trace.

pub mod variables;

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::function::Function;
use crate::invocation::{Completed, Failure, Invocation, Outcome, Report};
use crate::lifecycle::{Effect, Event, InitFailure, Lifecycle, Limits, Verdict};
use crate::logs::event::PlatformEvent;
use crate::logs::{LogSink, LogStream};
use crate::memory::{MemoryMonitor, Watched};
use crate::output::Output;
use crate::process::launch::{Launch, SpawnError};
use crate::process::{Process, Processes};
use crate::quotas;
use crate::runtime_api::next::next;
use crate::runtime_api::{Next, RuntimeApi, RuntimeCall};
use variables::{Place, variables};

const BYTES_PER_MB: u64 = 1024 * 1024;

/// What all environments of a function have in common.
#[derive(Debug)]
pub struct Blueprint {
    /// The function they run.
    pub function: Arc<Function>,
    /// How long their phases last.
    pub limits: Limits,
    /// Where they log.
    pub logs: LogSink,
    /// What starts their processes.
    pub processes: Processes,
    /// What measures their memory.
    pub memory: MemoryMonitor,
    /// The folder that holds their temporary folders.
    pub temp: PathBuf,
    /// The folder they start in.
    pub task_root: PathBuf,
    /// Ends the time that an environment has to shut down.
    pub kill: CancellationToken,
}

/// An invocation on its way through an environment.
#[derive(Debug)]
pub struct Assignment {
    /// The invocation.
    pub invocation: Arc<Invocation>,
    /// Gets the outcome. Dropped unused when the environment ended before it took the invocation:
    /// then another one must.
    pub reply: oneshot::Sender<Completed>,
    /// Gets word when the environment is free again; dropped when it never will be.
    pub free: oneshot::Sender<()>,
}

/// The way to reach an environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Debug)]
enum Command {
    Assign(Assignment),
    Stop,
}

impl Handle {
    /// Runs an invocation there.
    pub fn assign(&self, assignment: Assignment) {
        // An environment that has ended drops the assignment, which tells its sender.
        let _ = self.commands.send(Command::Assign(assignment));
    }

    /// Ends the environment, whatever it is doing.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }
}

/// An execution environment, from its start to the end of its life cycle.
#[derive(Debug)]
pub struct Environment {
    blueprint: Arc<Blueprint>,
    lifecycle: Lifecycle,
    log: LogStream,
    commands: mpsc::UnboundedReceiver<Command>,
    current: Option<Current>,
    /// How long the init phase took, until a REPORT has told it.
    init_duration: Option<Duration>,
    /// When the phase that the last event found running began.
    since: Option<Instant>,
    /// The most memory that its processes have used, in bytes.
    peak: Option<u64>,
    /// The runtime's `/next`, held until there is an invocation.
    parked: Option<oneshot::Sender<Next>>,
    /// The runtime's POST that the life cycle is deciding about.
    verdict: Option<oneshot::Sender<Verdict>>,
    extension_registered: bool,
    body: Option<Body>,
}

/// The invocation that the environment runs, or ran last.
#[derive(Debug)]
struct Current {
    invocation: Arc<Invocation>,
    reply: Option<oneshot::Sender<Completed>>,
    free: oneshot::Sender<()>,
    /// Whether START has been logged.
    started: bool,
}

impl Current {
    fn of(Assignment { invocation, reply, free }: Assignment) -> Self {
        Self { invocation, reply: Some(reply), free, started: false }
    }
}

/// What of an environment the system sees.
#[derive(Debug)]
struct Body {
    api: SocketAddr,
    calls: mpsc::Receiver<RuntimeCall>,
    listener: JoinHandle<()>,
    temp: TempDir,
    process: Option<Process>,
    output: Option<Output>,
    watched: Option<Watched>,
}

/// An environment whose life cycle is over.
#[derive(Debug)]
pub struct Remains {
    blueprint: Arc<Blueprint>,
    log: LogStream,
    extension_registered: bool,
    body: Option<Body>,
}

/// What the environment waits for.
enum Occurrence {
    Exited(ExitStatus),
    Command(Command),
    Call(RuntimeCall),
    MemoryExceeded,
    Deadline,
    Output,
}

impl Environment {
    /// An environment for the tenant of its first invocation. Nothing happens until it is run.
    #[must_use]
    pub fn new(blueprint: Arc<Blueprint>, id: Uuid, first: Assignment) -> (Handle, Self) {
        let (sender, commands) = mpsc::unbounded_channel();
        let invocation = &first.invocation;
        let log = LogStream::new(
            blueprint.logs.clone(),
            blueprint.function.clone(),
            id,
            invocation.tenant_id.clone(),
        );
        let lifecycle = Lifecycle::new(blueprint.limits, invocation.request_id, Instant::now());
        let environment = Self {
            blueprint,
            lifecycle,
            log,
            commands,
            current: Some(Current::of(first)),
            init_duration: None,
            since: None,
            peak: None,
            parked: None,
            verdict: None,
            extension_registered: false,
            body: None,
        };
        (Handle { commands: sender }, environment)
    }

    /// Lives until the life cycle is over.
    pub async fn run(mut self) -> Remains {
        self.log.platform(&PlatformEvent::InitStart);
        match Body::new(&self.blueprint).await {
            Ok(body) => {
                self.body = Some(body);
                self.start_process();
            }
            Err(error) => {
                let message = format!("failed to create an execution environment: {error}");
                self.step(Event::StartFailed(Failure::Service(message)));
            }
        }
        while !self.lifecycle.is_ended() {
            match self.occurrence().await {
                Occurrence::Exited(status) => self.exited(status),
                Occurrence::Command(Command::Assign(assignment)) => self.assigned(assignment),
                Occurrence::Command(Command::Stop) => self.step(Event::StopAsked),
                Occurrence::Call(call) => self.called(call),
                Occurrence::MemoryExceeded => self.step(Event::MemoryExceeded),
                Occurrence::Deadline => self.step(Event::DeadlinePassed),
                Occurrence::Output => {}
            }
        }
        Remains {
            blueprint: self.blueprint,
            log: self.log,
            extension_registered: self.extension_registered,
            body: self.body,
        }
    }

    async fn occurrence(&mut self) -> Occurrence {
        let Some(body) = &mut self.body else { return pending().await };
        let request_id = self.current.as_ref().map(|current| current.invocation.request_id);
        let deadline = self.lifecycle.deadline();
        let log = &self.log;
        tokio::select! {
            biased;
            status = exited(body.process.as_mut()) => Occurrence::Exited(status),
            Some(command) = self.commands.recv() => Occurrence::Command(command),
            Some(call) = body.calls.recv() => Occurrence::Call(call),
            () = memory_exceeded(body.watched.as_mut()) => Occurrence::MemoryExceeded,
            () = passed(deadline) => Occurrence::Deadline,
            () = read(body.output.as_mut(), |line| log.output(line, request_id)) => {
                Occurrence::Output
            }
        }
    }

    fn called(&mut self, call: RuntimeCall) {
        match call {
            RuntimeCall::Next(next) => {
                // An earlier poll that is still held was given up by the runtime.
                self.parked = Some(next);
                self.step(Event::NextPolled);
            }
            RuntimeCall::Response(id, body, verdict) => {
                self.verdict = Some(verdict);
                self.step(Event::Responded(id, body));
            }
            RuntimeCall::Error(id, failure, verdict) => {
                self.verdict = Some(verdict);
                self.step(Event::ErrorPosted(id, failure));
            }
            RuntimeCall::InitError(failure, verdict) => {
                self.verdict = Some(verdict);
                self.step(Event::InitErrorPosted(failure));
            }
            RuntimeCall::Register => self.extension_registered = true,
        }
    }

    fn assigned(&mut self, assignment: Assignment) {
        let request_id = assignment.invocation.request_id;
        // Only an idle environment is assigned anything, so no reply is lost here.
        self.current = Some(Current::of(assignment));
        self.step(Event::Assigned(request_id));
    }

    fn exited(&mut self, status: ExitStatus) {
        // What it wrote before it died comes before the line that says that it did.
        self.drain();
        self.measure();
        if let Some(body) = &mut self.body {
            body.process = None;
            body.watched = None;
        }
        self.step(Event::Exited(status));
    }

    fn step(&mut self, event: Event) {
        self.since = self.lifecycle.since();
        for effect in self.lifecycle.step(event, Instant::now()) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(verdict) => {
                if let Some(answer) = self.verdict.take() {
                    // The runtime may have hung up.
                    let _ = answer.send(verdict);
                }
            }
            Effect::Park => self.set_active(false),
            Effect::Deliver => self.deliver(),
            Effect::EndInit(failure) => self.end_init(failure.as_ref()),
            Effect::Kill => {
                if let Some(process) = self.body.as_ref().and_then(|body| body.process.as_ref()) {
                    process.kill();
                }
            }
            Effect::Start => self.start_process(),
            Effect::Finish(outcome) => self.finish(outcome),
            Effect::Release => {
                if let Some(current) = self.current.take() {
                    let _ = current.free.send(());
                }
            }
            Effect::End => self.commands.close(),
        }
    }

    fn start_process(&mut self) {
        let started = match &mut self.body {
            Some(body) => body.start_process(&self.blueprint, self.log.name()),
            None => return,
        };
        if let Err(error) = started {
            self.step(Event::StartFailed(start_failure(&error)));
        }
    }

    fn end_init(&mut self, failure: Option<&InitFailure>) {
        self.drain();
        let duration = self.elapsed();
        match failure {
            None => self.init_duration = Some(duration),
            Some(InitFailure { phase, failure }) => {
                self.log.platform(&PlatformEvent::InitReport(duration, phase, failure));
            }
        }
    }

    /// Gives the event to the `/next` that is held. Without one it waits for the next poll, for
    /// which the life cycle asks to deliver again.
    fn deliver(&mut self) {
        let Some(current) = &mut self.current else { return };
        let invocation = &current.invocation;
        if !current.started {
            current.started = true;
            self.log.platform(&PlatformEvent::Start(invocation.request_id));
        }
        if let Some(parked) = self.parked.take() {
            let now = Instant::now();
            let remaining = self.lifecycle.deadline().map(|end| end.saturating_duration_since(now));
            // When the runtime has hung up, it polls again or its process ends.
            let _ = parked.send(next(&self.blueprint.function, invocation, remaining));
        }
        self.set_active(true);
    }

    fn finish(&mut self, outcome: Outcome) {
        // The function wrote what is in its pipes before it answered, so it comes before END.
        self.drain();
        let report = self.report(&outcome);
        let Some(current) = &mut self.current else { return };
        let id = current.invocation.request_id;
        let failure = match &outcome {
            Outcome::Success(_) => None,
            Outcome::Failure(failure) => Some(failure),
        };
        if !current.started {
            self.log.platform(&PlatformEvent::Start(id));
        }
        if let Some(failure) = failure {
            self.log.platform(&PlatformEvent::Fault(id, failure));
        }
        self.log.platform(&PlatformEvent::End(id, &report, failure));
        self.log.platform(&PlatformEvent::Report(id, &report, failure));
        if let Some(reply) = current.reply.take() {
            let _ = reply.send(Completed { outcome, report });
        }
    }

    fn report(&mut self, outcome: &Outcome) -> Report {
        let duration = match outcome {
            // The time it took to notice is not the function's.
            Outcome::Failure(Failure::TimedOut(timeout)) => *timeout,
            _ => self.elapsed(),
        };
        self.measure();
        Report {
            duration,
            init_duration: self.init_duration.take(),
            memory_size_mb: self.blueprint.function.memory.mb,
            max_memory_used_mb: self.peak.map(|bytes| bytes.div_ceil(BYTES_PER_MB)),
        }
    }

    fn elapsed(&self) -> Duration {
        self.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn measure(&mut self) {
        let watched = self.body.as_ref().and_then(|body| body.watched.as_ref());
        self.peak = self.peak.max(watched.and_then(Watched::peak));
    }

    fn drain(&mut self) {
        let request_id = self.current.as_ref().map(|current| current.invocation.request_id);
        if let Some(output) = self.body.as_mut().and_then(|body| body.output.as_mut()) {
            output.drain(|line| self.log.output(line, request_id));
        }
    }

    fn set_active(&self, active: bool) {
        if let Some(watched) = self.body.as_ref().and_then(|body| body.watched.as_ref()) {
            watched.set_active(active);
        }
    }
}

impl Body {
    /// The Runtime API listens before any process is started that could connect to it.
    async fn new(blueprint: &Blueprint) -> io::Result<Self> {
        let api = RuntimeApi::bind().await?;
        let address = api.address();
        let (sender, calls) = mpsc::channel(4);
        let temp = tempfile::Builder::new().prefix("tmp-").tempdir_in(&blueprint.temp)?;
        let listener = tokio::spawn(api.serve(&blueprint.function, sender));
        Ok(Self { api: address, calls, listener, temp, process: None, output: None, watched: None })
    }

    fn start_process(&mut self, blueprint: &Blueprint, log_stream: &str) -> Result<(), SpawnError> {
        let function = &blueprint.function;
        let place = Place {
            api: self.api,
            log_stream,
            temp: self.temp.path(),
            task_root: &blueprint.task_root,
        };
        let launch = Launch {
            command: function.command.clone(),
            argv0: function.argv0.clone(),
            variables: variables(std::env::vars_os(), function, place),
            directory: blueprint.task_root.clone(),
        };
        let (process, output) = blueprint.processes.spawn(self.api, &launch)?;
        let limit = function.memory.enforced.then(|| u64::from(function.memory.mb) * BYTES_PER_MB);
        let watched = blueprint.memory.watch(process.pid(), limit);
        watched.set_active(true);
        self.watched = Some(watched);
        self.output = Some(Output::new(output.stdout, output.stderr));
        self.process = Some(process);
        Ok(())
    }
}

impl Remains {
    /// Ends what still runs, as Lambda does: at once, or with SIGTERM and half a second where an
    /// extension is registered. The runtime's connections are cut off only afterwards, so that it
    /// does not log its surprise.
    pub async fn clean_up(self) {
        let Some(mut body) = self.body else { return };
        if let Some(process) = &mut body.process {
            if self.extension_registered {
                process.terminate();
                tokio::select! {
                    biased;
                    _ = process.exited() => {}
                    () = self.blueprint.kill.cancelled() => {}
                    () = tokio::time::sleep(quotas::INTERNAL_EXTENSION_SHUTDOWN) => {}
                }
            }
            process.kill();
            process.exited().await;
        }
        if let Some(output) = &mut body.output {
            output.drain(|line| self.log.output(line, None));
        }
        self.blueprint.processes.sweep(body.api).await;
        body.listener.abort();
        // Deleting many files takes its time. When it fails they are in the system's folder for
        // temporary files, which is cleaned up by the system.
        drop(tokio::task::spawn_blocking(move || body.temp.close()).await);
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

async fn exited(process: Option<&mut Process>) -> ExitStatus {
    match process {
        Some(process) => process.exited().await,
        None => pending().await,
    }
}

async fn memory_exceeded(watched: Option<&mut Watched>) {
    match watched {
        Some(watched) => watched.exceeded().await,
        None => pending().await,
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

async fn read(output: Option<&mut Output>, line: impl FnMut(&[u8])) {
    match output {
        Some(output) => output.read(line).await,
        None => pending().await,
    }
}
