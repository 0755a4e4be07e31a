//! A load of invocations, here or on AWS, over many tenants: sends them, and looks at what comes back for
//! the secrets of others. What comes of them is counted in [`tally`]. Knows neither arguments nor a terminal.

pub(crate) mod payloads;
pub(crate) mod report;
pub(crate) mod secrets;
pub(crate) mod tally;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::client::answer::InvokeAnswer;
use crate::client::aws::LambdaClient;
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::input::InvokeInput;
use crate::client::keep_alive::KeepAlive;
use crate::lambda::function::TenantId;
use crate::lambda::invocation_type::InvocationType;
use payloads::Payloads;
use report::LoadReport;
use secrets::{Leak, Secrets, Where};
use tally::{End, Identity, Observation, SecretsCheck, Tally};

/// How long invocations that run are waited for when the load is stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long invocations that run are waited for when the time of the load is over.
const AFTER_DURATION: Duration = Duration::from_secs(30);

/// How long a connection rests after it had no answer: a server that is gone would be asked thousands of
/// times in a second.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// How often it is told how far the load is.
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

/// How much a load is, and how fast it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many invocations there are at most.
    pub(crate) requests: Option<u64>,
    /// For how long they are begun.
    pub(crate) duration: Option<Duration>,
    /// How many run at once at most.
    pub(crate) connections: u32,
    /// How many are begun in a second, whether or not earlier ones have ended; without it each begins when
    /// one has.
    pub(crate) rate: Option<f64>,
}

/// Where a load goes.
#[derive(Debug)]
pub(crate) enum LoadServer {
    /// To a local server.
    Local(Endpoint),
    /// To AWS.
    Aws {
        /// The client.
        lambda: Box<LambdaClient>,
        /// The version or alias.
        qualifier: Option<String>,
    },
}

/// What a connection sends with.
enum Sender<'a> {
    Local(KeepAlive),
    Aws(&'a LambdaClient, Option<&'a str>),
}

impl Sender<'_> {
    async fn invoke(
        &mut self,
        input: InvokeInput,
        headers: &HeaderMap,
    ) -> Result<(HeaderMap, InvokeAnswer), InvokeError> {
        match self {
            Self::Local(connection) => {
                let (head, answer) = connection.invoke(input, headers).await?;
                Ok((head.headers, answer))
            }
            // The SDK keeps the headers to itself; AWS has none that tell environments apart.
            Self::Aws(lambda, qualifier) => {
                let answer = lambda.invoke(input, qualifier.map(str::to_owned)).await?;
                Ok((HeaderMap::new(), answer))
            }
        }
    }
}

struct LoadState {
    load: Load,
    place: LoadServer,
    start: Instant,
    next: AtomicU64,
    tally: Mutex<Tally>,
    stop: CancellationToken,
}

/// How far a load is: how many invocations have ended, how many of them were not answered well, and how long
/// it runs.
pub(crate) type LoadProgress = (u64, u64, Duration);

/// Puts the load on the server until it is done or stopped, and tells how far it is meanwhile.
pub(crate) async fn run(
    load: Load,
    place: LoadServer,
    stop: CancellationToken,
    tell: impl Fn(LoadProgress),
) -> LoadReport {
    let connections = load.pace.connections;
    let shared = Arc::new(LoadState {
        start: Instant::now(),
        next: AtomicU64::new(0),
        tally: Mutex::new(Tally::new(load.identity.clone())),
        stop,
        load,
        place,
    });
    let mut sending = JoinSet::new();
    for _ in 0..connections {
        sending.spawn(Arc::clone(&shared).send());
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
                tell((done, bad, shared.start.elapsed()));
            }
        }
    }
    let elapsed = shared.start.elapsed();
    let mut tally = shared.tally();
    if !shared.stop.is_cancelled() {
        tally.not_begun(shared.due_in_all().saturating_sub(shared.begun()));
    }
    let secrets = match shared.load.secrets {
        Some(_) => SecretsCheck::On,
        None => SecretsCheck::Off,
    };
    tally.report(elapsed, secrets)
}

impl LoadState {
    async fn send(self: Arc<Self>) {
        let mut sender = match &self.place {
            LoadServer::Local(endpoint) => Sender::Local(KeepAlive::new(endpoint.clone())),
            LoadServer::Aws { lambda, qualifier } => Sender::Aws(lambda, qualifier.as_deref()),
        };
        while let Some((number, due)) = self.take() {
            let since = tokio::select! {
                since = due_at(due) => since,
                () = self.stop.cancelled() => return,
            };
            let tenant = self.tenant(number);
            let input = self.input(number, tenant);
            let result = tokio::select! {
                result = sender.invoke(input, &self.load.headers) => result,
                () = self.no_longer() => return self.tally().unanswered(),
            };
            let latency = since.elapsed();
            let tenant = tenant.map(TenantId::as_str).unwrap_or_default();
            let leaks = self.leaks(tenant, &result);
            let end = self.end(result);
            let has_failed = matches!(end, End::Failed(_));
            let tenant = tenant.to_owned();
            self.tally().add(&Observation { tenant, latency, end, leaks });
            if has_failed {
                tokio::select! {
                    () = sleep(AFTER_FAILURE) => {}
                    () = self.stop.cancelled() => {}
                }
            }
        }
    }

    /// Returns when invocations that run are not waited for any more.
    async fn no_longer(&self) {
        let stopped = async {
            self.stop.cancelled().await;
            sleep(LAST_ANSWERS).await;
        };
        match self.load.pace.duration {
            None => stopped.await,
            Some(duration) => tokio::select! {
                () = stopped => {}
                () = sleep_until(self.start + duration + AFTER_DURATION) => {}
            },
        }
    }

    /// The number of the next invocation and when it is due; `None` when there is none.
    fn take(&self) -> Option<(u64, Instant)> {
        let Pace { requests, duration, rate, .. } = &self.load.pace;
        let end = duration.map(|duration| self.start + duration);
        if self.stop.is_cancelled() || end.is_some_and(|end| Instant::now() >= end) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if requests.is_some_and(|requests| number >= requests) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
        let due = match rate {
            Some(rate) => {
                let after = Duration::try_from_secs_f64(number as f64 / rate).ok()?;
                self.start.checked_add(after)?
            }
            None => Instant::now(),
        };
        end.is_none_or(|end| due < end).then_some((number, due))
    }

    /// How many invocations were due at fixed times until the end.
    #[expect(clippy::cast_possible_truncation, reason = "2^63 invocations take a while")]
    #[expect(clippy::cast_sign_loss, reason = "neither a rate nor a time is negative")]
    fn due_in_all(&self) -> u64 {
        let Pace { requests, duration, rate, .. } = &self.load.pace;
        let Some((rate, duration)) = rate.zip(*duration) else { return 0 };
        let due = (rate * duration.as_secs_f64()).ceil() as u64;
        requests.map_or(due, |requests| due.min(requests))
    }

    fn begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn tenant(&self, number: u64) -> Option<&TenantId> {
        let tenants = &self.load.tenants;
        let at = number.checked_rem(tenants.len() as u64)?;
        tenants.get(usize::try_from(at).ok()?)
    }

    fn input(&self, number: u64, tenant: Option<&TenantId>) -> InvokeInput {
        let name = tenant.map(TenantId::as_str).unwrap_or_default();
        let secret = self.load.secrets.as_ref().and_then(|secrets| secrets.of(name));
        InvokeInput {
            function_name: self.load.function_name.clone(),
            tenant_id: tenant.cloned(),
            payload: self.load.payloads.of(number, name, secret),
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
        // Counters are added to one after the other: a panic elsewhere leaves them a little off.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until an invocation is due, and returns from when its latency counts: waiting for a free
/// connection is the server's slowness, a timer that is late is not.
async fn due_at(due: Instant) -> Instant {
    if due <= Instant::now() {
        return due;
    }
    sleep_until(due).await;
    Instant::now()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tokio::time::Instant;

    use super::due_at;

    #[test]
    fn what_is_due_is_not_waited_for() {
        // Timers have whole milliseconds, which would be most of the latency of a warm invocation.
        let due = pin!(due_at(Instant::now()));
        assert!(due.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
