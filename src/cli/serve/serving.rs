//! `mtl serve` from the moment that everything listens until there is a reason to stop: a signal, or
//! the end of the command of `--run`.

use std::process::ExitCode;

use rustix::process::Signal;

use super::advice::AdviceLog;
use super::notices::tell;
use super::run_command::RunCommand;
use super::say::say;
use super::signals::Signals;
use crate::emulator::RunningEmulator;

/// What there is while mtl serves.
#[derive(Debug)]
pub(super) struct Serving {
    /// What is served.
    pub(super) emulator: RunningEmulator,
    /// What ends it.
    pub(super) signals: Signals,
    /// What runs meanwhile, if serving is for its sake.
    pub(super) command: Option<RunCommand>,
    /// What the user was told already.
    pub(super) advice: AdviceLog,
}

/// Why it is time to stop.
#[derive(Debug)]
pub(super) enum StopReason {
    /// A signal came, and there is no command that decides what becomes of it.
    Signal,
    /// The command has ended.
    CommandEnded(ExitCode),
    /// A second signal came while the command still ran.
    SecondSignal(Signal),
}

impl Serving {
    /// Serves until there is a reason to stop.
    ///
    /// # Errors
    ///
    /// When the system can't tell whether the command has ended.
    pub(super) async fn until_stopped(&mut self) -> anyhow::Result<StopReason> {
        let reason = self.until_reason().await?;
        for notice in self.emulator.pending_notices() {
            tell(&notice, &mut self.advice);
        }
        Ok(reason)
    }

    async fn until_reason(&mut self) -> anyhow::Result<StopReason> {
        let mut was_signaled = false;
        loop {
            tokio::select! {
                signal = self.signals.next() => match &self.command {
                    None => return Ok(StopReason::Signal),
                    // What runs decides what becomes of the first signal. A second one ends it.
                    Some(command) if !was_signaled => {
                        was_signaled = true;
                        command.signal(signal);
                        say("waiting for the end of the command; a second signal ends it at once");
                    }
                    Some(_) => return Ok(StopReason::SecondSignal(signal)),
                },
                code = ended(self.command.as_mut()) => return Ok(StopReason::CommandEnded(code?)),
                notice = self.emulator.notice() => tell(&notice, &mut self.advice),
            }
        }
    }
}

async fn ended(command: Option<&mut RunCommand>) -> anyhow::Result<ExitCode> {
    match command {
        Some(command) => command.ended().await,
        None => std::future::pending().await,
    }
}
