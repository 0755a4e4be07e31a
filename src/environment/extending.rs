//! What an environment does with its extensions: it starts the external ones before the runtime, tells
//! them of invocations, and fails when they do. Knows no HTTP.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::process::ExitStatus;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::environment::Environment;
use crate::environment::advice::Advice;
use crate::environment::extension_processes::{ExtensionSign, names};
use crate::environment::lifecycle::events::Event;
use crate::lambda::function::Function;
use crate::lambda::invocation::Invocation;
use crate::lambda::invocation::failure::{Failure, how_it_ended};
use crate::lambda::quotas;
use crate::telemetry::extensions::{
    ExtensionCall, ExtensionEvent, Extensions, Identifier, Refused, Reported, ReportedPhase,
    TelemetryApi,
};
use crate::telemetry::logs::LogStream;
use crate::telemetry::logs::event::PlatformEvent;
use crate::telemetry::telemetry_api::subscription::{Subscription, Type};

impl Environment {
    /// Starts the extensions, and the runtime when all of them have registered.
    pub(super) fn start_processes(&mut self) {
        let Some(body) = &mut self.body else { return };
        self.extensions = Extensions::new(names(&self.blueprint.extensions));
        self.log.telemetry().reopen();
        if let Err(failure) = body.start_extensions(&self.blueprint, self.log.name()) {
            return self.step(Event::StartFailed(failure));
        }
        self.start_runtime_once_registered();
    }

    fn start_runtime_once_registered(&mut self) {
        let Some(body) = &mut self.body else { return };
        if body.is_running() || !self.extensions.all_registered() {
            return;
        }
        let tenant = self.log.tenant_id().cloned();
        match body.start(&self.blueprint, self.log.name()) {
            Ok(None) => {}
            Ok(Some(address)) => {
                self.blueprint.shared.adviser.tell(Advice::Debugger(tenant, address));
            }
            Err(failure) => self.step(Event::StartFailed(failure)),
        }
    }

    pub(super) fn extension_called(&mut self, call: ExtensionCall) {
        match call {
            ExtensionCall::Failed(identifier, reported, answer) => {
                let failure = failure(&mut self.extensions, &identifier, reported);
                let _ = answer.send(failure.as_ref().map(|_| ()).map_err(Clone::clone));
                if let Ok(failure) = failure {
                    self.extension_failed(failure);
                }
            }
            call => answer(&mut self.extensions, &self.log, call),
        }
        self.start_runtime_once_registered();
        self.runtime_or_extension_polled();
    }

    /// The runtime has asked for the next invocation once it and all extensions have.
    pub(super) fn runtime_or_extension_polled(&mut self) {
        if self.parked.is_some() && self.extensions.all_ready() {
            self.step(Event::NextPolled);
        }
    }

    pub(super) fn extension_showed(&mut self, sign: ExtensionSign) {
        match sign {
            ExtensionSign::Output(line) => {
                let request_id = self.current.as_ref().map(|current| current.invocation.request_id);
                self.log.extension_output(&line, request_id);
            }
            ExtensionSign::MemoryExceeded => self.step(Event::Failed(Failure::OutOfMemory)),
            ExtensionSign::Exited(name, status) => {
                let how = how_it_ended(status);
                self.failed_extension = Some(format!("the extension `{name}` ended ({how})"));
                self.extension_failed(crashed(status));
            }
        }
    }

    /// What an extension has not done yet, if the environment waits for that and not for the runtime.
    pub(super) fn awaited_extension(&self) -> Option<String> {
        let body = self.body.as_ref()?;
        if !body.is_running() {
            let name = self.extensions.unregistered()?;
            return Some(format!("the extension `{name}` did not register"));
        }
        let name = self.extensions.busy().filter(|_| self.parked.is_some())?;
        Some(format!("the extension `{name}` did not ask for its first event"))
    }

    fn extension_failed(&mut self, failure: Failure) {
        self.step(Event::Failed(failure));
    }
}

fn crashed(status: ExitStatus) -> Failure {
    Failure::Extension("Extension.Crash".to_owned(), how_it_ended(status))
}

/// The failure that an extension reports of itself.
fn failure(
    extensions: &mut Extensions,
    identifier: &Identifier,
    Reported { phase, error_type }: Reported,
) -> Result<Failure, Refused> {
    let name = extensions.name(identifier).map_err(|refused| match refused.error_type {
        "Extension.UnknownExtensionIdentifier" => {
            Refused { message: "Unknown Lambda-Extension-Identifier".to_owned(), ..refused }
        }
        _ => refused,
    })?;
    let Some(error_type) = error_type.filter(|error_type| !error_type.is_empty()) else {
        let message = "Lambda-Extension-Function-Error-Type not found";
        return Err(Refused::new("Extension.MissingHeader", message));
    };
    let kind = match phase {
        ReportedPhase::Init => "Extension.InitError",
        ReportedPhase::Exit => "Extension.ExitError",
    };
    Ok(Failure::Extension(kind.to_owned(), format!("{name}: {error_type}")))
}

/// Answers all calls but those that say that an extension has failed.
pub(super) fn answer(extensions: &mut Extensions, log: &LogStream, call: ExtensionCall) {
    // Whoever hung up gets no answer.
    match call {
        ExtensionCall::Register(name, body, answer) => {
            let registered = extensions.register(&name, &body);
            if let Ok((_, events)) = &registered {
                log.publish(&PlatformEvent::ExtensionRegistered {
                    name: &name,
                    events: events.names(),
                });
            }
            let _ = answer.send(registered.map(|(id, _)| id));
        }
        ExtensionCall::Next(identifier, answer) => extensions.next(&identifier, answer),
        ExtensionCall::Failed(identifier, _, answer) => {
            let _ = answer.send(extensions.name(&identifier).map(|_| ()));
        }
        ExtensionCall::Subscribe(identifier, api, body, answer) => {
            let subscribed = extensions
                .name(&identifier)
                .and_then(|name| Ok((name, Subscription::parse(&body)?)))
                .and_then(|(name, subscription)| subscribe(log, &name, api, subscription));
            let _ = answer.send(subscribed);
        }
    }
}

fn subscribe(
    log: &LogStream,
    name: &str,
    api: TelemetryApi,
    subscription: Subscription,
) -> Result<(), Refused> {
    let types = subscription.types.iter().map(|r#type: &Type| r#type.as_str()).collect();
    if !log.telemetry().subscribe(name, api, subscription) {
        let (error_type, message) = match api {
            TelemetryApi::Telemetry => {
                ("Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")
            }
            TelemetryApi::Logs => {
                ("Logs.SubscriptionClosed", "Logs API subscription is closed already")
            }
        };
        return Err(Refused::new(error_type, message));
    }
    log.publish(&PlatformEvent::Subscribed { name, api, types });
    Ok(())
}

/// The event of an invocation that must end in this time. It names no tenant: AWS's doesn't either.
pub(super) fn invoke_event(
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
pub(super) fn shutdown_event(reason: &str, remaining: Duration) -> ExtensionEvent {
    let deadline = deadline(remaining);
    let json = json!({ "eventType": "SHUTDOWN", "deadlineMs": deadline, "shutdownReason": reason });
    ExtensionEvent { json: json.to_string() }
}

/// Milliseconds since the epoch.
fn deadline(remaining: Duration) -> u64 {
    let end = (SystemTime::now() + remaining).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(end.as_millis()).unwrap_or(u64::MAX)
}
