//! Starting processes, and the handle of one.

use std::fs::File;
use std::future::Future;
use std::io::{self, PipeReader, PipeWriter};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::net::unix::pipe::Receiver;
use tokio::time::error::Elapsed;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use crate::system::notifier::Notifier;
use crate::system::process::launch::{Launch, SpawnError};
use crate::system::process::limits::spawn_with_soft_limit;
use crate::system::process::reaper::{Exit, Table};
use crate::system::process::sweeper::Sweeper;
use crate::system::watchdog::link::{Link, Loss, Program};

/// How long [`Processes::close`] waits for the watchdog, which looks for what is left meanwhile.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// What starts the processes of environments and guards them. Cheap to clone; one is made per mtl.
#[derive(Clone, Debug)]
pub(crate) struct Processes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Arc<Table>,
    watchdog: Arc<Mutex<Link>>,
    sweeper: Sweeper,
    function_file_descriptors: Option<u64>,
    _reaper: AbortOnDropHandle<()>,
}

/// What [`Processes::start`] needs to know.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// The program of the watchdog. Without one, functions outlive an mtl that is killed.
    pub(crate) watchdog: Option<Program>,
    /// Is told when a watchdog ended too early.
    pub(crate) losses: Notifier<Loss>,
    /// mtl's temporary folder. The watchdog removes it at the end if mtl could not.
    pub(crate) folder: &'a Path,
    /// The soft limit of open files that functions get, where it isn't mtl's own.
    pub(crate) function_file_descriptors: Option<u64>,
}

impl Processes {
    /// Starts the watchdog, the reaping of processes and the thread that looks for strays. Call it
    /// inside the tokio runtime.
    ///
    /// # Errors
    ///
    /// When one of the three can't be started: functions could outlive mtl then.
    pub(crate) fn start(setup: Setup<'_>) -> io::Result<Self> {
        let link = Link::start(setup.watchdog, setup.folder.into(), setup.losses)?;
        let watchdog = Arc::new(Mutex::new(link));
        let table = Arc::new(Table::new(Arc::clone(&watchdog)));
        let inner = Inner {
            _reaper: table.reap_in_background()?,
            table,
            sweeper: Sweeper::start(Arc::clone(&watchdog))?,
            watchdog,
            function_file_descriptors: setup.function_file_descriptors,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Starts the process of an environment whose Runtime API listens at `runtime_api`, as
    /// `launch.variables` must say. Takes one or two milliseconds, in which this thread waits.
    ///
    /// Afterwards, and also after an error, call [`Processes::sweep`] for the address once the
    /// environment has ended.
    ///
    /// # Errors
    ///
    /// When the program can't be started, with the reason.
    pub(crate) fn spawn(
        &self,
        runtime_api: SocketAddr,
        launch: &Launch,
    ) -> Result<(Process, ProcessPipes), SpawnError> {
        let program = launch.program()?;
        self.watchdog().remember_runtime_api(runtime_api);
        let spawned = self.spawn_program(&program, launch);
        let (process, pipes) = spawned.map_err(|source| launch.explain(program, source))?;
        debug!(pid = process.pid.as_raw_pid(), %runtime_api, "process started");
        Ok((process, pipes))
    }

    fn spawn_program(
        &self,
        program: &PathBuf,
        launch: &Launch,
    ) -> io::Result<(Process, ProcessPipes)> {
        let (output, stdout, stderr) = ProcessPipes::pipes()?;
        let mut command = Command::new(program);
        // A path that was looked up here, and no code to run between fork and exec: so the standard
        // library uses posix_spawn, which costs the same however much memory mtl has.
        command
            .arg0(launch.argv0.as_ref().unwrap_or(&launch.command[0]))
            .args(&launch.command[1..])
            .env_clear()
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(&launch.directory)
            .process_group(0)
            .stdin(File::open("/dev/null")?)
            .stdout(stdout)
            .stderr(stderr);
        let soft_limit = self.0.function_file_descriptors;
        let (pid, exit) = self.0.table.enter(|| spawn_with_soft_limit(&mut command, soft_limit))?;
        Ok((Process { pid, exit, processes: self.clone() }, output))
    }

    /// Kills what an environment started outside its process group, once the environment's process
    /// has ended: every process of this user whose initial environment names the Runtime API
    /// address. Done, and the address may be used again, when the future is; the work goes on if it
    /// is dropped. On macOS nothing can be found.
    pub(crate) fn sweep(&self, runtime_api: SocketAddr) -> impl Future<Output = ()> + Send + use<> {
        let answer = self.0.sweeper.sweep(runtime_api);
        async move {
            // An error means that the thread is gone, and with it who could still do the work.
            let _ = answer.await;
        }
    }

    /// Lets the watchdog go: it ends whatever it still remembers, and then itself. For mtl's own
    /// stop, when every environment has ended.
    ///
    /// # Errors
    ///
    /// When the watchdog still runs after five seconds. It goes on by itself.
    pub(crate) async fn close(&self) -> Result<(), Elapsed> {
        self.watchdog().close();
        let mut runs = self.0.table.watchdog_runs();
        let ended = runs.wait_for(|runs| !runs);
        tokio::time::timeout(CLOSE_PATIENCE, ended).await.map(drop)
    }

    pub(crate) fn watchdog(&self) -> MutexGuard<'_, Link> {
        self.0.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process writes. Both end when the last process that holds them has ended, which may be
/// one that left the group.
#[derive(Debug)]
pub(crate) struct ProcessPipes {
    /// Its standard output.
    pub(crate) stdout: Receiver,
    /// Its standard error.
    pub(crate) stderr: Receiver,
}

impl ProcessPipes {
    fn pipes() -> io::Result<(Self, PipeWriter, PipeWriter)> {
        let (stdout, stdout_writer) = io::pipe()?;
        let (stderr, stderr_writer) = io::pipe()?;
        let receiver = |pipe: PipeReader| Receiver::from_owned_fd(pipe.into());
        let output = Self { stdout: receiver(stdout)?, stderr: receiver(stderr)? };
        Ok((output, stdout_writer, stderr_writer))
    }
}

/// One process with its group. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    exit: Exit,
    processes: Processes,
}

impl Process {
    /// The id of the process, which is also that of its group. Once [`Process::exited`] has
    /// answered, the system may give it to another process.
    #[must_use]
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends SIGKILL to the whole group; nothing happens after the process was reaped.
    pub(crate) fn kill(&self) {
        self.processes.0.table.signal(self.pid, Signal::KILL);
    }

    /// Sends SIGTERM to the whole group; nothing happens after the process was reaped.
    pub(crate) fn terminate(&self) {
        self.processes.0.table.signal(self.pid, Signal::TERM);
    }

    /// How the process ended, once it has; the rest of its group is killed then. May be dropped and
    /// called again at any time.
    pub(crate) async fn exited(&mut self) -> ExitStatus {
        match self.exit.wait_for(Option::is_some).await.map(|status| *status) {
            Ok(Some(status)) => status,
            // The sender is dropped only after it has sent.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
