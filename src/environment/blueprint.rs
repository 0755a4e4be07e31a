//! What all environments of a function are made from.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::environment::advice::Adviser;
use crate::environment::attachments::Attachments;
use crate::environment::interpreter::Language;
use crate::environment::lifecycle::PhaseLimits;
use crate::lambda::function::Function;
use crate::system::memory::MemoryMonitor;
use crate::system::process::Processes;
use crate::telemetry::logs::LogSink;

/// What all environments of a function have in common.
#[derive(Debug)]
pub(crate) struct Blueprint {
    /// The function they run.
    pub(crate) function: Arc<Function>,
    /// How long their phases last.
    pub(crate) limits: PhaseLimits,
    /// Where their runtimes come from.
    pub(crate) runtimes: Runtimes,
    /// The handler, where one of mtl's own clients or AWS's runs it.
    pub(crate) handler: Option<String>,
    /// The external extensions that are started before the runtime.
    pub(crate) extensions: Vec<PathBuf>,
    /// The folder they start in.
    pub(crate) task_root: PathBuf,
    /// What the environments of all functions have in common.
    pub(crate) shared: SharedParts,
}

/// What the environments of all functions have in common. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct SharedParts {
    /// Where they log.
    pub(crate) logs: LogSink,
    /// What starts their processes.
    pub(crate) processes: Processes,
    /// What measures their memory.
    pub(crate) memory: MemoryMonitor,
    /// The folder that holds their temporary folders.
    pub(crate) temp: PathBuf,
    /// What tells the user what isn't in their logs.
    pub(crate) adviser: Adviser,
    /// Where the functions' own calls to Lambda and CloudWatch go: mtl's URL. Without one they go
    /// where the shell sends them.
    pub(crate) endpoint: Option<String>,
    /// Ends the time that an environment has to shut down.
    pub(crate) kill: CancellationToken,
}

/// Where the runtimes of environments come from.
#[derive(Clone, Debug)]
pub(crate) enum Runtimes {
    /// mtl starts the function's command.
    Command,
    /// mtl starts the function's command under the debugger of this language.
    Debugged(Language),
    /// The user starts them.
    Attached(Attachments),
}
