//! What the user should know before the first invocation.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::cli::serve::args::ServeArgs;
use crate::cli::serve::function_command::FunctionCommand;
use crate::cli::serve::variables;
use crate::emulator::config::{FunctionConfig, Runtime};
use crate::lambda::function::Function;
use crate::system::memory;
use crate::system::process::launch::Launch;

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StartWarning {
    /// The command of a function can't be started now.
    Unstartable {
        /// Why, in the words in which a failed start tells it too.
        reason: String,
        /// What to do.
        help: String,
    },
    /// Anything else, as a sentence.
    Other(String),
}

impl StartWarning {
    /// Why a command can't be started, if that is what it warns of.
    pub(super) fn unstartable(&self) -> Option<&str> {
        match self {
            Self::Unstartable { reason, .. } => Some(reason),
            Self::Other(_) => None,
        }
    }
}

impl From<String> for StartWarning {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

impl Display for StartWarning {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstartable { reason, help } => write!(
                f,
                "{reason}; until it can be started, invocations fail with \
                 Runtime.InvalidEntrypoint\nhelp: {help}"
            ),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl ServeArgs {
    /// What its user should know of a function before the first invocation.
    pub(super) fn warn_of(&self, config: &FunctionConfig, warnings: &mut Vec<StartWarning>) {
        let function = &config.function;
        if let Some(name) = variables::reserved(&function.variables) {
            let name = name.display();
            let text = format!("Lambda sets `{name}` itself, so --env does not change it");
            warnings.push(text.into());
        }
        if let Runtime::Handler { client, .. } = &config.runtime
            && let Some(version) = client.stand_in()
        {
            let (name, runtime) = (&function.name, client.runtime());
            let interpreter = client.interpreter();
            let text = format!(
                "{name} is for {runtime}, and runs on {version}: that is what `{interpreter}` is here"
            );
            warnings.push(text.into());
        }
        if !matches!(config.runtime, Runtime::Attached(_)) {
            warnings.extend(unstartable(function, &config.task_root));
        }
        if self.function.memory_size.is_some() && !memory::supported() {
            warnings.push(
                "this system doesn't tell the memory of other processes, so --memory-size is not \
                 enforced"
                    .to_owned()
                    .into(),
            );
        }
    }
}

/// A command that can't be started doesn't end `serve`: it may be built a moment later.
fn unstartable(function: &Function, folder: &Path) -> Option<StartWarning> {
    let path = function.variables.iter().rev().find(|(name, _)| name == "PATH").cloned();
    let path = path.or_else(|| std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
    let launch = Launch {
        command: function.program.command.clone(),
        argv0: None,
        variables: path.into_iter().collect(),
        directory: folder.to_owned(),
    };
    let error = launch.check().err()?;
    let help = error.remedy().unwrap_or_else(|| {
        FunctionCommand { words: &function.program.command, handler: None }.help_for_no_start()
    });
    Some(StartWarning::Unstartable { reason: error.to_string(), help })
}
