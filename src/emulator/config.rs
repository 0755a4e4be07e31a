//! What an emulator is made from, checked. Knows neither arguments nor what becomes of it.

use std::path::PathBuf;

use crate::api_gateway::api::RestApi;
use crate::function::Function;
use crate::logs::Stdout;
use crate::management_api::configuration;
use crate::runtime_client::RuntimeClient;
use crate::{event_queue, front_door, lifecycle, placement};

/// Everything `serve` was told, checked.
#[derive(Debug)]
pub struct Config {
    /// The address or name to listen on.
    pub host: String,
    /// The port to listen on.
    pub port: Port,
    /// What is behind it.
    pub front_door: front_door::Settings,
    /// The APIs in front of the functions.
    pub apis: Vec<Api>,
    /// What management calls tell of the account.
    pub account: configuration::Account,
    /// The functions; at least one.
    pub functions: Vec<FunctionConfig>,
    /// Whether the function's own calls to Lambda come here.
    pub local_endpoints: bool,
    /// What stdout shows of its logs.
    pub stdout: Stdout,
    /// A folder for log files.
    pub log_dir: Option<PathBuf>,
    /// The soft limit of open files that the function gets, where it isn't mtl's own.
    pub function_file_descriptors: Option<u64>,
}

/// A function with all that is its own.
#[derive(Debug)]
pub struct FunctionConfig {
    /// What management calls tell of it.
    pub management: configuration::Settings,
    /// The function itself.
    pub function: Function,
    /// Where its runtimes come from.
    pub runtime: Runtime,
    /// How long the phases of its environments last.
    pub lifecycle: lifecycle::Limits,
    /// How many environments it has.
    pub placement: placement::Limits,
    /// How its asynchronous invocations are treated.
    pub events: event_queue::Settings,
    /// The external extensions of its environments.
    pub extensions: Vec<PathBuf>,
    /// The folder in which its environments start.
    pub task_root: PathBuf,
}

impl FunctionConfig {
    /// What management calls tell of it, by its name.
    #[must_use]
    pub fn management(&self) -> (String, configuration::Settings) {
        (self.function.name.clone(), self.management)
    }
}

/// An API in front of functions.
#[derive(Clone, Debug)]
pub struct Api {
    /// The port to listen on, at the same host.
    pub port: Port,
    /// The API.
    pub api: RestApi,
}

/// Where the runtimes of a function come from.
#[derive(Debug)]
pub enum Runtime {
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
pub enum Port {
    /// This one and no other; 0 is any free one.
    Asked(u16),
    /// This one, or a free one when it is taken.
    Preferred(u16),
}

impl Port {
    /// The one for what comes next to this; a free one is as good.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Asked(0) => self,
            Self::Asked(port) | Self::Preferred(port) => Self::Preferred(port.saturating_add(1)),
        }
    }
}
