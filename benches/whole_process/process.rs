//! Processes: how much memory they take, and the end of them with all their descendants.

use std::fs;
use std::process::Child;
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
};

/// How long a server may take to end, with thousands of environments.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process. Its number alone may be another one's later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pid: i32,
    parent: i32,
    /// When it started, in clock ticks since the machine did.
    started: u64,
    ended: bool,
}

/// Makes this process the parent of descendants whose own parents end, so that none is lost.
pub(crate) fn adopt_orphans() -> Result<(), String> {
    set_child_subreaper(Some(getpid())).map_err(|it| format!("orphans can't be adopted: {it}"))
}

/// Waits for a condition.
pub(crate) fn wait_until(
    patience: Duration,
    mut holds: impl FnMut() -> bool,
) -> Result<(), String> {
    let end = Instant::now() + patience;
    while !holds() {
        if Instant::now() > end {
            return Err(format!("not within {} s", patience.as_secs()));
        }
        park_timeout(Duration::from_millis(5));
    }
    Ok(())
}

/// Ends a child and all its descendants: politely, then not.
pub(crate) fn end(child: &mut Child) {
    let descendants = descendants(child.id());
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    if wait_until(PATIENCE, || matches!(child.try_wait(), Ok(Some(_)) | Err(_))).is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    kill(&descendants);
}

/// Ends whatever is left of a row.
pub(crate) fn end_all() {
    kill(&descendants(std::process::id()));
}

/// How many descendants of that name a process has.
pub(crate) fn count(pid: u32, name: &str) -> usize {
    let is_named = |process: &&Process| {
        let found = fs::read_to_string(format!("/proc/{}/comm", process.pid));
        found.is_ok_and(|found| found.trim_end() == name)
    };
    descendants(pid).iter().filter(|process| !process.ended).filter(is_named).count()
}

fn kill(processes: &[Process]) {
    for process in processes {
        let Some(pid) = Pid::from_raw(process.pid) else { continue };
        if read(process.pid).is_some_and(|now| now.started == process.started) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    for process in processes {
        let Some(pid) = Pid::from_raw(process.pid) else { continue };
        // Fails for those that aren't orphans yet, whom their own parents reap.
        let _ = wait_until(Duration::from_secs(1), || {
            !matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None))
        });
    }
}

fn descendants(pid: u32) -> Vec<Process> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: Vec<Process> =
        names.filter_map(|it| read(it.file_name().to_str()?.parse().ok()?)).collect();
    let mut parents = vec![i32::try_from(pid).unwrap_or(-1)];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid);
            found.push(*process);
        }
    }
    found
}

fn read(pid: i32) -> Option<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have spaces and parentheses of its own.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
        ended: *fields.first()? == "Z",
    })
}

/// What of its memory is in use now, in KB.
pub(crate) fn memory(pid: u32) -> Result<f64, String> {
    status(pid, "VmRSS:")
}

/// What was in use at most, in KB.
pub(crate) fn peak_memory(pid: u32) -> Result<f64, String> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, field: &str) -> Result<f64, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|it| it.to_string())?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB"));
    value.and_then(|it| it.parse().ok()).ok_or_else(|| format!("no {field} of process {pid}"))
}
