//! A command of the user's in a shell, with all that it starts: it gets signals as a whole, and ends as a
//! whole when nobody waits for it any more.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _};
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

/// A command that runs. It is killed with the value, unless it has ended.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    /// Its process, while it runs.
    running: Option<Pid>,
    group: ProcessGroup,
}

/// The process group of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessGroup {
    /// A signal reaches all that the command has started.
    Own,
    /// The command shares the terminal with mtl: it can read what is typed, and Ctrl-C reaches both.
    OfMtl,
}

impl ProcessGroup {
    /// For a command that may ask its user something, if there is one.
    pub(super) fn for_questions() -> Self {
        if io::stdin().is_terminal() { Self::OfMtl } else { Self::Own }
    }
}

impl Shell {
    /// Starts `/bin/sh -c COMMAND`.
    ///
    /// # Errors
    ///
    /// When there is no shell, or no process can be started.
    pub(super) fn start(command: &mut Command, group: ProcessGroup) -> io::Result<Self> {
        if group == ProcessGroup::Own {
            command.process_group(0);
        }
        let child = command.kill_on_drop(true).spawn()?;
        let running = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok(Self { child, running, group })
    }

    /// Waits for its end. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// When the system can't tell.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.running = None;
        Ok(status)
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let Some(pid) = self.running else { return };
        // It may have ended just now.
        let _ = if self.has_group() {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
    }

    /// Whether it has a process group of its own.
    #[must_use]
    pub(super) fn has_group(&self) -> bool {
        self.group == ProcessGroup::Own
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// The shell that runs a command.
#[must_use]
pub(super) fn shell(command: &OsStr) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command);
    shell
}
