//! The running emulator of another program. It has a thread and an async runtime of its own, so that
//! it answers also while the program blocks, and whatever runtime that has.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::client::endpoint::Endpoint;
use crate::client::input::InvokeInput;
use crate::client::local;
use crate::embedded::error::{InvokeError, InvokeFailure, StartError, StartFailure};
use crate::embedded::response::InvokeResponse;
use crate::emulator::config::Config;
use crate::emulator::{Function, Notice, RunningEmulator};
use crate::lambda::function::TenantId;
use crate::lambda::invocation_type::InvocationType;

/// A local Lambda that serves one function, on a free port of this machine.
///
/// The functions' processes end with [`Emulator::stop`] and when the value is dropped, and their log
/// lines go to stdout. Unlike the command `mtl serve`, an embedded emulator has no watchdog, since
/// that is the program `mtl` another time: when this process is killed, or ended with Ctrl-C, what
/// runs for the function stays behind until it finds that its Runtime API is gone (the runtimes of
/// AWS end then), and so does the temporary folder, whose name begins with `mtl-`.
#[derive(Debug)]
pub struct Emulator {
    endpoint: Endpoint,
    function_name: String,
    /// How long invocations that run have when it is stopped.
    grace: Duration,
    runtime: Handle,
    kill: CancellationToken,
    /// Stops it, also when it is dropped; `None` once that was done.
    stop: Option<oneshot::Sender<StopOrder>>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told in the end.
#[derive(Debug)]
struct StopOrder {
    grace: Duration,
    /// Is told when nothing is left.
    done: oneshot::Sender<()>,
}

/// What the thread tells when the emulator has started.
struct Started {
    endpoint: String,
    kill: CancellationToken,
}

impl Emulator {
    /// Starts an emulator for this function. When it returns, the endpoint answers. A program that
    /// can't be started is no error here, but one of each invocation, as on AWS.
    ///
    /// # Errors
    ///
    /// When a value of the function is none that Lambda takes, its handler can't be found, or the
    /// system is out of something.
    pub async fn start(function: Function) -> Result<Self, StartError> {
        Ok(Self::start_thread(function).await?)
    }

    async fn start_thread(function: Function) -> Result<Self, StartFailure> {
        let (function_name, grace) = (function.name().to_owned(), function.time());
        let config = function.into_config().map_err(StartFailure::Function)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(StartFailure::Thread)?;
        let handle = runtime.handle().clone();
        let (started, starting) = oneshot::channel();
        let (stop, stopping) = oneshot::channel();
        let run = move || runtime.block_on(run(config, started, stopping));
        let thread = thread::Builder::new().name("mtl".to_owned()).spawn(run);
        let thread = thread.map_err(StartFailure::Thread)?;
        let Started { endpoint, kill } = starting.await.map_err(|_| StartFailure::Ended)??;
        Ok(Self {
            endpoint: endpoint.parse().map_err(StartFailure::Endpoint)?,
            function_name,
            grace,
            runtime: handle,
            kill,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The URL of the emulator, without a path: the `endpoint_url` of an AWS SDK.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// Invokes the function and waits for its answer. A function with tenant isolation needs a tenant,
    /// and one without takes `None`. Works in any async runtime.
    ///
    /// # Errors
    ///
    /// When the function gave no answer: the emulator refused or throttled the invocation, or has
    /// ended.
    pub async fn invoke<'a>(
        &self,
        tenant_id: impl Into<Option<&'a str>>,
        payload: impl AsRef<[u8]>,
    ) -> Result<InvokeResponse, InvokeError> {
        let tenant_id = tenant_id.into().map(str::parse::<TenantId>).transpose();
        let input = InvokeInput {
            function_name: self.function_name.clone(),
            tenant_id: tenant_id.map_err(InvokeFailure::Tenant)?,
            payload: Bytes::copy_from_slice(payload.as_ref()),
            invocation_type: InvocationType::RequestResponse,
            log_tail: false,
            client_context: None,
        };
        let endpoint = self.endpoint.clone();
        let call = async move { local::invoke(&endpoint, input, &HeaderMap::new()).await };
        let answer = self.runtime.spawn(call).await.map_err(|_| InvokeFailure::Ended)?;
        Ok(InvokeResponse::new(answer.map_err(InvokeFailure::Call)?))
    }

    /// Takes no more invocations, lets those that run finish, and ends everything. Dropping the future
    /// ends it at once.
    pub async fn stop(mut self) {
        let (done, ended) = oneshot::channel();
        if let Some(stop) = self.stop.take() {
            // An error means that the thread has ended.
            let _ = stop.send(StopOrder { grace: self.grace, done });
            let _ = ended.await;
        }
    }
}

impl Drop for Emulator {
    /// Kills everything, and waits until nothing is left.
    fn drop(&mut self) {
        self.kill.cancel();
        // Without an order to stop the thread stops at once.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It can't be told to anybody here that it has panicked.
            let _ = thread.join();
        }
    }
}

/// The life of the emulator, until it is told to stop, or its handle was dropped.
async fn run(
    config: Config,
    started: oneshot::Sender<Result<Started, StartFailure>>,
    mut stopping: oneshot::Receiver<StopOrder>,
) {
    let mut emulator = match RunningEmulator::start(config).await {
        Ok(emulator) => emulator,
        Err(error) => {
            // Who does not wait for it any more does not need it.
            let _ = started.send(Err(StartFailure::Emulator(error)));
            return;
        }
    };
    let told = Started { endpoint: emulator.endpoint(), kill: emulator.killer() };
    let _ = started.send(Ok(told));
    let order = loop {
        tokio::select! {
            order = &mut stopping => break order.ok(),
            notice = emulator.notice() => log(&notice),
        }
    };
    emulator.stop(order.as_ref().map(|order| order.grace).unwrap_or_default()).await;
    if let Some(order) = order {
        let _ = order.done.send(());
    }
}

/// An embedding program has no place for what `mtl serve` says, but it may have a `tracing` subscriber.
fn log(notice: &Notice) {
    match notice {
        Notice::DeliveryFailed(error) => tracing::warn!(%error, "record not delivered"),
        notice => tracing::info!(?notice, "advice"),
    }
}
