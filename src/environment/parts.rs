//! The parts of one environment, and the way between them and its life cycle: what happens to a part
//! becomes an event, and what the life cycle asks for is done by the parts. What follows from an event is
//! not decided here; only what several parts make together is, as when the runtime and all extensions have
//! asked for the next invocation.
//!
//! An effect may cause an event, such as the start of a process that fails. It is returned, and the life
//! cycle takes it next.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::environment::advice::{Advice, ExtensionFault, NotStarted};
use crate::environment::assignment::Assignment;
use crate::environment::blueprint::Blueprint;
use crate::environment::extension_host::{ExtensionHost, ExtensionHostEvent};
use crate::environment::host::{Host, HostEvent};
use crate::environment::in_flight::{InFlight, MemoryFigures};
use crate::environment::launcher::Launcher;
use crate::environment::lifecycle::events::{Effect, Event, InitFailure, Verdict};
use crate::environment::runtime_api::next::next;
use crate::environment::runtime_link::{LinkEvent, RuntimeLink};
use crate::environment::shutdown::Shutdown;
use crate::lambda::invocation::failure::Failure;
use crate::telemetry::extensions::ExtensionCall;
use crate::telemetry::logs::LogStream;
use crate::telemetry::logs::PlatformEvent;

/// The parts of one environment.
#[derive(Debug)]
pub(crate) struct EnvironmentParts {
    blueprint: Arc<Blueprint>,
    log: LogStream,
    in_flight: Option<InFlight>,
    link: RuntimeLink,
    host: Host,
    extensions: ExtensionHost,
}

impl EnvironmentParts {
    /// The parts of an environment that logs there. None of them does anything yet.
    #[must_use]
    pub(crate) fn new(blueprint: Arc<Blueprint>, log: LogStream, first: Assignment) -> Self {
        Self {
            blueprint,
            log,
            in_flight: Some(InFlight::new(first)),
            link: RuntimeLink::default(),
            host: Host::default(),
            extensions: ExtensionHost::default(),
        }
    }

    /// Makes the Runtime API and the folder for temporary files, and starts the processes.
    pub(crate) async fn open(&mut self) -> Option<Event> {
        self.log.platform(&PlatformEvent::InitStart);
        if let Err(error) = self.make().await {
            let message = format!("failed to create an execution environment: {error}");
            return Some(Event::StartFailed(Failure::Service(message)));
        }
        if let Some(address) = self.link.wanted() {
            self.advise(Advice::AwaitsRuntime(self.log.tenant_id().cloned(), address));
        }
        self.start_processes()
    }

    /// The Runtime API listens before there is a process that could connect.
    async fn make(&mut self) -> std::io::Result<()> {
        self.link.open(&self.blueprint).await?;
        let blueprint = Arc::clone(&self.blueprint);
        self.host.open(Launcher::new(blueprint, self.link.address(), self.log.name())?);
        Ok(())
    }

    /// What is left when the life cycle is over.
    #[must_use]
    pub(crate) fn into_shutdown(self) -> Shutdown {
        let Self { blueprint, log, in_flight, link, host, extensions } = self;
        let reason = in_flight.map(|in_flight| in_flight.shutdown_reason()).unwrap_or_default();
        Shutdown { blueprint, log, reason, link, host, extensions }
    }

    /// Waits for the next thing that happens to a part. Not everything concerns the life cycle.
    /// Dropping the future loses nothing.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        let request_id = self.request_id();
        let log = &self.log;
        // A call that a process made before it ended comes before its end.
        tokio::select! {
            biased;
            event = self.link.event() => self.link_showed(event),
            event = self.extensions.event() => self.extensions_showed(event),
            event = self.host.event(|line| log.output(line, request_id)) => self.host_showed(event),
        }
    }

    fn link_showed(&mut self, event: LinkEvent) -> Option<Event> {
        match event {
            LinkEvent::Polled => {
                self.extensions.close_registration();
                self.runtime_done();
                self.next_polled()
            }
            LinkEvent::Posted(event) => Some(event),
            LinkEvent::Extension(call) => self.extension_called(call),
            LinkEvent::HungUp => {
                self.advise(Advice::HungUp(self.log.tenant_id().cloned()));
                None
            }
            LinkEvent::Gone => Some(Event::Exited(ExitStatus::default())),
        }
    }

    fn extension_called(&mut self, call: ExtensionCall) -> Option<Event> {
        match self.extensions.called(call, &self.log) {
            Some(failure) => Some(Event::Failed(failure)),
            None => self.start_runtime_once_registered().or_else(|| self.next_polled()),
        }
    }

    /// The runtime has asked for the next invocation once it and all extensions have.
    fn next_polled(&self) -> Option<Event> {
        (self.link.holds_poll() && self.extensions.all_ready()).then_some(Event::NextPolled)
    }

    fn extensions_showed(&mut self, event: ExtensionHostEvent) -> Option<Event> {
        match event {
            ExtensionHostEvent::Output(line) => {
                self.log.extension_output(&line, self.request_id());
                None
            }
            ExtensionHostEvent::Failed(failure) => Some(Event::Failed(failure)),
            ExtensionHostEvent::Replaced => self.killed(),
        }
    }

    fn host_showed(&mut self, event: HostEvent) -> Option<Event> {
        match event {
            HostEvent::Exited(status) => {
                // What it wrote before it died comes before the line that says that it did.
                self.drain();
                Some(Event::Exited(status))
            }
            HostEvent::Replaced => {
                self.drain();
                self.killed()
            }
            HostEvent::MemoryExceeded => Some(Event::Failed(Failure::OutOfMemory)),
            HostEvent::Output => None,
        }
    }

    /// An invocation has come.
    pub(crate) fn assigned(&mut self, assignment: Assignment) -> Event {
        if self.link.has_lost_runtime() {
            // The assignment is dropped: another environment must take the invocation.
            self.link.give_up();
            return Event::Exited(ExitStatus::default());
        }
        let request_id = assignment.invocation.request_id;
        // Only an idle environment is assigned anything, so no reply is lost here.
        self.in_flight = Some(InFlight::new(assignment));
        Event::Assigned(request_id)
    }

    /// Says when the phase began that the next event finds running.
    pub(crate) fn phase_began(&mut self, since: Option<Instant>) {
        if let (Some(in_flight), Some(since)) = (&mut self.in_flight, since) {
            in_flight.phase_began(since);
        }
    }

    /// Does what the life cycle asks for; the phase that it is in now ends at the deadline.
    pub(crate) fn perform(&mut self, effect: Effect, deadline: Option<Instant>) -> Option<Event> {
        match effect {
            Effect::Reply(verdict) => self.link.reply(verdict),
            Effect::Park => {
                self.host.pause_measuring();
                self.extensions.pause_measuring();
            }
            Effect::Deliver => self.deliver(deadline),
            Effect::EndInit(None) => self.init_succeeded(),
            Effect::EndInit(Some(failed)) => self.init_failed(&failed),
            Effect::Kill => return self.kill(),
            Effect::Start => return self.start_processes(),
            Effect::Stream => self.stream(),
            Effect::Answer(outcome) => {
                if let Some(in_flight) = &mut self.in_flight {
                    in_flight.answer(outcome, &self.log);
                }
            }
            Effect::Finish(late) => self.finish(late),
            Effect::Release => {
                if let Some(in_flight) = self.in_flight.take() {
                    in_flight.release();
                }
            }
            // Whoever runs the environment sees it: nothing is performed after it.
            Effect::End => {}
        }
        None
    }

    /// Starts the extensions, and the runtime when all of them have registered.
    fn start_processes(&mut self) -> Option<Event> {
        self.link.unmute();
        self.log.telemetry().reopen();
        let launcher = self.host.launcher()?;
        if let Err(failure) = self.extensions.start(&self.blueprint.extensions, launcher) {
            return Some(Event::StartFailed(failure));
        }
        self.start_runtime_once_registered()
    }

    fn start_runtime_once_registered(&mut self) -> Option<Event> {
        if self.has_runtime() || !self.extensions.all_registered() {
            return None;
        }
        match self.host.start() {
            Ok(None) => None,
            Ok(Some(debugger)) => {
                self.advise(Advice::Debugger(self.log.tenant_id().cloned(), debugger));
                None
            }
            Err(failure) => Some(Event::StartFailed(failure)),
        }
    }

    /// Whether the runtime's process runs, or a runtime that the user has started is there.
    fn has_runtime(&self) -> bool {
        self.host.is_running() || self.link.is_attached()
    }

    fn kill(&mut self) -> Option<Event> {
        self.link.mute();
        self.host.kill();
        self.extensions.kill();
        self.killed()
    }

    fn killed(&self) -> Option<Event> {
        let remains = self.host.is_running() || self.extensions.has_processes();
        (!remains).then_some(Event::Killed)
    }

    fn init_succeeded(&mut self) {
        self.drain();
        let Some(in_flight) = &mut self.in_flight else { return };
        let duration = in_flight.elapsed();
        in_flight.initialized(duration);
        self.log.publish(&PlatformEvent::InitRuntimeDone { phase: "init", failure: None });
        self.log.publish(&PlatformEvent::InitReport { phase: "init", duration, failure: None });
        self.log.telemetry().close();
    }

    fn init_failed(&mut self, InitFailure { phase, failure }: &InitFailure) {
        self.drain();
        let after = self.in_flight.as_ref().map(InFlight::elapsed).unwrap_or_default();
        let not_started = self.not_started(failure, after);
        self.advise(Advice::NotStarted(not_started));
        let (duration, failure) = (after, Some(failure));
        self.log.publish(&PlatformEvent::InitRuntimeDone { phase, failure });
        self.log.platform(&PlatformEvent::InitReport { phase, duration, failure });
    }

    /// What the user should know of an init phase that failed. Its processes may still run, so it can be
    /// seen what they are waiting for.
    fn not_started(&mut self, failure: &Failure, after: Duration) -> NotStarted {
        let timed_out = matches!(failure, Failure::TimedOut(_));
        let function = &self.blueprint.function;
        NotStarted {
            function: function.name.clone(),
            handler: self.blueprint.handler.clone(),
            extension: self
                .extensions
                .take_ended()
                .or_else(|| self.awaited_extension().filter(|_| timed_out)),
            command: function.program.command.clone(),
            failure: failure.clone(),
            after,
            ports: if timed_out { self.host.ports() } else { Vec::new() },
        }
    }

    /// The extension that the environment waits for, if it doesn't wait for the runtime.
    fn awaited_extension(&self) -> Option<ExtensionFault> {
        if !self.has_runtime() {
            return self.extensions.unregistered();
        }
        self.extensions.unready().filter(|_| self.link.holds_poll())
    }

    /// Gives the event to the `/next` that is held. Without one it waits for the next poll, for
    /// which the life cycle asks to deliver again.
    fn deliver(&mut self, deadline: Option<Instant>) {
        let Some(in_flight) = &mut self.in_flight else { return };
        let now = Instant::now();
        let remaining = deadline.map(|end| end.saturating_duration_since(now));
        let (function, invocation) = (&self.blueprint.function, Arc::clone(in_flight.invocation()));
        if in_flight.start(&self.log) {
            self.log.telemetry().close();
            self.extensions.invoke(function, &invocation, remaining);
        }
        self.link.deliver(|| next(function, &invocation, remaining));
        self.host.resume_measuring();
        self.extensions.resume_measuring();
    }

    fn stream(&mut self) {
        let chunks = self.link.take_stream();
        let (Some(in_flight), Some(chunks)) = (&mut self.in_flight, chunks) else { return };
        let limit = in_flight.stream(chunks, &self.log);
        self.link.reply(Verdict::Proceed { limit });
    }

    /// The runtime is done with an invocation, if that is answered.
    fn runtime_done(&mut self) {
        if !self.in_flight.as_ref().is_some_and(InFlight::awaits_runtime) {
            return;
        }
        self.drain();
        let memory = self.memory();
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.runtime_done(memory, &self.log);
        }
    }

    fn finish(&mut self, late: Option<Failure>) {
        let is_awaited = self.in_flight.as_ref().is_some_and(InFlight::awaits_runtime);
        let memory = is_awaited.then(|| {
            self.drain();
            self.memory()
        });
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.finish(late, memory, &self.log);
        }
    }

    fn memory(&self) -> MemoryFigures {
        let of_runtime = self.host.peak();
        let peak = of_runtime.map(|peak| peak + self.extensions.peak().unwrap_or_default());
        MemoryFigures { size_mb: self.blueprint.function.memory.mb, peak }
    }

    /// Logs what the runtime has written so far.
    fn drain(&mut self) {
        let request_id = self.request_id();
        self.host.drain(|line| self.log.output(line, request_id));
    }

    fn advise(&self, advice: Advice) {
        self.blueprint.shared.adviser.tell(advice);
    }

    /// The request id of the invocation that is in the environment.
    fn request_id(&self) -> Option<Uuid> {
        self.in_flight.as_ref().map(InFlight::request_id)
    }

    /// Says what happens to the environment, or what is done about it, where `MTL_LOG` asks for that.
    pub(crate) fn trace(&self, what: &'static str, name: &'static str) {
        tracing::debug!(
            environment = %self.log.environment_id(),
            tenant = self.log.tenant_id().map(tracing::field::display),
            request_id = self.request_id().map(tracing::field::display),
            "{what} {name}"
        );
    }
}
