//! `--run`: a command that runs while mtl serves, with the addresses in its environment. Its end is
//! mtl's.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use anyhow::Context as _;
use rustix::process::Signal;

use super::shell::{ProcessGroup, Shell, shell};
use crate::cli::failure::Failure;
use crate::emulator::RunningEmulator;
use crate::environment::local_calls::{can_sign, endpoint, placeholder_credentials};

/// The command while it runs. It is killed with the value.
#[derive(Debug)]
pub(crate) struct RunCommand(Shell);

impl RunCommand {
    /// Starts the command in a shell.
    ///
    /// # Errors
    ///
    /// When there is no shell, or no process can be started.
    pub(crate) fn start(command: &OsStr, emulator: &RunningEmulator) -> Result<Self, Failure> {
        // A test that asks its user something must read from the terminal.
        let group = ProcessGroup::for_questions();
        let shell = Shell::start(shell(command).envs(variables(emulator)), group);
        let shell = shell.with_context(|| format!("failed to run `{}`", command.display()))?;
        Ok(Self(shell))
    }

    /// Waits for its end, and returns its exit code as a shell has it. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// When the system can't tell.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<ExitCode> {
        let status = self.0.ended().await.context("failed to wait for the end of the command")?;
        Ok(code(status))
    }

    /// Passes a signal on, unless the terminal has sent it to both.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.0.has_group() || signal != Signal::INT {
            self.0.signal(signal);
        }
    }
}

/// Its exit status, or 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The addresses, as mtl's own commands and AWS's SDKs look for them. An SDK needs credentials and a
/// Region to send anything at all.
fn variables(emulator: &RunningEmulator) -> Vec<(OsString, OsString)> {
    let url = emulator.endpoint();
    let mut variables: Vec<(OsString, OsString)> =
        vec![("MTL_ENDPOINT".into(), url.clone().into())];
    for (number, (name, url)) in emulator.api_endpoints().enumerate() {
        if number == 0 {
            variables.push(("MTL_API_ENDPOINT".into(), url.clone().into()));
        }
        variables.push((format!("MTL_API_ENDPOINT_{name}").into(), url.into()));
    }
    variables.extend(endpoint(&url));
    let inherited: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    if !can_sign(&inherited) {
        variables.extend(placeholder_credentials());
    }
    let has_region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .any(|name| inherited.contains_key(OsStr::new(name)));
    if !has_region {
        let function = emulator.functions().first().function();
        variables.push(("AWS_REGION".into(), function.owner.region.clone().into()));
    }
    variables
}
