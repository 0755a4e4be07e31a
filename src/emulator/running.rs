//! The emulator as a whole: starts in three steps (bind, build, open), tells what its user should
//! know while it serves, and stops in the order that loses nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::data_plane::Account;
use crate::data_plane::event_queue::DroppedEvent;
use crate::data_plane::event_queue::destination::DeliveryError;
use crate::data_plane::functions::Functions;
use crate::emulator::config::{Config, FunctionConfig, LogConfig};
use crate::emulator::doors::{BoundDoors, OpenDoors, bind, endpoint};
use crate::emulator::error::StartError;
use crate::emulator::functions::{BuiltFunctions, FunctionParts, build, stop};
use crate::emulator::machinery::{Machinery, MachineryEnd};
use crate::emulator::notices::{Notice, Notices};
use crate::endpoints::api_gateway::ApiGateway;
use crate::endpoints::api_gateway::api::RestApi;
use crate::endpoints::cloudwatch_api::CloudWatchApi;
use crate::endpoints::front_door::{self, FrontDoor};
use crate::endpoints::invoke_api::InvokeApi;
use crate::endpoints::management_api::ManagementApi;
use crate::environment::advice::Adviser;
use crate::environment::blueprint::SharedParts;
use crate::system::notifier::Notifier;
use crate::telemetry::lambda_metrics::AccountMetrics;
use crate::telemetry::logs::LogSink;
use crate::telemetry::metric_store::MetricStore;

/// A running emulator.
#[derive(Debug)]
pub(crate) struct RunningEmulator {
    doors: OpenDoors,
    runtime_addresses: Vec<SocketAddr>,
    functions: Functions,
    notices: Notices,
    machinery: Machinery,
    kill: CancellationToken,
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

impl RunningEmulator {
    /// Starts everything. When it returns, the address answers.
    ///
    /// # Errors
    ///
    /// When an address is taken or invalid, or the system is out of something.
    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        let bound = bind(&config.address, config.apis).await?;
        let (notifiers, notices) = Notices::channel();
        let losses = Notifier::into_channel(notifiers.clone());
        let machinery = Machinery::start(config.processes, losses)?;
        let own_calls = config.local_endpoints.then(|| endpoint(bound.lambda.address));
        let logs = log_sink(config.logs, &machinery);
        let parts = FunctionParts {
            account: Account::new(config.limits),
            metrics: AccountMetrics::new(logs.metrics.clone()),
            environments: SharedParts {
                logs,
                processes: machinery.processes.clone(),
                memory: machinery.memory.clone(),
                temp: machinery.temp.path().to_owned(),
                adviser: Adviser::new(Notifier::into_channel(notifiers.clone())),
                endpoint: own_calls,
                kill: CancellationToken::new(),
            },
            failed_deliveries: Notifier::into_channel(notifiers),
        };
        let management = config.functions.iter().map(FunctionConfig::management).collect();
        let BuiltFunctions { functions, runtime_addresses } =
            build(&parts, config.functions).await?;
        let management = ManagementApi::new(functions.clone(), management, config.account);
        let environments = parts.environments;
        let doors = open(bound, &functions, management, config.front_door, &environments);
        let kill = environments.kill;
        Ok(Self { doors, runtime_addresses, functions, notices, machinery, kill })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.doors.address()
    }

    /// The URL by which this machine reaches it.
    #[must_use]
    pub(crate) fn endpoint(&self) -> String {
        endpoint(self.address())
    }

    /// Where the APIs listen, in their order.
    pub(crate) fn api_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.doors.apis().iter().map(|(_, address)| *address)
    }

    /// The APIs by their names, with the URLs by which this machine reaches them.
    pub(crate) fn api_endpoints(&self) -> impl Iterator<Item = (&str, String)> {
        self.doors.apis().iter().map(|(name, address)| (name.as_str(), endpoint(*address)))
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
    pub(crate) fn say(&self, line: &str) {
        self.machinery.writer.stdout(|lines| lines.extend_from_slice(line.as_bytes()));
    }

    /// The next thing that the user should know.
    pub(crate) async fn notice(&mut self) -> Notice {
        self.notices.next().await
    }

    /// What the user should know and was not told yet.
    pub(crate) fn pending_notices(&mut self) -> Vec<Notice> {
        self.notices.pending()
    }

    /// Cancel it to end the grace period of a stop, and the time that environments have to shut
    /// down.
    #[must_use]
    pub(crate) fn killer(&self) -> CancellationToken {
        self.kill.clone()
    }

    /// Takes no more work, lets what runs or waits finish within the grace period, and ends every
    /// environment. When it returns, nothing of them is left.
    pub(crate) async fn stop(mut self, grace: Duration) -> Stopped {
        let end_of_grace = Instant::now() + grace;
        self.doors.stop();
        let dropped = stop(&self.functions, end_of_grace, &self.kill).await;
        self.doors.close(end_of_grace, &self.kill).await;
        let MachineryEnd { unwritten_logs, watchdog_ended } = self.machinery.close().await;
        let failed = self.notices.pending().into_iter().filter_map(|notice| match notice {
            Notice::DeliveryFailed(error) => Some(error),
            // What it says is of no use any more.
            Notice::WatchdogLost(_) | Notice::Advice(_) => None,
        });
        let failed_deliveries = failed.collect();
        Stopped { dropped, failed_deliveries, unwritten_logs, watchdog_ended }
    }
}

fn log_sink(config: LogConfig, machinery: &Machinery) -> LogSink {
    LogSink {
        stdout: config.stdout,
        directory: config.folder,
        writer: machinery.writer.clone(),
        metrics: MetricStore::default(),
    }
}

/// Lets callers in to the functions.
fn open(
    bound: BoundDoors,
    functions: &Functions,
    management: ManagementApi,
    settings: front_door::FrontDoorSettings,
    environments: &SharedParts,
) -> OpenDoors {
    let allowed_hosts = settings.allowed_hosts.clone();
    let gateway = |api: RestApi| {
        let adviser = environments.adviser.clone();
        ApiGateway::new(api, functions.clone(), allowed_hosts.clone(), adviser)
    };
    let invoke_api = InvokeApi { functions: functions.clone() };
    let cloudwatch = CloudWatchApi::new(environments.logs.metrics.clone());
    let door = FrontDoor::new(invoke_api, management, cloudwatch, settings);
    OpenDoors::open(bound, door, gateway)
}
