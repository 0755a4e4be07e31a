//! The runtime's process: it is started, watched and killed here. What is done when is not decided
//! here.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use crate::environment::launcher::{Launched, Launcher};
use crate::lambda::invocation::failure::Failure;
use crate::system::memory::Watched;
use crate::system::output::Output;
use crate::system::process::Process;
use crate::system::procfs::ports::listening_ports;

/// How often the task yields after a process has ended, so that other tasks read what it had sent.
const TURNS_AFTER_EXIT: u32 = 8;

/// The runtime's process, and what starts the processes of its environment.
#[derive(Debug, Default)]
pub(crate) struct Host {
    launcher: Option<Launcher>,
    running: Option<RuntimeProcess>,
    /// What the process that ran last has written and nobody has read yet.
    output: Option<Output>,
    /// The most memory that the processes before the running one have used, in bytes.
    past_peak: Option<u64>,
}

#[derive(Debug)]
struct RuntimeProcess {
    process: Process,
    watched: Watched,
    /// It was killed so that another one takes its place.
    is_replaced: bool,
}

/// What happened to the runtime's process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostEvent {
    /// It ended, and its group with it.
    Exited(ExitStatus),
    /// It ended after [`Host::kill`].
    Replaced,
    /// Its group uses more memory than the function has.
    MemoryExceeded,
    /// There was output.
    Output,
}

impl Host {
    /// Tells it what starts processes.
    pub(crate) fn open(&mut self, launcher: Launcher) {
        self.launcher = Some(launcher);
    }

    /// What starts processes; `None` where the environment could not be made.
    #[must_use]
    pub(crate) fn launcher(&self) -> Option<&Launcher> {
        self.launcher.as_ref()
    }

    /// Starts the process, if it isn't the user who starts the runtime. Returns where its debugger
    /// listens, if it has one.
    ///
    /// # Errors
    ///
    /// With the failure that its invocation has.
    pub(crate) fn start(&mut self) -> Result<Option<SocketAddr>, Failure> {
        let Some(launcher) = &self.launcher else { return Ok(None) };
        let Some(runtime) = launcher.runtime()? else { return Ok(None) };
        let Launched { process, output, watched, debugger } = runtime;
        self.running = Some(RuntimeProcess { process, watched, is_replaced: false });
        self.output = Some(output);
        Ok(debugger)
    }

    /// Whether the process runs.
    #[must_use]
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// The TCP ports on which the runtime's processes listen.
    #[must_use]
    pub(crate) fn ports(&self) -> Vec<u16> {
        let running = self.running.as_ref();
        running.map(|running| listening_ports(running.process.pid())).unwrap_or_default()
    }

    /// The next thing that happens. Whole lines of output are passed on. Dropping the future loses
    /// nothing.
    pub(crate) async fn event(&mut self, line: impl FnMut(&[u8])) -> HostEvent {
        let Self { running, output, .. } = self;
        let (process, exceeded) = match running {
            Some(RuntimeProcess { process, watched, is_replaced }) => {
                // The memory of a process that is being killed is no concern of the next one.
                (Some(process), Some(watched).filter(|_| !*is_replaced))
            }
            None => (None, None),
        };
        let status = tokio::select! {
            biased;
            status = if_some(process.map(ended)) => status,
            () = if_some(exceeded.map(|watched| watched.exceeded())) => {
                return HostEvent::MemoryExceeded;
            }
            () = if_some(output.as_mut().map(|output| output.read(line))) => {
                return HostEvent::Output;
            }
        };
        self.past_peak = self.peak();
        match self.running.take() {
            Some(RuntimeProcess { is_replaced: true, .. }) => HostEvent::Replaced,
            _ => HostEvent::Exited(status),
        }
    }

    /// Passes on all that the process has written so far.
    pub(crate) fn drain(&mut self, line: impl FnMut(&[u8])) {
        if let Some(output) = &mut self.output {
            output.drain(line);
        }
    }

    /// Kills the runtime's process group, so that another one can take its place.
    pub(crate) fn kill(&mut self) {
        if let Some(running) = &mut self.running {
            running.is_replaced = true;
            running.process.kill();
        }
    }

    /// Measures the memory of the process from now on: it is at work.
    pub(crate) fn resume_measuring(&self) {
        self.running.iter().for_each(|running| running.watched.activate());
    }

    /// Measures the memory of the process no more: it does nothing.
    pub(crate) fn pause_measuring(&self) {
        self.running.iter().for_each(|running| running.watched.deactivate());
    }

    /// The most memory that a runtime of this environment has used at once, in bytes; `None` where
    /// the system can't tell.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        let running = self.running.as_ref().and_then(|running| running.watched.peak());
        self.past_peak.max(running)
    }

    /// Sends SIGTERM to the runtime's process group, kills it after that time, or as soon as `cut`
    /// is there, and passes on what it has written.
    pub(crate) async fn terminate(
        &mut self,
        time: Duration,
        cut: impl Future<Output = ()>,
        line: impl FnMut(&[u8]),
    ) {
        if let Some(RuntimeProcess { process, .. }) = &mut self.running {
            process.terminate();
            tokio::select! {
                _ = process.exited() => {}
                () = cut => {}
                () = tokio::time::sleep(time) => {}
            }
            process.kill();
        }
        self.drain(line);
    }

    /// Kills the runtime's process group, waits for its end, and passes on what it has written.
    pub(crate) async fn end(&mut self, line: impl FnMut(&[u8])) {
        if let Some(RuntimeProcess { process, .. }) = &mut self.running {
            process.kill();
            process.exited().await;
        }
        self.drain(line);
    }

    /// Removes the environment's folder for temporary files.
    pub(crate) async fn remove_temp(self) {
        if let Some(launcher) = self.launcher {
            launcher.remove_temp().await;
        }
    }
}

/// Waits for the end of a process, and until what it sent before its end has been read: that is in the
/// sockets' buffers already, and their tasks need a few turns to pass it on.
async fn ended(process: &mut Process) -> ExitStatus {
    let status = process.exited().await;
    for _ in 0..TURNS_AFTER_EXIT {
        tokio::task::yield_now().await;
    }
    status
}

async fn if_some<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
