//! A load of invocations over many tenants, here or on AWS.
//!
//! The way of one invocation: [`schedule`] says when it is due, [`payloads`] and [`secrets`] what is sent,
//! and a connection of the [`server`] sends it. How it ended is an [`end`](mod@end), in which `secrets` looks for what
//! belongs to other tenants. The [`tally`] counts it, in [`figures`] and [`environments`], and makes the
//! [`report`] of all of them.

pub(crate) mod payloads;
pub(crate) mod schedule;
pub(crate) mod secrets;
pub(crate) mod server;

pub(crate) mod report;

pub(crate) mod end;

pub(crate) mod environments;
mod figures;

pub(crate) mod tally;

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::client::answer::InvokeAnswer;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::lambda::function::TenantId;
use crate::lambda::invocation_type::InvocationType;
use end::End;
use environments::Identity;
use payloads::Payloads;
use report::LoadReport;
use schedule::{Due, LoadSchedule, Pace};
use secrets::{Leak, Secrets, Where};
use server::LoadServer;
use tally::{LoadObservation, SecretsCheck, Tally};

/// How long invocations that run are waited for when the load is stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long invocations that run are waited for when the time of the load is over.
const AFTER_DURATION: Duration = Duration::from_secs(30);

/// How long a connection waits after a failure: without a wait, a server that is gone would be called
/// thousands of times in a second.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// How often the progress of the load is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// A load that is to be put on a server.
#[derive(Debug)]
pub(crate) struct Load {
    /// The function's name.
    pub(crate) function_name: String,
    /// The tenants, in turn; empty for a function without tenants.
    pub(crate) tenants: Vec<TenantId>,
    /// What is sent.
    pub(crate) payloads: Payloads,
    /// Further headers of each request.
    pub(crate) headers: HeaderMap,
    /// How much is sent, and how fast.
    pub(crate) pace: Pace,
    /// The secrets to give to tenants and to look for, if that is wanted.
    pub(crate) secrets: Option<Secrets>,
    /// What tells environments apart.
    pub(crate) identity: Identity,
}

struct LoadState {
    load: Load,
    server: LoadServer,
    schedule: LoadSchedule,
    tally: Mutex<Tally>,
    stop: CancellationToken,
}

/// How far a load is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadProgress {
    /// How many invocations have ended.
    pub(crate) done: u64,
    /// How many of those were not answered well.
    pub(crate) bad: u64,
    /// How long the load runs.
    pub(crate) elapsed: Duration,
}

/// Puts the load on the server until it is done or stopped, and tells how far it is meanwhile.
pub(crate) async fn run(
    load: Load,
    server: LoadServer,
    stop: CancellationToken,
    tell: impl Fn(LoadProgress),
) -> LoadReport {
    let connections = load.pace.connections;
    let shared = Arc::new(LoadState {
        schedule: LoadSchedule::begin(load.pace),
        tally: Mutex::new(Tally::new(load.identity.clone())),
        stop,
        load,
        server,
    });
    send_all(&shared, connections, tell).await;
    let elapsed = shared.schedule.elapsed();
    let mut tally = shared.tally();
    if !shared.stop.is_cancelled() {
        tally.not_begun(shared.schedule.not_begun());
    }
    let secrets = match shared.load.secrets {
        Some(_) => SecretsCheck::On,
        None => SecretsCheck::Off,
    };
    tally.report(elapsed, secrets)
}

/// Sends on so many connections until each has ended, and tells how far the load is meanwhile.
async fn send_all(shared: &Arc<LoadState>, connections: u32, tell: impl Fn(LoadProgress)) {
    let mut sending = JoinSet::new();
    for _ in 0..connections {
        sending.spawn(Arc::clone(shared).send());
    }
    let mut ticks = interval(TOLD_EVERY);
    loop {
        tokio::select! {
            ended = sending.join_next() => match ended {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                },
            },
            _ = ticks.tick() => {
                let (done, bad) = shared.tally().progress();
                tell(LoadProgress { done, bad, elapsed: shared.schedule.elapsed() });
            }
        }
    }
}

impl LoadState {
    async fn send(self: Arc<Self>) {
        let Load { function_name, headers, .. } = &self.load;
        let mut connection = self.server.connection(function_name, headers);
        let mut no_longer = pin!(self.no_longer());
        while let Some(due) = self.next() {
            let number = due.number;
            let since = tokio::select! {
                biased;
                since = due.wait() => since,
                () = self.stop.cancelled() => return,
            };
            let tenant = self.tenant(number);
            let input = self.input(number, tenant);
            let result = tokio::select! {
                biased;
                result = connection.invoke(input) => result,
                () = &mut no_longer => return self.tally().unanswered(),
            };
            let latency = since.elapsed();
            let tenant = tenant.map(TenantId::as_str).unwrap_or_default();
            let leaks = self.leaks(tenant, &result);
            let end = self.end(result);
            let has_failed = matches!(end, End::Failed(_));
            self.tally().add(&LoadObservation { tenant, latency, end, leaks });
            if has_failed {
                tokio::select! {
                    () = sleep(AFTER_FAILURE) => {}
                    () = self.stop.cancelled() => {}
                }
            }
        }
    }

    fn next(&self) -> Option<Due> {
        if self.stop.is_cancelled() { None } else { self.schedule.take() }
    }

    /// Returns when invocations that run are not waited for any more.
    async fn no_longer(&self) {
        let stopped = async {
            self.stop.cancelled().await;
            sleep(LAST_ANSWERS).await;
        };
        match self.schedule.end() {
            None => stopped.await,
            Some(end) => tokio::select! {
                () = stopped => {}
                () = sleep_until(end + AFTER_DURATION) => {}
            },
        }
    }

    fn tenant(&self, number: u64) -> Option<&TenantId> {
        let tenants = &self.load.tenants;
        let at = number.checked_rem(tenants.len() as u64)?;
        tenants.get(usize::try_from(at).ok()?)
    }

    fn input(&self, number: u64, tenant: Option<&TenantId>) -> InvokeInput {
        let name = tenant.map(TenantId::as_str).unwrap_or_default();
        let secret = self.load.secrets.as_ref().and_then(|secrets| secrets.secret(name));
        InvokeInput {
            function_name: self.load.function_name.clone(),
            tenant_id: tenant.cloned(),
            payload: self.load.payloads.payload(number, name, secret),
            invocation_type: InvocationType::RequestResponse,
            log_tail: self.load.secrets.is_some(),
            client_context: None,
        }
    }

    fn end(&self, result: Result<(HeaderMap, InvokeAnswer), InvokeError>) -> End {
        match result {
            Ok((headers, answer)) => End::Answered {
                is_error: answer.function_error.is_some(),
                environment: self.environment(&headers, &answer),
                is_cold: text(&headers, "x-mtl-cold-start").map(|cold| cold == "true"),
            },
            Err(InvokeError::Throttled { .. }) => End::Throttled,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|it| format!(": {it}"));
                End::Failed(format!("{error}{}", cause.unwrap_or_default()))
            }
        }
    }

    /// The secrets of others in what came back, or in the end of the log.
    fn leaks(
        &self,
        tenant: &str,
        result: &Result<(HeaderMap, InvokeAnswer), InvokeError>,
    ) -> BTreeSet<Leak> {
        let Some(secrets) = &self.load.secrets else { return BTreeSet::new() };
        let answer = match result {
            Ok((_, answer)) => answer,
            Err(error) => return secrets.leaks(tenant, error.body(), Where::Answer),
        };
        let mut leaks = secrets.leaks(tenant, &answer.payload, Where::Answer);
        let log = answer.log_result.as_ref().and_then(|log| BASE64_STANDARD.decode(log).ok());
        leaks.extend(log.map(|log| secrets.leaks(tenant, &log, Where::Log)).unwrap_or_default());
        leaks
    }

    /// What tells the environment: the function's answer where that was asked for, or mtl's header.
    fn environment(&self, headers: &HeaderMap, answer: &InvokeAnswer) -> Option<String> {
        let Identity::At(pointer) = &self.load.identity else {
            return text(headers, "x-mtl-environment-id");
        };
        let document: Value = serde_json::from_slice(&answer.payload).ok()?;
        match document.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // A panic while the lock was held may leave some counters one too low, which is no harm.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
