//! What all environments of a function are made from. Knows no single environment.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::advice::Adviser;
use crate::attachments::Attachments;
use crate::function::Function;
use crate::lifecycle::Limits;
use crate::logs::LogSink;
use crate::memory::MemoryMonitor;
use crate::process::Processes;
use crate::runtime_client::Language;

/// What all environments of a function have in common.
#[derive(Debug)]
pub struct Blueprint {
    /// The function they run.
    pub function: Arc<Function>,
    /// How long their phases last.
    pub limits: Limits,
    /// Where they log.
    pub logs: LogSink,
    /// What starts their processes.
    pub processes: Processes,
    /// What measures their memory.
    pub memory: MemoryMonitor,
    /// The folder that holds their temporary folders.
    pub temp: PathBuf,
    /// Where their runtimes come from.
    pub runtimes: Runtimes,
    /// The handler, where one of mtl's own clients or AWS's runs it.
    pub handler: Option<String>,
    /// What tells the user what isn't in their logs.
    pub adviser: Adviser,
    /// The external extensions that are started before the runtime.
    pub extensions: Vec<PathBuf>,
    /// The folder they start in.
    pub task_root: PathBuf,
    /// Where the function's own calls to Lambda and CloudWatch go: mtl's URL. Without one they go
    /// where the shell sends them.
    pub endpoint: Option<String>,
    /// Ends the time that an environment has to shut down.
    pub kill: CancellationToken,
}

/// Where the runtimes of environments come from.
#[derive(Clone, Debug)]
pub enum Runtimes {
    /// mtl starts the function's command.
    Command,
    /// mtl starts the function's command under the debugger of this language.
    Debugged(Language),
    /// The user starts them.
    Attached(Attachments),
}
