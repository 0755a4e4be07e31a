//! The shutdown phase: what is left of an environment whose life cycle is over is ended as Lambda does,
//! at once where there is no extension. Knows no invocation.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown>

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::environment::blueprint::Blueprint;
use crate::environment::body::{Body, Sign};
use crate::environment::extending::{answer, shutdown_event};
use crate::environment::extension_processes::ExtensionSign;
use crate::environment::runtime_api::RuntimeCall;
use crate::lambda::invocation::failure::Failure;
use crate::lambda::quotas;
use crate::telemetry::extensions::Extensions;
use crate::telemetry::logs::LogStream;

/// An environment whose life cycle is over.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) log: LogStream,
    pub(super) extensions: Extensions,
    pub(super) reason: ShutdownReason,
    pub(super) body: Option<Body>,
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
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }

    /// That of a failure; `None` for one after which the environment goes on.
    #[must_use]
    pub(crate) fn of(failure: &Failure) -> Option<Self> {
        match failure {
            Failure::TimedOut(_) => Some(Self::Timeout),
            Failure::Exited(_) | Failure::OutOfMemory | Failure::Extension(..) => {
                Some(Self::Failure)
            }
            _ => None,
        }
    }
}

impl Remains {
    /// Ends what still runs: at once, or where an extension is registered with SIGTERM for the runtime,
    /// SHUTDOWN for those that asked for it, and the time that Lambda gives them.
    pub(crate) async fn clean_up(mut self) {
        let Some(mut body) = self.body.take() else { return };
        if body.has_extensions() {
            let end = Instant::now() + quotas::EXTERNAL_EXTENSION_SHUTDOWN;
            self.end_runtime(&mut body, quotas::RUNTIME_SHUTDOWN).await;
            self.end_extensions(&mut body, end).await;
        } else if !self.extensions.is_empty() {
            self.end_runtime(&mut body, quotas::INTERNAL_EXTENSION_SHUTDOWN).await;
        }
        body.end(&self.blueprint, |line| self.log.output(line, None)).await;
    }

    async fn end_runtime(&self, body: &mut Body, time: Duration) {
        body.terminate(self.blueprint.shared.kill.cancelled(), time).await;
        body.kill_runtime();
        body.drain(|line| self.log.output(line, None));
        self.log.telemetry().flush().await;
    }

    /// Those that aren't told of the end have none to wait for.
    async fn end_extensions(&mut self, body: &mut Body, end: Instant) {
        let remaining = end.saturating_duration_since(Instant::now());
        self.extensions.shutdown(shutdown_event(self.reason.as_str(), remaining));
        body.kill_extensions(|name| !self.extensions.is_told_of_shutdown(name));
        let kill = self.blueprint.shared.kill.clone();
        while body.has_extensions() {
            let log = &self.log;
            tokio::select! {
                () = kill.cancelled() => break,
                () = tokio::time::sleep_until(end.into()) => break,
                sign = body.sign(|line| log.output(line, None)) => self.showed(sign),
            }
        }
    }

    fn showed(&mut self, sign: Sign) {
        match sign {
            Sign::Call(RuntimeCall::Extension(call)) => {
                answer(&mut self.extensions, &self.log, call);
            }
            Sign::Extension(ExtensionSign::Output(line)) => self.log.extension_output(&line, None),
            // The runtime gets no answer any more, and the end of an extension is what is waited for.
            Sign::Call(_)
            | Sign::Extension(_)
            | Sign::Attached
            | Sign::Exited(_)
            | Sign::MemoryExceeded
            | Sign::Output => {}
        }
    }
}
