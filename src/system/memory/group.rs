//! The memory of process groups: how much there is now, and the most that there was.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::process::Pid;
use tokio::sync::watch;

use crate::system::procfs::{Resident, Stat, StatusFile, processes, proportional_set_size};

/// One process group that is watched.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    /// What tells the leader's memory, from the first time on that somebody asks.
    status: OnceLock<StatusFile>,
    limit: Option<u64>,
    peak: AtomicU64,
    exceeded: watch::Sender<bool>,
}

impl Group {
    /// A group that was not measured yet. The limit is in bytes.
    #[must_use]
    pub(crate) fn new(leader: Pid, limit: Option<u64>) -> Self {
        Self {
            leader,
            status: OnceLock::new(),
            limit,
            peak: AtomicU64::new(0),
            exceeded: watch::Sender::new(false),
        }
    }

    /// The most that was seen, in bytes; `None` before anything was.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        Some(self.peak.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Answers once more than the limit was seen.
    pub(crate) async fn exceeded(&self) {
        if self.limit.is_none() {
            return pending().await;
        }
        // The sender lives as long as the group, so this can't be an error.
        let _ = self.exceeded.subscribe().wait_for(|exceeded| *exceeded).await;
    }

    fn saw(&self, bytes: u64) {
        self.peak.fetch_max(bytes, Ordering::Relaxed);
        if self.limit.is_some_and(|limit| bytes > limit) {
            self.exceeded.send_if_modified(|exceeded| !std::mem::replace(exceeded, true));
        }
    }

    /// Takes in what the system knows of the leader alone.
    pub(crate) fn ask_leader(&self) {
        if let Some(resident) = self.status().and_then(StatusFile::resident) {
            self.saw(resident.peak);
        }
    }

    fn status(&self) -> Option<&StatusFile> {
        if self.status.get().is_none() {
            // Another thread may have been faster.
            let _ = self.status.set(StatusFile::open(self.leader)?);
        }
        self.status.get()
    }

    fn measure(&self, members: &[Pid]) {
        self.ask_leader();
        if members.len() < 2 {
            return;
        }
        let resident = members.iter().filter_map(|pid| Resident::read(*pid));
        let with_shared_pages_many_times: u64 = resident.map(|resident| resident.now).sum();
        // Counting shared pages once takes the kernel long and never gives more.
        if Some(with_shared_pages_many_times) > self.peak() {
            let sizes = members.iter().filter_map(|pid| proportional_set_size(*pid));
            self.saw(sizes.sum());
        }
    }
}

/// Measures the groups now, with one look at the list of processes.
pub(crate) fn measure(groups: &[Arc<Group>]) {
    if groups.is_empty() {
        return;
    }
    let mut members: HashMap<Pid, Vec<Pid>> =
        groups.iter().map(|group| (group.leader, Vec::new())).collect();
    for pid in processes().into_iter().flatten() {
        let group = Stat::read(pid).map(|stat| stat.group);
        if let Some(members) = group.and_then(|group| members.get_mut(&group)) {
            members.push(pid);
        }
    }
    for group in groups {
        group.measure(&members[&group.leader]);
    }
}
