//! The composition root: binds and starts everything that `mtl serve` consists of, and stops it in
//! the right order. Knows neither arguments nor signals.

pub(crate) mod config;
pub(crate) mod template;

mod doors;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::data_plane::event_queue::destination::DeliveryError;
use crate::data_plane::event_queue::{DroppedEvent, EventQueue};
use crate::data_plane::functions::{Functions, ServedFunction};
use crate::data_plane::{Account, DataPlane};
use crate::endpoints::api_gateway::ApiGateway;
use crate::endpoints::cloudwatch_api::CloudWatchApi;
use crate::endpoints::front_door::FrontDoor;
use crate::endpoints::invoke_api::InvokeApi;
use crate::endpoints::management_api::ManagementApi;
use crate::environment::advice::{Advice, Adviser};
use crate::environment::attachments::Attachments;
use crate::environment::blueprint::{Blueprint, Runtimes, SharedParts};
use crate::lambda::function::Function;
use crate::system::memory::MemoryMonitor;
use crate::system::process::{Processes, Setup};
use crate::system::watchdog::link::{Loss, Program};
use crate::telemetry::lambda_metrics::AccountMetrics;
use crate::telemetry::logs::LogSink;
use crate::telemetry::logs::writer::Writer;
use crate::telemetry::metric_store::MetricStore;
use config::{Api, Config, FunctionConfig, Runtime};
use doors::{endpoint, listen, open};

/// Why the emulator did not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The address can't be listened on.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// Whether it is that of an API.
        of_api: bool,
        /// The host and port.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing to serve.
    #[error("there is no function to serve")]
    NoFunction,
    /// There is no folder for temporary files.
    #[error("failed to create a temporary folder")]
    Temp(#[source] io::Error),
    /// A thread or process that mtl needs can't be started.
    #[error("failed to start {0}")]
    Part(&'static str, #[source] io::Error),
}

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    address: SocketAddr,
    /// Where each API listens, by its name.
    apis: Vec<(String, SocketAddr)>,
    runtime_addresses: Vec<SocketAddr>,
    functions: Functions,
    notices: Notices,
    processes: Processes,
    writer: Writer,
    temp: TempDir,
    doors: JoinHandle<()>,
    stop: CancellationToken,
    kill: CancellationToken,
}

/// What the emulator has to tell while it serves.
#[derive(Debug)]
struct Notices {
    losses: mpsc::UnboundedReceiver<Loss>,
    failed_deliveries: mpsc::UnboundedReceiver<DeliveryError>,
    advice: mpsc::UnboundedReceiver<Advice>,
}

/// Something that the user should know.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A watchdog ended while it was needed.
    WatchdogLost(Loss),
    /// An invocation record did not reach its destination.
    DeliveryFailed(DeliveryError),
    /// An environment has something to tell.
    Advice(Advice),
}

/// What a stop left behind.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Events that were accepted and not finished.
    pub(crate) dropped: Vec<DroppedEvent>,
    /// Records that were not delivered since the last [`Notice`].
    pub(crate) failed_deliveries: Vec<DeliveryError>,
    /// How often log lines were not written because stdout or the disk was too slow.
    pub(crate) unwritten_logs: usize,
    /// Whether the watchdog has ended; otherwise it still looks for processes of the function.
    pub(crate) watchdog_ended: bool,
}

/// How long the last replies have at the least, also when the grace period is over.
const LAST_REPLIES: Duration = Duration::from_millis(200);

impl Emulator {
    /// Starts everything. When it returns, the address answers.
    ///
    /// # Errors
    ///
    /// When the address is taken or invalid, or the system is out of something.
    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        let listener = listen(&config.host, config.port, false).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            of_api: false,
            address: config.host.clone(),
            source,
        })?;
        let mut api_listeners = Vec::new();
        for Api { port, .. } in &config.apis {
            api_listeners.push(listen(&config.host, *port, true).await?);
        }
        let names = config.apis.iter().map(|Api { api, .. }| api.name.clone());
        let apis = names.zip(&api_listeners);
        let apis = apis.filter_map(|(name, it)| Some((name, it.local_addr().ok()?))).collect();
        let temp = tempfile::Builder::new().prefix("mtl-").tempdir().map_err(StartError::Temp)?;
        let machinery = Machinery::start(temp.path(), config.function_file_descriptors)?;
        let (adviser, advice) = Adviser::new();
        let (failed, failed_deliveries) = mpsc::unbounded_channel();
        let store = MetricStore::default();
        let ground = Ground {
            account: Account::new(config.limits),
            metrics: AccountMetrics::new(store.clone()),
            logs: LogSink {
                stdout: config.stdout,
                directory: config.log_dir,
                writer: machinery.writer.clone(),
                metrics: store,
            },
            processes: machinery.processes.clone(),
            memory: machinery.memory,
            temp: temp.path().to_owned(),
            adviser,
            endpoint: config.local_endpoints.then(|| endpoint(address)),
            failed,
            kill: CancellationToken::new(),
        };
        let settings = config.functions.iter().map(FunctionConfig::management).collect();
        let mut functions = Vec::new();
        let mut runtime_addresses = Vec::new();
        for function in config.functions {
            let (served, addresses) = ground.set_up(function).await?;
            functions.push(served);
            runtime_addresses.extend(addresses);
        }
        let functions = Functions::new(functions).ok_or(StartError::NoFunction)?;
        let stop = CancellationToken::new();
        let management = ManagementApi::new(functions.clone(), settings, config.account);
        let gateway = |Api { api, .. }: Api| {
            let hosts = config.front_door.allowed_hosts.clone();
            ApiGateway::new(api, functions.clone(), hosts, ground.adviser.clone())
        };
        let gateways = config.apis.into_iter().map(gateway);
        let gateways = api_listeners.into_iter().zip(gateways).collect();
        let invoke_api = InvokeApi { functions: functions.clone() };
        let cloudwatch = CloudWatchApi::new(ground.logs.metrics.clone());
        let door = FrontDoor::new(invoke_api, management, cloudwatch, config.front_door);
        let doors = open((listener, door), gateways, stop.clone());
        Ok(Self {
            address,
            apis,
            functions,
            runtime_addresses,
            notices: Notices { losses: machinery.losses, failed_deliveries, advice },
            processes: machinery.processes,
            writer: machinery.writer,
            temp,
            doors,
            stop,
            kill: ground.kill,
        })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL by which this machine reaches it.
    #[must_use]
    pub(crate) fn endpoint(&self) -> String {
        endpoint(self.address)
    }

    /// Where the APIs listen, in their order.
    pub(crate) fn api_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.apis.iter().map(|(_, address)| *address)
    }

    /// The APIs by their names, with the URLs by which this machine reaches them.
    pub(crate) fn api_endpoints(&self) -> impl Iterator<Item = (&str, String)> {
        self.apis.iter().map(|(name, address)| (name.as_str(), endpoint(*address)))
    }

    /// Where runtimes that the user starts find their Runtime API.
    #[must_use]
    pub(crate) fn runtime_addresses(&self) -> &[SocketAddr] {
        &self.runtime_addresses
    }

    /// The functions.
    #[must_use]
    pub(crate) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Writes a line to stdout, in its turn among the log lines.
    pub(crate) fn say(&self, line: String) {
        self.writer.stdout(line);
    }

    /// The next thing that the user should know.
    pub(crate) async fn notice(&mut self) -> Notice {
        tokio::select! {
            Some(loss) = self.notices.losses.recv() => Notice::WatchdogLost(loss),
            Some(error) = self.notices.failed_deliveries.recv() => Notice::DeliveryFailed(error),
            Some(advice) = self.notices.advice.recv() => Notice::Advice(advice),
            else => std::future::pending().await,
        }
    }

    /// What the user should know and was not told yet.
    pub(crate) fn pending_notices(&mut self) -> Vec<Notice> {
        let Notices { losses, failed_deliveries, advice } = &mut self.notices;
        let losses = std::iter::from_fn(|| losses.try_recv().ok()).map(Notice::WatchdogLost);
        let failed = std::iter::from_fn(|| failed_deliveries.try_recv().ok());
        let advice = std::iter::from_fn(|| advice.try_recv().ok()).map(Notice::Advice);
        losses.chain(failed.map(Notice::DeliveryFailed)).chain(advice).collect()
    }

    /// Takes no more work, lets what runs or waits finish within the grace period, and ends every
    /// environment. When it returns, nothing of them is left.
    pub(crate) async fn stop(mut self, grace: Duration) -> Stopped {
        let end_of_grace = Instant::now() + grace;
        self.stop.cancel();
        let mut stopping = JoinSet::new();
        for served in self.functions.all() {
            stopping.spawn(stop_function(served.clone(), end_of_grace, self.kill.clone()));
        }
        let dropped = stopping.join_all().await.concat();
        self.close_doors(end_of_grace).await;
        let watchdog_ended = self.processes.close().await.is_ok();
        let unwritten_logs = self.writer.close().await;
        // When it can't be removed, it is in the system's folder for temporary files.
        let _ = self.temp.close();
        let mut failed_deliveries = Vec::new();
        while let Ok(error) = self.notices.failed_deliveries.try_recv() {
            failed_deliveries.push(error);
        }
        Stopped { dropped, failed_deliveries, unwritten_logs, watchdog_ended }
    }

    /// The replies to the last invocations are on their way out. A caller that neither sends nor
    /// reads must not keep mtl from ending.
    async fn close_doors(&mut self, end_of_grace: Instant) {
        let patience = Instant::now() + LAST_REPLIES;
        tokio::select! {
            _ = &mut self.doors => return,
            () = tokio::time::sleep_until(end_of_grace.max(patience).into()) => {}
            () = async {
                self.kill.cancelled().await;
                tokio::time::sleep_until(patience.into()).await;
            } => {}
        }
        self.doors.abort();
    }

    /// Cancel it to end the grace period of a stop, and the time that environments have to shut
    /// down.
    #[must_use]
    pub(crate) fn killer(&self) -> CancellationToken {
        self.kill.clone()
    }
}

/// What all environments share of the system.
struct Machinery {
    processes: Processes,
    losses: mpsc::UnboundedReceiver<Loss>,
    writer: Writer,
    memory: MemoryMonitor,
}

impl Machinery {
    fn start(folder: &Path, function_file_descriptors: Option<u64>) -> Result<Self, StartError> {
        let part = |name| move |error| StartError::Part(name, error);
        let watchdog = Program::own().map_err(part("the watchdog"))?;
        let setup = Setup { watchdog, folder, function_file_descriptors };
        let (processes, losses) = Processes::start(setup).map_err(part("the watchdog"))?;
        let writer = Writer::start().map_err(part("the log writer"))?;
        let memory = MemoryMonitor::start().map_err(part("the memory monitor"))?;
        Ok(Self { processes, losses, writer, memory })
    }
}

/// Lets what runs or waits finish until the end of grace, and ends all environments of a function.
/// Returns the events that were not finished.
async fn stop_function(
    served: ServedFunction,
    end_of_grace: Instant,
    kill: CancellationToken,
) -> Vec<DroppedEvent> {
    let grace = end_of_grace.saturating_duration_since(Instant::now());
    let dropped = served.event_queue.stop(grace, &kill).await;
    served
        .data_plane
        .stop(async {
            tokio::select! {
                () = tokio::time::sleep_until(end_of_grace.into()) => {}
                () = kill.cancelled() => {}
            }
        })
        .await;
    dropped
}

/// What all functions stand on.
struct Ground {
    account: Account,
    metrics: AccountMetrics,
    logs: LogSink,
    processes: Processes,
    memory: MemoryMonitor,
    temp: PathBuf,
    adviser: Adviser,
    endpoint: Option<String>,
    failed: mpsc::UnboundedSender<DeliveryError>,
    kill: CancellationToken,
}

impl Ground {
    /// A function with what runs it, and the addresses of runtimes that the user starts for it.
    async fn set_up(
        &self,
        mut config: FunctionConfig,
    ) -> Result<(ServedFunction, Vec<SocketAddr>), StartError> {
        if let Runtime::Handler { client, .. } = &config.runtime {
            client.install(&self.temp).map_err(StartError::Temp)?;
            config.function.program.command = client.command(&self.temp);
        }
        let handler = match &config.runtime {
            Runtime::Handler { client, .. } => Some(client.handler().to_owned()),
            Runtime::Command | Runtime::Attached(_) => None,
        };
        let function = Arc::new(config.function);
        let runtimes = runtimes(&config.runtime, &function)
            .await
            .map_err(|error| StartError::Part("the addresses for runtimes", error))?;
        let runtime_addresses = addresses(&runtimes);
        let metrics = self.metrics.function(&function.name);
        let blueprint = Blueprint {
            function,
            runtimes,
            handler,
            limits: config.lifecycle,
            extensions: config.extensions,
            task_root: config.task_root,
            shared: SharedParts {
                logs: self.logs.clone(),
                processes: self.processes.clone(),
                memory: self.memory.clone(),
                temp: self.temp.clone(),
                adviser: self.adviser.clone(),
                endpoint: self.endpoint.clone(),
                kill: self.kill.clone(),
            },
        };
        let data_plane = DataPlane::new(blueprint, self.account.share(config.limits), metrics);
        let event_queue = EventQueue::new(data_plane.clone(), config.events, self.failed.clone());
        Ok((ServedFunction { data_plane, event_queue }, runtime_addresses))
    }
}

async fn runtimes(runtime: &Runtime, function: &Arc<Function>) -> io::Result<Runtimes> {
    Ok(match runtime {
        Runtime::Command | Runtime::Handler { debugged: false, .. } => Runtimes::Command,
        Runtime::Handler { client, debugged: true } => Runtimes::Debugged(client.language()),
        Runtime::Attached(count) => {
            Runtimes::Attached(Attachments::listen(*count, function).await?)
        }
    })
}

fn addresses(runtimes: &Runtimes) -> Vec<SocketAddr> {
    match runtimes {
        Runtimes::Attached(attachments) => attachments.addresses().to_vec(),
        Runtimes::Command | Runtimes::Debugged(_) => Vec::new(),
    }
}
