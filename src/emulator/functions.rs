//! The functions that are served, made of what is configured and of what they share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::data_plane::event_queue::destination::DeliveryError;
use crate::data_plane::event_queue::{DroppedEvent, EventQueue};
use crate::data_plane::functions::{Functions, ServedFunction};
use crate::data_plane::{Account, DataPlane};
use crate::emulator::config::{FunctionConfig, Runtime};
use crate::emulator::error::StartError;
use crate::environment::attachments::Attachments;
use crate::environment::blueprint::{Blueprint, Runtimes, SharedParts};
use crate::lambda::function::Function;
use crate::system::notifier::Notifier;
use crate::telemetry::lambda_metrics::AccountMetrics;

/// What all functions are made with.
#[derive(Debug)]
pub(crate) struct FunctionParts {
    /// What they share of concurrent executions and environments.
    pub(crate) account: Account,
    /// Where what happens in them is counted.
    pub(crate) metrics: AccountMetrics,
    /// What their environments have in common.
    pub(crate) environments: SharedParts,
    /// What is told of the records that were not delivered.
    pub(crate) failed_deliveries: Notifier<DeliveryError>,
}

/// Functions that can be invoked.
#[derive(Debug)]
pub(crate) struct BuiltFunctions {
    /// The functions.
    pub(crate) functions: Functions,
    /// Where runtimes that the user starts find their Runtime API.
    pub(crate) runtime_addresses: Vec<SocketAddr>,
}

/// Makes all functions.
///
/// # Errors
///
/// When there is none, or the system is out of something.
pub(crate) async fn build(
    parts: &FunctionParts,
    configs: Vec<FunctionConfig>,
) -> Result<BuiltFunctions, StartError> {
    let (mut functions, mut runtime_addresses) = (Vec::new(), Vec::new());
    for config in configs {
        let served = parts.build(config, &mut runtime_addresses).await?;
        functions.push(served);
    }
    let functions = Functions::new(functions).ok_or(StartError::NoFunction)?;
    Ok(BuiltFunctions { functions, runtime_addresses })
}

impl FunctionParts {
    /// A function with what runs it. The addresses of runtimes that the user starts for it are added
    /// to the others.
    async fn build(
        &self,
        mut config: FunctionConfig,
        runtime_addresses: &mut Vec<SocketAddr>,
    ) -> Result<ServedFunction, StartError> {
        let temp = &self.environments.temp;
        let handler = match &config.runtime {
            Runtime::Handler { client, .. } => {
                client.install(temp).map_err(StartError::Temp)?;
                config.function.program.command = client.command(temp);
                Some(client.handler().to_owned())
            }
            Runtime::Command | Runtime::Attached(_) => None,
        };
        let function = Arc::new(config.function);
        let runtimes = runtimes(&config.runtime, &function)
            .await
            .map_err(|error| StartError::Part("the addresses for runtimes", error))?;
        if let Runtimes::Attached(attachments) = &runtimes {
            runtime_addresses.extend(attachments.addresses());
        }
        let metrics = self.metrics.function(&function.name);
        let blueprint = Blueprint {
            function,
            runtimes,
            handler,
            limits: config.lifecycle,
            extensions: config.extensions,
            task_root: config.task_root,
            shared: self.environments.clone(),
        };
        let data_plane = DataPlane::new(blueprint, self.account.share(config.limits), metrics);
        let failed = self.failed_deliveries.clone();
        let event_queue = EventQueue::new(data_plane.clone(), config.events, failed);
        Ok(ServedFunction { data_plane, event_queue })
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

/// Lets what runs or waits finish until the end of the grace period, and ends all environments of all
/// functions. Returns the events that were not finished.
pub(crate) async fn stop(
    functions: &Functions,
    end_of_grace: Instant,
    kill: &CancellationToken,
) -> Vec<DroppedEvent> {
    let mut stopping = JoinSet::new();
    for served in functions.all() {
        stopping.spawn(stop_function(served.clone(), end_of_grace, kill.clone()));
    }
    stopping.join_all().await.concat()
}

async fn stop_function(
    served: ServedFunction,
    end_of_grace: Instant,
    kill: CancellationToken,
) -> Vec<DroppedEvent> {
    let grace = end_of_grace.saturating_duration_since(Instant::now());
    let dropped = served.event_queue.stop(grace, &kill).await;
    let no_more_grace = async {
        tokio::select! {
            () = tokio::time::sleep_until(end_of_grace.into()) => {}
            () = kill.cancelled() => {}
        }
    };
    served.data_plane.stop(no_more_grace).await;
    dropped
}
