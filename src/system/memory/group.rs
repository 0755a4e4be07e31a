//! The memory of process groups: how much there is now, and the most that there was.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Pid;
use tokio::sync::watch;

use crate::system::procfs::{Resident, Stat, processes, proportional_set_size};

/// One process group that is watched.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    limit: Option<u64>,
    peak: AtomicU64,
    exceeded: watch::Sender<bool>,
}

impl Group {
    /// A group that was not measured yet. The limit is in bytes.
    #[must_use]
    pub(crate) fn new(leader: Pid, limit: Option<u64>) -> Self {
        Self { leader, limit, peak: AtomicU64::new(0), exceeded: watch::Sender::new(false) }
    }

    /// The most that was seen, in bytes; `None` before anything was.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        Some(self.peak.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Answers once more than the limit was seen.
    pub(crate) async fn exceeded(&self) {
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
        if let Some(resident) = Resident::of(self.leader) {
            self.saw(resident.peak);
        }
    }

    fn measure(&self, members: &[Pid]) {
        self.ask_leader();
        if members.len() < 2 {
            return;
        }
        let resident = members.iter().filter_map(|pid| Resident::of(*pid));
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
        let group = Stat::of(pid).map(|stat| stat.group);
        if let Some(members) = group.and_then(|group| members.get_mut(&group)) {
            members.push(pid);
        }
    }
    for group in groups {
        group.measure(&members[&group.leader]);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process_group};

    use super::{Group, measure};
    use crate::system::procfs::{Resident, Stat, processes};

    const MB: u64 = 1024 * 1024;

    struct Script(Child);

    impl Script {
        /// Runs a script as a group of its own until it has written so many lines.
        fn start(script: &str, lines: usize) -> Self {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).process_group(0).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
            for _ in 0..lines {
                output.next().unwrap().unwrap();
            }
            Self(child)
        }

        fn leader(&self) -> Pid {
            Pid::from_child(&self.0)
        }
    }

    impl Drop for Script {
        fn drop(&mut self) {
            let _ = kill_process_group(self.leader(), Signal::KILL);
            let _ = self.0.wait();
        }
    }

    #[test]
    fn every_process_of_a_group_counts() {
        // A pipe that nobody reads holds dd while it has its whole block in memory.
        let hold = "dd if=/dev/zero bs=20M count=1 2>/dev/null | sleep 1000 &";
        let script = Script::start(&format!("{hold} {hold} wait"), 0);
        let group = Arc::new(Group::new(script.leader(), None));
        let start = Instant::now();
        while group.peak() < Some(40 * MB) {
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}", group.peak());
            measure(&[Arc::clone(&group)]);
        }
        assert!(group.peak() < Some(60 * MB), "{:?}", group.peak());
    }

    #[test]
    fn pages_that_processes_share_count_once() {
        let script = Script::start(
            "x=$(dd if=/dev/zero bs=16M count=1 2>/dev/null | tr '\\0' a)
            for i in 1 2 3 4 5 6 7 8 9; do (echo ready; sleep 1000; :) & done; wait",
            9,
        );
        let group = Arc::new(Group::new(script.leader(), None));
        measure(&[Arc::clone(&group)]);

        let leader = script.leader();
        let is_member = |pid: &Pid| Stat::of(*pid).is_some_and(|stat| stat.group == leader);
        let members = processes().unwrap().filter(is_member);
        let many_times: u64 = members.filter_map(Resident::of).map(|memory| memory.now).sum();
        assert!(many_times > 160 * MB, "{many_times}");
        let once = group.peak().unwrap();
        assert!(once > 16 * MB && once < 80 * MB, "{once}");
    }
}
