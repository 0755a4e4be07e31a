//! The extensions of an environment: their processes, which are started before the runtime, and what
//! they asked for. It tells them of invocations and of the end, and says when one has failed.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::environment::advice::ExtensionFault;
use crate::environment::extension_processes::{ExtensionProcessEvent, ExtensionProcesses, name};
use crate::environment::launcher::Launcher;
use crate::lambda::function::Function;
use crate::lambda::invocation::Invocation;
use crate::lambda::invocation::failure::{Failure, how_it_ended};
use crate::lambda::quotas;
use crate::telemetry::extensions::{
    ExtensionCall, ExtensionEvent, ExtensionRefusal, Extensions, Identifier, ReportedError,
    ReportedPhase, TelemetryApi,
};
use crate::telemetry::logs::LogStream;
use crate::telemetry::logs::PlatformEvent;
use crate::telemetry::subscribers::{Subscription, TelemetryType};

/// The extensions of one environment.
#[derive(Debug, Default)]
pub(crate) struct ExtensionHost {
    registered: Extensions,
    processes: ExtensionProcesses,
    /// Which one has ended too early.
    ended: Option<ExtensionFault>,
    /// The processes were killed so that others take their place.
    is_replaced: bool,
}

/// What happened to the processes of extensions.
#[derive(Debug)]
pub(crate) enum ExtensionHostEvent {
    /// One wrote a line.
    Output(Vec<u8>),
    /// One failed, and the environment with it.
    Failed(Failure),
    /// One ended after [`ExtensionHost::kill`].
    Replaced,
}

impl ExtensionHost {
    /// Starts the external extensions, the first time or anew.
    ///
    /// # Errors
    ///
    /// When one of them can't be started.
    pub(crate) fn start(
        &mut self,
        programs: &[PathBuf],
        launcher: &Launcher,
    ) -> Result<(), Failure> {
        let names = programs.iter().map(|program| name(program)).collect();
        *self = Self { registered: Extensions::new(names), ..Self::default() };
        for program in programs {
            self.processes.add(name(program), launcher.extension(program)?);
        }
        Ok(())
    }

    /// Kills all processes, so that others can take their place.
    pub(crate) fn kill(&mut self) {
        self.is_replaced = true;
        self.processes.kill_all();
    }

    /// Whether the process of an external extension runs.
    #[must_use]
    pub(crate) fn has_processes(&self) -> bool {
        !self.processes.is_empty()
    }

    /// The next thing that happens to a process. Dropping the future loses nothing.
    pub(crate) async fn event(&mut self) -> ExtensionHostEvent {
        match self.processes.event().await {
            ExtensionProcessEvent::Output(line) => ExtensionHostEvent::Output(line),
            _ if self.is_replaced => ExtensionHostEvent::Replaced,
            ExtensionProcessEvent::MemoryExceeded => {
                ExtensionHostEvent::Failed(Failure::OutOfMemory)
            }
            ExtensionProcessEvent::Exited(name, status) => {
                self.ended = Some(ExtensionFault::Ended(name, status));
                ExtensionHostEvent::Failed(crashed(status))
            }
        }
    }

    /// Answers a call. Returns the failure that the extension reports of itself, if it does.
    pub(crate) fn called(&mut self, call: ExtensionCall, log: &LogStream) -> Option<Failure> {
        // Whoever hung up gets no answer.
        match call {
            ExtensionCall::Register { name, body, answer } => {
                let registered = self.registered.register(&name, &body);
                if let Ok((_, events)) = &registered {
                    log.publish(&PlatformEvent::ExtensionRegistered {
                        name: &name,
                        events: events.names(),
                    });
                }
                let _ = answer.send(registered.map(|(id, _)| id));
                None
            }
            ExtensionCall::Next { identifier, answer } => {
                self.registered.next(&identifier, answer);
                None
            }
            ExtensionCall::Failed { identifier, error, answer } => {
                let failure = self.reported_failure(&identifier, error);
                let _ = answer.send(failure.as_ref().map(|_| ()).map_err(Clone::clone));
                failure.ok()
            }
            ExtensionCall::Subscribe { identifier, api, body, answer } => {
                let subscribed = self
                    .registered
                    .name(&identifier)
                    .and_then(|name| Ok((name, Subscription::parse(&body)?)))
                    .and_then(|(name, subscription)| subscribe(log, &name, api, subscription));
                let _ = answer.send(subscribed);
                None
            }
        }
    }

    /// The failure that an extension reports of itself.
    fn reported_failure(
        &mut self,
        identifier: &Identifier,
        ReportedError { phase, error_type }: ReportedError,
    ) -> Result<Failure, ExtensionRefusal> {
        let name =
            self.registered.name(identifier).map_err(|refused| match refused.error_type {
                "Extension.UnknownExtensionIdentifier" => ExtensionRefusal {
                    message: "Unknown Lambda-Extension-Identifier".to_owned(),
                    ..refused
                },
                _ => refused,
            })?;
        let Some(error_type) = error_type.filter(|error_type| !error_type.is_empty()) else {
            let message = "Lambda-Extension-Function-Error-Type not found";
            return Err(ExtensionRefusal::new("Extension.MissingHeader", message));
        };
        let kind = match phase {
            ReportedPhase::Init => "Extension.InitError",
            ReportedPhase::Exit => "Extension.ExitError",
        };
        Ok(Failure::Extension(kind.to_owned(), format!("{name}: {error_type}")))
    }

    /// The runtime has asked for an event: no more extensions may register.
    pub(crate) fn close_registration(&mut self) {
        self.registered.close_registration();
    }

    /// Whether every external extension has registered, so that the runtime may be started.
    #[must_use]
    pub(crate) fn all_registered(&self) -> bool {
        self.registered.all_registered()
    }

    /// Whether every extension is done with the event that it got.
    #[must_use]
    pub(crate) fn all_ready(&self) -> bool {
        self.registered.all_ready()
    }

    /// Which extension has ended too early, if one has. It is told once.
    pub(crate) fn take_ended(&mut self) -> Option<ExtensionFault> {
        self.ended.take()
    }

    /// An external extension that has not registered.
    #[must_use]
    pub(crate) fn unregistered(&self) -> Option<ExtensionFault> {
        let name = self.registered.unregistered()?;
        Some(ExtensionFault::Unregistered(name.to_owned()))
    }

    /// An extension that has not asked for its first event.
    #[must_use]
    pub(crate) fn unready(&self) -> Option<ExtensionFault> {
        let name = self.registered.busy()?;
        Some(ExtensionFault::Unready(name.to_owned()))
    }

    /// Tells the extensions of an invocation that must end in this time, if in any.
    pub(crate) fn invoke(
        &mut self,
        function: &Function,
        invocation: &Invocation,
        remaining: Option<Duration>,
    ) {
        self.registered.invoke(|| invoke_event(function, invocation, remaining));
    }

    /// Measures the memory of the processes from now on: they are at work.
    pub(crate) fn resume_measuring(&self) {
        self.processes.resume_measuring();
    }

    /// Measures the memory of the processes no more: they do nothing.
    pub(crate) fn pause_measuring(&self) {
        self.processes.pause_measuring();
    }

    /// The most memory that the processes which run have had, added up, in bytes.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        self.processes.peak()
    }

    /// Whether none has registered.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.is_empty()
    }

    /// Tells the extensions that the environment ends for this reason and in this time. Those that
    /// didn't ask to be told are killed at once.
    pub(crate) fn shut_down(&mut self, reason: &str, remaining: Duration) {
        self.registered.shutdown(shutdown_event(reason, remaining));
        self.processes.kill(|name| !self.registered.is_told_of_shutdown(name));
    }
}

fn crashed(status: ExitStatus) -> Failure {
    Failure::Extension("Extension.Crash".to_owned(), how_it_ended(status))
}

fn subscribe(
    log: &LogStream,
    name: &str,
    api: TelemetryApi,
    subscription: Subscription,
) -> Result<(), ExtensionRefusal> {
    let types = subscription.types.iter().map(|r#type: &TelemetryType| r#type.as_str()).collect();
    if !log.telemetry().subscribe(name, api, subscription) {
        let (error_type, message) = match api {
            TelemetryApi::Telemetry => {
                ("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")
            }
            TelemetryApi::Logs => {
                ("Logs.SubscriptionClosed", "Logs API subscription is closed already")
            }
        };
        return Err(ExtensionRefusal::new(error_type, message));
    }
    log.publish(&PlatformEvent::Subscribed { name, api, types });
    Ok(())
}

/// The event of an invocation that must end in this time. It names no tenant: AWS's doesn't either.
fn invoke_event(
    function: &Function,
    invocation: &Invocation,
    remaining: Option<Duration>,
) -> ExtensionEvent {
    let trace_id = String::from_utf8_lossy(invocation.trace_id.as_bytes());
    let json = json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline(remaining.unwrap_or(quotas::MAXIMUM_TIMEOUT)),
        "requestId": invocation.request_id,
        "invokedFunctionArn": function.arn(),
        "tracing": { "type": "X-Amzn-Trace-Id", "value": trace_id },
    });
    ExtensionEvent { json: json.to_string() }
}

/// The event of the end of the environment, which comes in this time.
fn shutdown_event(reason: &str, remaining: Duration) -> ExtensionEvent {
    let deadline = deadline(remaining);
    let json = json!({ "eventType": "SHUTDOWN", "deadlineMs": deadline, "shutdownReason": reason });
    ExtensionEvent { json: json.to_string() }
}

/// Milliseconds since the epoch.
fn deadline(remaining: Duration) -> u64 {
    let end = (SystemTime::now() + remaining).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(end.as_millis()).unwrap_or(u64::MAX)
}
