//! `mtl completions`: the completion script of a shell, as clap writes it.

use std::io::{self, ErrorKind, Write as _};

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::Shell;

use super::Cli;
use super::failure::{Exit, Failure};

/// The arguments of `mtl completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell; PowerShell also runs on Linux and macOS
    #[arg(value_name = "SHELL")]
    shell: ShellName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl From<ShellName> for Shell {
    fn from(name: ShellName) -> Self {
        match name {
            ShellName::Bash => Self::Bash,
            ShellName::Zsh => Self::Zsh,
            ShellName::Fish => Self::Fish,
            ShellName::Elvish => Self::Elvish,
            ShellName::Powershell => Self::PowerShell,
        }
    }
}

/// Writes the script to stdout.
///
/// # Errors
///
/// When stdout can't be written; a closed pipe is no error.
pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(Shell::from(args.shell), &mut Cli::command(), "mtl", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("failed to write to stdout").into())
        }
        _ => Ok(Exit::Done),
    }
}
