//! One execution environment: a task that owns the life cycle, the runtime's process and its
//! Runtime API, and performs the effects that the life cycle asks for. Knows neither other
//! environments nor who decided that an invocation comes here.
//!
//! An environment is started for an invocation, belongs to that invocation's tenant for life, and
//! is reached only through its [`Handle`]. It listens to its handle, its deadline, and what its
//! [`Body`] shows: the runtime's calls, the end of its process, its memory, its output. When the life cycle is over,
//! [`Environment::run`] returns what is left of it: no invocation can reach it any more, and
//! [`Remains::clean_up`] ends its processes as Lambda does and removes every trace.

pub(crate) mod advice;
mod extension_processes;
pub(crate) mod lifecycle;
pub(crate) mod local_calls;
pub(crate) mod runtime_client;

mod extending;
mod runtime_api;
mod variables;

pub(crate) mod attachments;

pub(crate) mod blueprint;
mod body;

mod shutdown;

mod current;

use std::fmt::Debug;
use std::future::pending;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use uuid::Uuid;

use crate::environment::advice::{Advice, NotStarted};
use crate::environment::attachments::is_from_another;
use crate::environment::lifecycle::Lifecycle;
use crate::environment::lifecycle::events::{Effect, Event, InitFailure, Verdict};
use crate::environment::runtime_api::RuntimeCall;
use crate::environment::runtime_api::next::{Poll, next};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::invocation::{Ended, Invocation, Response};
use crate::system::http::Connection;
use crate::telemetry::extensions::Extensions;
use crate::telemetry::logs::LogStream;
use crate::telemetry::logs::event::PlatformEvent;
use blueprint::{Blueprint, Runtimes};
use body::{Body, Sign};
use current::{Current, Reply};
use extending::invoke_event;
use shutdown::{Remains, ShutdownReason};

/// How often it is looked at whether a runtime that the user has started is still there.
const LOOK_AT_RUNTIME: Duration = Duration::from_secs(1);

/// An invocation on its way through an environment.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The invocation.
    pub(crate) invocation: Arc<Invocation>,
    /// Whether the environment is started for it.
    pub(crate) is_cold: bool,
    /// Its hold on the environment.
    pub(crate) lease: Box<dyn Lease>,
    /// Gets the response. Dropped unused when the environment ended before it took the invocation:
    /// then another one must.
    pub(crate) reply: oneshot::Sender<Response>,
}

/// The hold of an invocation on its environment. The environment tells it how far the invocation is,
/// and gives it back in the end. A lease that is dropped before means that the environment takes no
/// more invocations.
pub(crate) trait Lease: Debug + Send {
    /// The answer is there, and the caller gets it next. The runtime is still busy.
    fn answered(&mut self);

    /// The invocation is over: its REPORT is written.
    fn ended(&mut self, ended: &Ended);

    /// The environment is free for the next invocation.
    fn release(self: Box<Self>);
}

/// The way to reach an environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    commands: mpsc::UnboundedSender<Command>,
}

#[derive(Debug)]
enum Command {
    Assign(Assignment),
    Retire,
    Stop,
}

impl Handle {
    /// Runs an invocation there.
    pub(crate) fn assign(&self, assignment: Assignment) {
        // An environment that has ended drops the assignment, which tells its sender.
        let _ = self.commands.send(Command::Assign(assignment));
    }

    /// Lets the environment end as soon as it is free.
    pub(crate) fn retire(&self) {
        let _ = self.commands.send(Command::Retire);
    }

    /// Ends the environment, whatever it is doing.
    pub(crate) fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }
}

/// An execution environment, from its start to the end of its life cycle.
#[derive(Debug)]
pub(crate) struct Environment {
    blueprint: Arc<Blueprint>,
    lifecycle: Lifecycle,
    log: LogStream,
    commands: mpsc::UnboundedReceiver<Command>,
    current: Option<Current>,
    /// How long the init phase took, until a REPORT has told it.
    init_duration: Option<Duration>,
    /// When the phase that the last event found running began.
    since: Option<Instant>,
    /// The runtime's `/next`, held until there is an invocation.
    parked: Option<Poll>,
    /// The connection on which the runtime got its last event.
    delivered: Connection,
    /// Whether that was closed before the event was answered, as far as somebody looked.
    has_hung_up: bool,
    /// The runtime's POST that the life cycle is deciding about.
    verdict: Option<oneshot::Sender<Verdict>>,
    /// The answer that the runtime would like to stream, while the life cycle decides about it.
    stream: Option<mpsc::Receiver<Bytes>>,
    extensions: Extensions,
    /// The ports on which a runtime listened that did not become ready in time.
    ports: Vec<u16>,
    shutdown_reason: ShutdownReason,
    /// Which extension has failed.
    failed_extension: Option<String>,
    body: Option<Body>,
}

impl Environment {
    /// An environment for the tenant of its first invocation. Nothing happens until it is run.
    #[must_use]
    pub(crate) fn new(blueprint: Arc<Blueprint>, id: Uuid, first: Assignment) -> (Handle, Self) {
        let (sender, commands) = mpsc::unbounded_channel();
        let invocation = &first.invocation;
        let log = LogStream::new(
            blueprint.shared.logs.clone(),
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
            parked: None,
            delivered: Connection::default(),
            has_hung_up: false,
            verdict: None,
            stream: None,
            extensions: Extensions::default(),
            ports: Vec::new(),
            shutdown_reason: ShutdownReason::default(),
            failed_extension: None,
            body: None,
        };
        (Handle { commands: sender }, environment)
    }

    /// Lives until the life cycle is over.
    pub(crate) async fn run(mut self) -> Remains {
        self.log.platform(&PlatformEvent::InitStart);
        match Body::new(&self.blueprint).await {
            Ok(body) => {
                self.body = Some(body);
                if let Runtimes::Attached(attachments) = &self.blueprint.runtimes
                    && let Some(address) = attachments.wanted()
                {
                    let tenant = self.log.tenant_id().cloned();
                    self.blueprint.shared.adviser.tell(Advice::AwaitsRuntime(tenant, address));
                }
                self.start_processes();
            }
            Err(error) => {
                let message = format!("failed to create an execution environment: {error}");
                self.step(Event::StartFailed(Failure::Service(message)));
            }
        }
        while !self.lifecycle.is_ended() {
            self.turn().await;
        }
        Remains {
            blueprint: self.blueprint,
            log: self.log,
            extensions: self.extensions,
            reason: self.shutdown_reason,
            body: self.body,
        }
    }

    /// Waits for the next thing that happens, and deals with it.
    async fn turn(&mut self) {
        let Some(body) = &mut self.body else { return };
        let request_id = self.current.as_ref().map(|current| current.invocation.request_id);
        let deadline = self.lifecycle.deadline();
        let parked = self.parked.as_mut().filter(|_| body.is_attached());
        let may_hang_up = body.is_attached() && self.lifecycle.is_unanswered() && !self.has_hung_up;
        let log = &self.log;
        tokio::select! {
            biased;
            Some(command) = self.commands.recv() => match command {
                Command::Assign(assignment) => self.assigned(assignment),
                Command::Retire => self.step(Event::Retired),
                Command::Stop => self.step(Event::StopAsked),
            },
            () = passed(deadline) => self.deadline_passed(),
            () = hung_up(parked) => self.detached(None),
            () = sleep(LOOK_AT_RUNTIME), if may_hang_up => self.look_at_runtime(),
            sign = body.sign(|line| log.output(line, request_id)) => match sign {
                Sign::Call(call) => self.called(call),
                Sign::Exited(status) => self.exited(status),
                Sign::MemoryExceeded => self.step(Event::Failed(Failure::OutOfMemory)),
                Sign::Extension(sign) => self.extension_showed(sign),
                Sign::Attached | Sign::Output => {}
            },
        }
    }

    /// A runtime that the user has started may have ended with an invocation. Clients also open a
    /// connection for each call, so that is said and not taken for a fact.
    fn look_at_runtime(&mut self) {
        self.has_hung_up = !self.delivered.is_open();
        if self.has_hung_up {
            let tenant = self.log.tenant_id().cloned();
            self.blueprint.shared.adviser.tell(Advice::HungUp(tenant));
        }
    }

    fn deadline_passed(&mut self) {
        if self.lifecycle.is_initializing() {
            // It is looked at before it is killed.
            self.ports = self.body.as_ref().map(Body::ports).unwrap_or_default();
        }
        self.step(Event::DeadlinePassed);
    }

    fn called(&mut self, call: RuntimeCall) {
        let initialized = self.extensions.is_closed();
        let unanswered = self.lifecycle.is_unanswered().then_some(&self.delivered);
        if self.body.as_ref().is_some_and(Body::is_attached)
            && is_from_another(&call, initialized, unanswered)
        {
            return self.detached(Some(call));
        }
        match call {
            RuntimeCall::Next(next) => {
                // An earlier poll that is still held was given up by the runtime.
                self.parked = Some(next);
                self.extensions.close_registration();
                self.runtime_done(None);
                self.runtime_or_extension_polled();
            }
            RuntimeCall::StreamStarted(id, chunks, verdict) => {
                self.verdict = Some(verdict);
                self.stream = Some(chunks);
                self.step(Event::StreamStarted(id));
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
            RuntimeCall::Extension(call) => self.extension_called(call),
        }
    }

    fn assigned(&mut self, assignment: Assignment) {
        if self.body.as_ref().is_some_and(Body::is_attached)
            && self.parked.as_ref().is_some_and(Poll::is_abandoned)
        {
            // The assignment is dropped: another environment must take the invocation.
            return self.detached(None);
        }
        let request_id = assignment.invocation.request_id;
        // Only an idle environment is assigned anything, so no reply is lost here.
        self.current = Some(Current::of(assignment));
        self.step(Event::Assigned(request_id));
    }

    /// The runtime that the user has started is gone. Another one may be there already, with this call.
    fn detached(&mut self, call: Option<RuntimeCall>) {
        self.parked = None;
        if let Some(body) = &mut self.body {
            body.detach(call, &self.delivered);
        }
        self.step(Event::Exited(ExitStatus::default()));
    }

    fn exited(&mut self, status: ExitStatus) {
        // What it wrote before it died comes before the line that says that it did.
        self.drain();
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
            Effect::Reply(verdict) => self.reply(verdict),
            Effect::Park => self.body.iter().for_each(|body| body.set_active(false)),
            Effect::Deliver => self.deliver(),
            Effect::EndInit(failure) => self.end_init(failure.as_ref()),
            Effect::Kill => self.kill(),
            Effect::Start => self.start_processes(),
            Effect::Stream => self.stream(),
            Effect::Answer(outcome) => self.answer(outcome),
            Effect::Finish(failure) => self.finish(failure),
            Effect::Release => {
                if let Some(current) = self.current.take() {
                    current.lease.release();
                }
            }
            Effect::End => self.commands.close(),
        }
    }

    fn reply(&mut self, verdict: Verdict) {
        if let Some(answer) = self.verdict.take() {
            // The runtime may have hung up.
            let _ = answer.send(verdict);
        }
    }

    /// Gives the caller the stream. Whoever waits for the whole answer collects it there.
    fn stream(&mut self) {
        let ran = self.ran();
        let (Some(current), Some(chunks)) = (&mut self.current, self.stream.take()) else { return };
        let limit = current.invocation.response_mode.limit();
        let (complete, completed) = oneshot::channel();
        let reply = std::mem::replace(&mut current.reply, Reply::Streaming(complete));
        if let Reply::Awaited(reply) = reply {
            // A caller that has left is no reason to stop the function.
            let _ = reply.send(Response::Streaming { chunks, completed, ran });
        }
        self.reply(Verdict::Proceed { limit });
    }

    /// The end of the runtime's process follows, or has come before.
    fn kill(&mut self) {
        self.body.iter_mut().for_each(Body::kill);
        if !self.body.as_ref().is_some_and(Body::is_running) {
            self.step(Event::Exited(ExitStatus::default()));
        }
    }

    fn end_init(&mut self, failure: Option<&InitFailure>) {
        self.drain();
        let duration = self.elapsed();
        match failure {
            None => {
                self.init_duration = Some(duration);
                self.log.publish(&PlatformEvent::InitRuntimeDone { phase: "init", failure: None });
                self.log.publish(&PlatformEvent::InitReport {
                    phase: "init",
                    duration,
                    failure: None,
                });
                self.log.telemetry().close();
            }
            Some(InitFailure { phase, failure }) => {
                let ports = std::mem::take(&mut self.ports);
                let not_started = NotStarted {
                    function: self.blueprint.function.name.clone(),
                    handler: self.blueprint.handler.clone(),
                    extension: self.failed_extension.take().or_else(|| match failure {
                        Failure::TimedOut(_) => self.awaited_extension(),
                        _ => None,
                    }),
                    command: self.blueprint.function.command.clone(),
                    failure: failure.clone(),
                    after: duration,
                    ports,
                };
                self.blueprint.shared.adviser.tell(Advice::NotStarted(not_started));
                let failure = Some(failure);
                self.log.publish(&PlatformEvent::InitRuntimeDone { phase, failure });
                self.log.platform(&PlatformEvent::InitReport { phase, duration, failure });
            }
        }
    }

    /// Gives the event to the `/next` that is held. Without one it waits for the next poll, for
    /// which the life cycle asks to deliver again.
    fn deliver(&mut self) {
        let Some(current) = &mut self.current else { return };
        let invocation = &current.invocation;
        let now = Instant::now();
        let remaining = self.lifecycle.deadline().map(|end| end.saturating_duration_since(now));
        if !current.started {
            current.started = true;
            self.log.begin(invocation.request_id);
            self.log.telemetry().close();
            let function = &self.blueprint.function;
            self.extensions.invoke(|| invoke_event(function, invocation, remaining));
        }
        if let Some(parked) = self.parked.take() {
            self.delivered = parked.connection.clone();
            self.has_hung_up = false;
            parked.deliver(next(&self.blueprint.function, invocation, remaining));
        }
        self.body.iter().for_each(|body| body.set_active(true));
    }

    fn elapsed(&self) -> Duration {
        self.since.map(|since| since.elapsed()).unwrap_or_default()
    }

    fn drain(&mut self) {
        let request_id = self.current.as_ref().map(|current| current.invocation.request_id);
        let log = &self.log;
        self.body.iter_mut().for_each(|body| body.drain(|line| log.output(line, request_id)));
    }
}

async fn hung_up(parked: Option<&mut Poll>) {
    match parked {
        Some(parked) => parked.hung_up().await,
        None => pending().await,
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
