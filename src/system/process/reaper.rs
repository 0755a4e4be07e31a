//! The table of the processes that lead an environment's group, and the only place that reaps them.
//! A process id is the process's own until it is reaped, so every signal is sent under the table's
//! lock to what is still in the table: no signal can hit a process that got a used id.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group, waitid,
    waitpid,
};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use crate::system::watchdog::link::Link;

/// How a process ended, once it has.
pub(crate) type Exit = watch::Receiver<Option<ExitStatus>>;

/// The leaders that run, or have ended and are not reaped yet.
#[derive(Debug)]
pub(crate) struct Table {
    leaders: Mutex<HashMap<Pid, watch::Sender<Option<ExitStatus>>>>,
    watchdog: Arc<Mutex<Link>>,
    watchdog_runs: watch::Sender<bool>,
}

impl Table {
    /// An empty table whose groups the watchdog is told of.
    #[must_use]
    pub(crate) fn new(watchdog: Arc<Mutex<Link>>) -> Self {
        let runs = watchdog.lock().unwrap_or_else(PoisonError::into_inner).pid().is_some();
        Self { leaders: Mutex::default(), watchdog, watchdog_runs: watch::Sender::new(runs) }
    }

    /// Reaps on every SIGCHLD until the handle is dropped.
    ///
    /// # Errors
    ///
    /// When the signal can't be listened to.
    pub(crate) fn reap_in_background(self: &Arc<Self>) -> io::Result<AbortOnDropHandle<()>> {
        let mut deaths = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child())?;
        let table: Weak<Self> = Arc::downgrade(self);
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            // Once without being asked, as a child may have ended before the signal was listened to.
            while let Some(table) = table.upgrade() {
                table.reap();
                drop(table);
                if deaths.recv().await.is_none() {
                    return;
                }
            }
        })))
    }

    /// Runs `spawn` and enters what it started, with no chance for its end to be missed.
    ///
    /// # Errors
    ///
    /// When `spawn` fails.
    pub(crate) fn enter(
        &self,
        spawn: impl FnOnce() -> io::Result<Child>,
    ) -> io::Result<(Pid, Exit)> {
        let mut leaders = self.leaders();
        let pid = Pid::from_child(&spawn()?);
        self.watchdog().remember_group(pid);
        let exit = watch::Sender::new(None);
        let receiver = exit.subscribe();
        leaders.insert(pid, exit);
        Ok((pid, receiver))
    }

    /// Sends a signal to the whole group that `leader` leads, unless the leader has been reaped: its
    /// group was killed then.
    pub(crate) fn signal(&self, leader: Pid, signal: Signal) {
        let leaders = self.leaders();
        if !leaders.contains_key(&leader) {
            return;
        }
        let group = kill_process_group(leader, signal);
        // The leader may have moved to another group, and a second SIGKILL changes nothing. An error
        // means that the receiver has ended already.
        if group.is_err() || signal == Signal::KILL {
            let _ = kill_process(leader, signal);
        }
    }

    /// Whether there is a watchdog: `false` after it ended for good.
    #[must_use]
    pub(crate) fn watchdog_runs(&self) -> watch::Receiver<bool> {
        self.watchdog_runs.subscribe()
    }

    /// Reaps the leaders that have ended. Each is asked for by its id, as mtl may have other children
    /// too; the question costs less than a microsecond.
    fn reap(&self) {
        let mut leaders = self.leaders();
        leaders.retain(|pid, exit| {
            if !has_ended(*pid) {
                return true;
            }
            // The rest of the group first, while the dead leader still keeps the number taken.
            let _ = kill_process_group(*pid, Signal::KILL);
            self.watchdog().forget_group(*pid);
            let Some(status) = take_status(*pid) else { return true };
            debug!(pid = pid.as_raw_pid(), %status, "process ended");
            exit.send_replace(Some(status));
            false
        });
        self.reap_watchdog();
    }

    fn reap_watchdog(&self) {
        let mut watchdog = self.watchdog();
        if let Some(pid) = watchdog.pid()
            && let Some(status) = take_status(pid)
        {
            watchdog.ended(status);
            self.watchdog_runs.send_replace(watchdog.pid().is_some());
        }
    }

    fn leaders(&self) -> MutexGuard<'_, HashMap<Pid, watch::Sender<Option<ExitStatus>>>> {
        self.leaders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watchdog(&self) -> MutexGuard<'_, Link> {
        self.watchdog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a child has ended; it stays unreaped.
fn has_ended(child: Pid) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::Pid(child), look), Ok(Some(_)))
}

/// Reaps a child if it has ended.
fn take_status(child: Pid) -> Option<ExitStatus> {
    let (_, status) = waitpid(Some(child), WaitOptions::NOHANG).ok()??;
    Some(ExitStatus::from_raw(status.as_raw()))
}
