//! The memory of real process groups.

use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::timeout;

use crate::system::memory::MemoryMonitor;
use crate::system::memory::group::{Group, measure};
use crate::system::procfs::{Resident, Stat, processes};

const MB: u64 = 1024 * 1024;

async fn soon(future: impl Future<Output = ()>) {
    timeout(Duration::from_secs(20), future).await.expect("it should be soon");
}

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
    let is_member = |pid: &Pid| Stat::read(*pid).is_some_and(|stat| stat.group == leader);
    let members = processes().unwrap().filter(is_member);
    let many_times: u64 = members.filter_map(Resident::read).map(|memory| memory.now).sum();
    assert!(many_times > 160 * MB, "{many_times}");
    let once = group.peak().unwrap();
    assert!(once > 16 * MB && once < 80 * MB, "{once}");
}

#[tokio::test]
async fn the_owner_of_an_active_group_hears_when_it_has_too_much() {
    // Its own stdout holds dd while it has its whole block in memory.
    let mut dd = Command::new("dd")
        .args(["if=/dev/zero", "bs=20M", "count=1"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let leader = Pid::from_child(&dd);
    let monitor = MemoryMonitor::start().unwrap();
    let active = monitor.watch(leader, Some(10 * MB));
    let inactive = monitor.watch(leader, Some(10 * MB));
    let unlimited = monitor.watch(leader, None);
    active.activate();
    unlimited.activate();

    soon(active.exceeded()).await;
    assert!(active.peak() > Some(10 * MB));
    assert!(timeout(Duration::ZERO, inactive.exceeded()).await.is_err());
    active.deactivate();
    inactive.activate();
    soon(inactive.exceeded()).await;
    soon(active.exceeded()).await;
    assert!(timeout(Duration::ZERO, unlimited.exceeded()).await.is_err());

    drop(active);
    drop(inactive);
    unlimited.deactivate();
    dd.kill().unwrap();
    dd.wait().unwrap();
    let peak = unlimited.peak();
    assert!(peak > Some(10 * MB) && peak < Some(40 * MB), "{peak:?}");
}

#[test]
fn a_group_that_was_never_seen_has_no_peak() {
    let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let leader = Pid::from_child(&child);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(MemoryMonitor::start().unwrap().watch(leader, None).peak(), None);
}
