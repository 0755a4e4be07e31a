//! The shutdown phase: what is left of an environment whose life cycle is over is ended as Lambda does,
//! at once where there is no extension.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown>

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::environment::blueprint::Blueprint;
use crate::environment::extension_host::{ExtensionHost, ExtensionHostEvent};
use crate::environment::host::Host;
use crate::environment::runtime_link::{LinkEvent, RuntimeLink};
use crate::lambda::invocation::failure::Failure;
use crate::lambda::quotas;
use crate::telemetry::logs::LogStream;

/// An environment whose life cycle is over, with what is left of it.
#[derive(Debug)]
pub(crate) struct Shutdown {
    /// What it was made from.
    pub(crate) blueprint: Arc<Blueprint>,
    /// Its log.
    pub(crate) log: LogStream,
    /// Why it ends.
    pub(crate) reason: ShutdownReason,
    /// The link to its runtime.
    pub(crate) link: RuntimeLink,
    /// Its runtime's process.
    pub(crate) host: Host,
    /// Its extensions.
    pub(crate) extensions: ExtensionHost,
}

/// Why an environment ends, as extensions are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ShutdownReason {
    /// It is not needed any more.
    #[default]
    Spindown,
    /// The function did not answer in time.
    Timeout,
    /// The runtime or an extension failed.
    Failure,
}

impl ShutdownReason {
    /// As AWS spells it.
    #[must_use]
    fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }

    /// The reason that this failure of an invocation is; `None` if the environment goes on after it.
    #[must_use]
    pub(crate) fn after(failure: &Failure) -> Option<Self> {
        match failure {
            Failure::TimedOut(_) => Some(Self::Timeout),
            Failure::Exited(_) | Failure::OutOfMemory | Failure::Extension(..) => {
                Some(Self::Failure)
            }
            _ => None,
        }
    }
}

impl Shutdown {
    /// Ends what still runs and removes every trace: at once, or where an extension is registered with
    /// SIGTERM for the runtime, SHUTDOWN for the extensions that asked for it, and the time that Lambda
    /// gives them.
    ///
    /// The runtime's connections are cut off only when its processes are gone, so that it does not log
    /// its surprise; and its address is free only when no process is left that knows it.
    pub(crate) async fn clean_up(mut self) {
        if self.extensions.has_processes() {
            let end = Instant::now() + quotas::EXTERNAL_EXTENSION_SHUTDOWN;
            self.end_runtime(quotas::RUNTIME_SHUTDOWN).await;
            self.end_extensions(end).await;
        } else if !self.extensions.is_empty() {
            self.end_runtime(quotas::INTERNAL_EXTENSION_SHUTDOWN).await;
        }
        self.host.end(|line| self.log.output(line, None)).await;
        self.link.cut_off();
        if let Some(address) = self.link.address() {
            self.blueprint.shared.processes.sweep(address).await;
        }
        self.host.remove_temp().await;
    }

    async fn end_runtime(&mut self, time: Duration) {
        let kill = self.blueprint.shared.kill.cancelled();
        self.host.terminate(time, kill, |line| self.log.output(line, None)).await;
        self.log.telemetry().flush().await;
    }

    /// Waits for the end of those extensions that are told of the end of the environment.
    async fn end_extensions(&mut self, end: Instant) {
        let remaining = end.saturating_duration_since(Instant::now());
        self.extensions.shut_down(self.reason.as_str(), remaining);
        let kill = self.blueprint.shared.kill.clone();
        while self.extensions.has_processes() {
            let log = &self.log;
            tokio::select! {
                biased;
                () = kill.cancelled() => break,
                () = tokio::time::sleep_until(end.into()) => break,
                event = self.link.event() => match event {
                    LinkEvent::Extension(call) => drop(self.extensions.called(call, log)),
                    // The runtime gets no answer any more.
                    LinkEvent::Polled
                    | LinkEvent::Posted(_)
                    | LinkEvent::HungUp
                    | LinkEvent::Gone => {}
                },
                event = self.extensions.event() => match event {
                    ExtensionHostEvent::Output(line) => log.extension_output(&line, None),
                    // The end of an extension is what is waited for.
                    ExtensionHostEvent::Failed(_) | ExtensionHostEvent::Replaced => {}
                },
                _ = self.host.event(|line| log.output(line, None)) => {}
            }
        }
    }
}
