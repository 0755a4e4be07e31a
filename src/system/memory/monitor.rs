//! The thread that looks at the process groups which are active, keeps the most that each had, and
//! tells the owner of one that has more than it may.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{Pid, getpid};

use crate::system::memory::group::{Group, measure};
use crate::system::procfs::proportional_set_size;

/// How long the thread waits between two measurements, and before the first, so that a short
/// invocation costs none.
const INTERVAL: Duration = Duration::from_millis(50);

/// How often it looks for an active group in vain before it has to be woken for the next: waking it
/// for each of many short invocations would cost them more than the looking does.
const IDLE_TURNS: u32 = 20;

/// Where measuring takes long, it is done less often: it has one part in so many of a processor.
const SHARE: u32 = 20;

/// Whether the system tells how much memory another process uses: Linux since 4.14, where `/proc` is
/// there.
#[must_use]
pub(crate) fn supported() -> bool {
    proportional_set_size(getpid()).is_some()
}

/// The way to the thread that measures. Cheap to clone; the thread ends with the last clone and the
/// last [`Watched`]. It sleeps while no group is active.
#[derive(Clone, Debug)]
pub(crate) struct MemoryMonitor(Arc<WatchlistOwner>);

impl MemoryMonitor {
    /// Starts the thread, where measuring is [`supported`].
    ///
    /// # Errors
    ///
    /// When the system refuses another thread.
    pub(crate) fn start() -> io::Result<Self> {
        let watchlist = Arc::new(Watchlist::default());
        if supported() {
            let watchlist = Arc::clone(&watchlist);
            thread::Builder::new().name("memory".into()).spawn(move || run(&watchlist))?;
        }
        Ok(Self(Arc::new(WatchlistOwner(watchlist))))
    }

    /// Watches the process group that `leader` leads, and counts it as inactive at first. `limit` is
    /// the most memory that it may have, in bytes.
    #[must_use]
    pub(crate) fn watch(&self, leader: Pid, limit: Option<u64>) -> Watched {
        Watched { group: Arc::new(Group::new(leader, limit)), monitor: self.clone() }
    }
}

/// The memory of one process group. Dropping it ends the watch.
#[derive(Debug)]
pub(crate) struct Watched {
    group: Arc<Group>,
    monitor: MemoryMonitor,
}

impl Watched {
    /// Measures the group from now on, since it does something and its memory may grow.
    pub(crate) fn activate(&self) {
        let watchlist = &self.monitor.0.0;
        let mut state = watchlist.state();
        state.active.retain(|group| !Arc::ptr_eq(group, &self.group));
        state.active.push(Arc::clone(&self.group));
        if std::mem::take(&mut state.asleep) {
            watchlist.changed.notify_one();
        }
    }

    /// Measures the group no more, until it is activated again.
    pub(crate) fn deactivate(&self) {
        self.monitor.0.0.state().active.retain(|group| !Arc::ptr_eq(group, &self.group));
    }

    /// The most memory that the group was seen to have since its leader was started, in bytes;
    /// `None` where the system can't tell, or the group ended before it was ever measured. Asks the
    /// system once more, which knows the peak of the leader exactly and that of its children not.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        self.group.ask_leader();
        self.group.peak()
    }

    /// Answers once the group has had more memory than its limit, and at once from then on. Never
    /// answers without a limit. May be dropped and called again at any time.
    pub(crate) async fn exceeded(&self) {
        self.group.exceeded().await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.deactivate();
    }
}

#[derive(Debug)]
struct WatchlistOwner(Arc<Watchlist>);

impl Drop for WatchlistOwner {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_one();
    }
}

#[derive(Debug, Default)]
struct Watchlist {
    state: Mutex<WatchlistState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WatchlistState {
    active: Vec<Arc<Group>>,
    asleep: bool,
    closed: bool,
}

impl WatchlistState {
    /// Whether there is nothing to do.
    fn is_idle(&self) -> bool {
        self.active.is_empty() && !self.closed
    }
}

impl Watchlist {
    fn state(&self) -> MutexGuard<'_, WatchlistState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The groups to measure now; `None` at the end.
    fn active(&self) -> Option<Vec<Arc<Group>>> {
        let state = self.state();
        (!state.closed).then(|| state.active.clone())
    }

    /// Waits until there is a group to measure.
    fn sleep(&self) {
        let mut state = self.state();
        state.asleep = state.is_idle();
        drop(self.changed.wait_while(state, |state| state.is_idle()));
    }
}

fn run(watchlist: &Watchlist) {
    let mut idle_turns = IDLE_TURNS;
    let mut pause = INTERVAL;
    loop {
        if idle_turns >= IDLE_TURNS {
            watchlist.sleep();
        }
        sleep(pause);
        let Some(active) = watchlist.active() else { return };
        idle_turns = if active.is_empty() { idle_turns + 1 } else { 0 };
        let start = Instant::now();
        measure(&active);
        pause = INTERVAL.max(start.elapsed() * SHARE);
    }
}

/// Unlike waiting for a condition, this needs no lock, which others would find taken.
#[expect(clippy::disallowed_methods, reason = "this thread serves nobody")]
fn sleep(pause: Duration) {
    thread::sleep(pause);
}
