//! mtl's end of the pipe to the watchdog: starts the watchdog, tells it what it must remember, and
//! starts another one if it ends. Keeps everything that a new one must be told. It reaps nothing:
//! its owner reports the end of a watchdog's process.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process};
use tracing::debug;

use crate::system::notifier::Notifier;
use crate::system::watchdog::message::Message;

/// What the watchdog's process is called, in `argv[0]` and where Linux shows a process's name: not
/// `mtl`, so that `pkill mtl` and `killall mtl` don't end it together with what it watches. Linux
/// shows 15 characters at most.
pub(crate) const PROCESS_NAME: &str = "lambda-watchdog";

/// How many watchdogs may replace one that ended. More of them would end the same way.
const MAXIMUM_RESTARTS: u32 = 10;

/// The program that runs as the watchdog.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its `argv[0]`.
    pub(crate) argv0: OsString,
    /// Its further arguments.
    pub(crate) arguments: Vec<OsString>,
}

impl Program {
    /// The binary of this process.
    ///
    /// # Errors
    ///
    /// When the system doesn't tell where that is.
    pub(crate) fn own() -> io::Result<Self> {
        // Linux names the file that runs even after another one was put in its place.
        let own = PathBuf::from("/proc/self/exe");
        Ok(Self::at(if own.exists() { own } else { std::env::current_exe()? }))
    }

    /// The binary of mtl at `path`.
    #[must_use]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, argv0: PROCESS_NAME.into(), arguments: Vec::new() }
    }

    /// Nothing is inherited, and the group is its own so that Ctrl-C reaches mtl alone.
    fn start(&self) -> io::Result<(Pid, ChildStdin)> {
        let mut command = Command::new(&self.path);
        command.arg0(&self.argv0).args(&self.arguments).env_clear().current_dir("/");
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((Pid::from_child(&child), pipe))
    }
}

/// What became of a watchdog that ended before mtl.
#[derive(Debug)]
pub(crate) enum Loss {
    /// Another one has taken its place and knows everything it knew.
    Replaced {
        /// How it ended.
        status: ExitStatus,
    },
    /// There is none now: if mtl is killed, functions stay behind.
    Final {
        /// How the last one ended.
        status: ExitStatus,
        /// Why no other could be started; `None` when too many have ended already.
        source: Option<io::Error>,
    },
}

/// The connection to the watchdog that runs now.
#[derive(Debug)]
pub(crate) struct Link {
    program: Option<Program>,
    restarts_left: u32,
    losses: Notifier<Loss>,
    watchdog: Watchdog,
    folder: PathBuf,
    runtime_apis: BTreeSet<SocketAddr>,
    groups: HashSet<Pid>,
}

#[derive(Debug)]
enum Watchdog {
    Running { pid: Pid, pipe: ChildStdin },
    Closing { pid: Pid },
    Ended,
}

impl Link {
    /// Starts a watchdog that removes `folder` at the end. Without a program there is none, and what
    /// it would be told goes nowhere.
    ///
    /// # Errors
    ///
    /// When the program can't be started.
    pub(crate) fn start(
        program: Option<Program>,
        folder: PathBuf,
        losses: Notifier<Loss>,
    ) -> io::Result<Self> {
        let mut link = Self {
            program,
            restarts_left: MAXIMUM_RESTARTS,
            losses,
            watchdog: Watchdog::Ended,
            folder,
            runtime_apis: BTreeSet::new(),
            groups: HashSet::new(),
        };
        link.watchdog = link.start_watchdog()?;
        Ok(link)
    }

    /// The process of the watchdog, until [`Link::ended`] was told its end.
    #[must_use]
    pub(crate) fn pid(&self) -> Option<Pid> {
        match self.watchdog {
            Watchdog::Running { pid, .. } | Watchdog::Closing { pid } => Some(pid),
            Watchdog::Ended => None,
        }
    }

    /// Processes that name this Runtime API address may be started from now on.
    pub(crate) fn remember_runtime_api(&mut self, address: SocketAddr) {
        if self.runtime_apis.insert(address) {
            self.tell(&Message::RuntimeApi(address));
        }
    }

    /// No process that names this address is left.
    pub(crate) fn forget_runtime_api(&mut self, address: SocketAddr) {
        if self.runtime_apis.remove(&address) {
            self.tell(&Message::ForgetRuntimeApi(address));
        }
    }

    /// A process group was started.
    pub(crate) fn remember_group(&mut self, group: Pid) {
        self.groups.insert(group);
        self.tell(&Message::Group(group));
    }

    /// A process group was killed. Call it while its leader isn't reaped yet: afterwards the number
    /// may be another's, and the watchdog must not know it any more.
    pub(crate) fn forget_group(&mut self, group: Pid) {
        self.groups.remove(&group);
        self.tell(&Message::ForgetGroup(group));
    }

    /// Takes note that the watchdog's process ended, and starts another one unless the link was
    /// closed.
    pub(crate) fn ended(&mut self, status: ExitStatus) {
        let Watchdog::Running { .. } = std::mem::replace(&mut self.watchdog, Watchdog::Ended)
        else {
            return;
        };
        let loss = match self.restart() {
            Ok(()) => Loss::Replaced { status },
            Err(source) => Loss::Final { status, source },
        };
        match &loss {
            Loss::Replaced { status } => debug!(%status, "the watchdog ended and was replaced"),
            Loss::Final { status, source } => {
                debug!(%status, ?source, "the watchdog ended and can't be replaced");
            }
        }
        self.losses.notify(loss);
    }

    /// Closes the pipe: the watchdog ends what it remembers, and then itself.
    pub(crate) fn close(&mut self) {
        if let Watchdog::Running { pid, .. } = self.watchdog {
            self.watchdog = Watchdog::Closing { pid };
        }
    }

    fn restart(&mut self) -> Result<(), Option<io::Error>> {
        self.restarts_left = self.restarts_left.checked_sub(1).ok_or(None)?;
        self.watchdog = self.start_watchdog().map_err(Some)?;
        Ok(())
    }

    fn start_watchdog(&self) -> io::Result<Watchdog> {
        let Some(program) = &self.program else { return Ok(Watchdog::Ended) };
        let (pid, mut pipe) = program.start()?;
        // A new process reads at once, so this may wait for it. One that ends at once is noticed
        // by its end and not here.
        let _ = pipe.write_all(&self.everything());
        // From here on nothing waits for the watchdog. Should the system refuse, writes wait, but
        // dropping the pipe over it would make the watchdog end everything.
        let _ = ioctl_fionbio(&pipe, true);
        Ok(Watchdog::Running { pid, pipe })
    }

    fn everything(&self) -> Vec<u8> {
        let folder = Message::Folder(self.folder.clone());
        let addresses = self.runtime_apis.iter().map(|address| Message::RuntimeApi(*address));
        let groups = self.groups.iter().map(|group| Message::Group(*group));
        let messages = std::iter::once(folder).chain(addresses).chain(groups);
        messages.flat_map(|message| message.encode()).collect()
    }

    /// A message is in the kernel's hands once it is written, so it arrives even if mtl is killed
    /// right afterwards.
    fn tell(&mut self, message: &Message) {
        if let Watchdog::Running { pid, pipe } = &mut self.watchdog
            && pipe.write_all(&message.encode()).is_err()
        {
            // It ended, or it was stopped and left the pipe to fill up. Its end brings another one,
            // which is told everything. The id is still its own: it isn't reaped yet.
            let _ = kill_process(*pid, Signal::KILL);
        }
    }
}
