//! `mtl invoke -n` and its like: many invocations, here or on AWS, over many tenants, and the report on
//! them. What comes of them is counted in [`load`](crate::load).

pub mod args;
pub mod payloads;
mod progress;
pub mod remote;

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

use crate::cli::load::payloads::Payloads;
use crate::cli::load::progress::Progress;
use crate::client::answer::Answer;
use crate::client::aws::Lambda;
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::keep_alive::KeepAlive;
use crate::client::{InvocationType, InvokeInput};
use crate::function::TenantId;
use crate::load::secrets::{Leak, Secrets, Where};
use crate::load::{End, LoadReport, Observation, Tally};

/// How long invocations that run are waited for when the load is stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How often the progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// A load that is to be put on a server.
#[derive(Debug)]
pub struct Load {
    /// Where it goes.
    pub place: Place,
    /// The function's name.
    pub function_name: String,
    /// The tenants, in turn; empty for a function without tenants.
    pub tenants: Vec<TenantId>,
    /// What is sent.
    pub payloads: Payloads,
    /// Further headers of each request.
    pub headers: HeaderMap,
    /// How many invocations there are at most.
    pub requests: Option<u64>,
    /// For how long they are begun.
    pub duration: Option<Duration>,
    /// How many run at once at most.
    pub connections: u32,
    /// How many are begun in a second, whether or not earlier ones have ended; without it each begins when
    /// one has.
    pub rate: Option<f64>,
    /// The secrets to give to tenants and to look for, if that is wanted.
    pub secrets: Option<Secrets>,
    /// The JSON pointer to what tells environments apart in the function's answer.
    pub environment_at: Option<String>,
}

/// Where a load goes.
#[derive(Debug)]
pub enum Place {
    /// To a local server.
    Local(Endpoint),
    /// To AWS.
    Aws {
        /// The client.
        lambda: Box<Lambda>,
        /// The version or alias.
        qualifier: Option<String>,
    },
}

/// What a worker sends with.
enum Sender<'a> {
    Local(KeepAlive),
    Aws(&'a Lambda, Option<&'a str>),
}

impl Sender<'_> {
    async fn invoke(
        &mut self,
        input: InvokeInput,
        headers: &HeaderMap,
    ) -> Result<(HeaderMap, Answer), InvokeError> {
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

struct Shared {
    load: Load,
    start: Instant,
    next: AtomicU64,
    tally: Mutex<Tally>,
    stop: CancellationToken,
}

/// Puts the load on the server until it is done, or Ctrl-C stops it.
pub async fn run(load: Load) -> LoadReport {
    let progress = Progress::new(load.requests, load.duration);
    let connections = load.connections;
    let shared = Arc::new(Shared {
        load,
        start: Instant::now(),
        next: AtomicU64::new(0),
        tally: Mutex::default(),
        stop: CancellationToken::new(),
    });
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        workers.spawn(Arc::clone(&shared).work());
    }
    let mut ticks = interval(SHOWN_EVERY);
    loop {
        tokio::select! {
            ended = workers.join_next() => if ended.is_none() { break },
            _ = ticks.tick() => progress.show(shared.tally().progress(), shared.start.elapsed()),
            // Without a handler for it, the system ends mtl as it would have.
            Ok(()) = tokio::signal::ctrl_c(), if !shared.stop.is_cancelled() => {
                shared.stop.cancel();
            }
        }
    }
    let elapsed = shared.start.elapsed();
    progress.end();
    shared.tally().report(elapsed)
}

impl Shared {
    async fn work(self: Arc<Self>) {
        let mut sender = match &self.load.place {
            Place::Local(endpoint) => Sender::Local(KeepAlive::new(endpoint.clone())),
            Place::Aws { lambda, qualifier } => Sender::Aws(lambda, qualifier.as_deref()),
        };
        while let Some((number, due)) = self.take() {
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.stop.cancelled() => return,
            }
            let tenant = self.tenant(number);
            let input = self.input(number, tenant);
            let stopped = async {
                self.stop.cancelled().await;
                sleep(LAST_ANSWERS).await;
            };
            let result = tokio::select! {
                result = sender.invoke(input, &self.load.headers) => result,
                () = stopped => return,
            };
            let latency = due.elapsed();
            let tenant = tenant.map(TenantId::as_str).unwrap_or_default();
            let leaks = result.as_ref().map(|(_, answer)| self.leaks(tenant, answer));
            self.tally().add(&Observation {
                tenant: tenant.to_owned(),
                // From when it was due: waiting for a free connection is the server's slowness too.
                latency,
                leaks: leaks.unwrap_or_default(),
                end: self.end(result),
            });
        }
    }

    /// The number of the next invocation and when it is due; `None` when there is none.
    fn take(&self) -> Option<(u64, Instant)> {
        let Load { requests, duration, rate, .. } = &self.load;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if self.stop.is_cancelled() || requests.is_some_and(|requests| number >= requests) {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
        let due = match rate {
            Some(rate) => self.start + Duration::from_secs_f64(number as f64 / rate),
            None => Instant::now(),
        };
        let is_late = duration.is_some_and(|duration| due >= self.start + duration);
        (!is_late).then_some((number, due))
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

    fn end(&self, result: Result<(HeaderMap, Answer), InvokeError>) -> End {
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

    /// The secrets of others in an answer or in the end of the log.
    fn leaks(&self, tenant: &str, answer: &Answer) -> BTreeSet<Leak> {
        let Some(secrets) = &self.load.secrets else { return BTreeSet::new() };
        let mut leaks = secrets.leaks(tenant, &answer.payload, Where::Answer);
        let log = answer.log_result.as_ref().and_then(|log| BASE64_STANDARD.decode(log).ok());
        leaks.extend(log.map(|log| secrets.leaks(tenant, &log, Where::Log)).unwrap_or_default());
        leaks
    }

    /// What tells the environment: the function's answer where that was asked for, or mtl's header.
    fn environment(&self, headers: &HeaderMap, answer: &Answer) -> Option<String> {
        let Some(pointer) = &self.load.environment_at else {
            return text(headers, "x-mtl-environment-id");
        };
        let document: Value = serde_json::from_slice(&answer.payload).ok()?;
        match document.pointer(pointer)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Counters are added to one after the other: a panic elsewhere leaves them a little off.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
