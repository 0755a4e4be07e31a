//! What an emulator is made from, checked.

use std::path::PathBuf;

use crate::data_plane::{AccountLimits, FunctionLimits};
use crate::endpoints::api_gateway::api::RestApi;
use crate::endpoints::management_api::configuration;
use crate::environment::runtime_client::RuntimeClient;
use crate::lambda::function::Function;
use crate::telemetry::logs::Stdout;
use crate::{data_plane::event_queue, endpoints::front_door, environment::lifecycle};

/// Everything that an emulator is made from, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) address: BindAddress,
    /// What is behind it.
    pub(crate) front_door: front_door::FrontDoorSettings,
    /// The APIs in front of the functions.
    pub(crate) apis: Vec<Api>,
    /// What management calls tell of the account.
    pub(crate) account: configuration::AccountLimit,
    /// What all functions share.
    pub(crate) limits: AccountLimits,
    /// The functions; at least one.
    pub(crate) functions: Vec<FunctionConfig>,
    /// Whether the function's own calls to Lambda come here.
    pub(crate) local_endpoints: bool,
    /// Where logs go.
    pub(crate) logs: LogConfig,
    /// How the functions' processes are treated.
    pub(crate) processes: ProcessConfig,
}

/// Where an emulator listens.
#[derive(Clone, Debug)]
pub(crate) struct BindAddress {
    /// The address or name of this machine, which the ports of APIs share.
    pub(crate) host: String,
    /// The port of the Lambda API.
    pub(crate) port: Port,
}

/// Where the logs of functions go.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    /// What stdout shows of them.
    pub(crate) stdout: Stdout,
    /// A folder for log files.
    pub(crate) folder: Option<PathBuf>,
}

/// How the processes of functions are treated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessConfig {
    /// What ends them when mtl is killed.
    pub(crate) watchdog: Watchdog,
    /// The soft limit of open files that they get, where it isn't mtl's own.
    pub(crate) function_file_descriptors: Option<u64>,
}

/// What ends the processes of functions when mtl is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watchdog {
    /// The program of this process, which is `mtl`, started another time.
    OwnProgram,
    /// Nothing, since this process is a program that embeds the emulator: they are left behind then.
    Absent,
}

/// A function with all that is its own.
#[derive(Debug)]
pub(crate) struct FunctionConfig {
    /// What management calls tell of it.
    pub(crate) management: configuration::ManagedSettings,
    /// The function itself.
    pub(crate) function: Function,
    /// Where its runtimes come from.
    pub(crate) runtime: Runtime,
    /// How long the phases of its environments last.
    pub(crate) lifecycle: lifecycle::PhaseLimits,
    /// What it may have of the account.
    pub(crate) limits: FunctionLimits,
    /// How its asynchronous invocations are treated.
    pub(crate) events: event_queue::EventQueueSettings,
    /// The external extensions of its environments.
    pub(crate) extensions: Vec<PathBuf>,
    /// The folder in which its environments start.
    pub(crate) task_root: PathBuf,
}

impl FunctionConfig {
    /// What management calls tell of it, by its name.
    #[must_use]
    pub(crate) fn management(&self) -> (String, configuration::ManagedSettings) {
        (self.function.name.clone(), self.management)
    }
}

/// An API in front of functions.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// The port to listen on, at the same host.
    pub(crate) port: Port,
    /// The API.
    pub(crate) api: RestApi,
}

/// Where the runtimes of a function come from.
#[derive(Debug)]
pub(crate) enum Runtime {
    /// They are its command.
    Command,
    /// They run its handler, under a debugger or not. Its command is then the client's.
    Handler {
        /// What runs it.
        client: RuntimeClient,
        /// Whether a debugger may attach.
        debugged: bool,
    },
    /// The user starts so many.
    Attached(usize),
}

/// A port to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// This one and no other; 0 is any free one.
    Asked(u16),
    /// This one, or a free one when it is taken.
    Preferred(u16),
}

impl Port {
    /// The one for what comes next to this; a free one is as good.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Asked(0) => self,
            Self::Asked(port) | Self::Preferred(port) => Self::Preferred(port.saturating_add(1)),
        }
    }
}
