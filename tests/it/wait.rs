//! Waiting for a condition instead of for a time.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tokio::time::{Instant, sleep};

/// How long any single thing may take. It is far longer than anything should, so that a slow
/// machine fails no test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited {DEADLINE:?} until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a file.
pub(crate) async fn file(path: &Path) {
    eventually(&format!("`{}` is there", path.display()), || path.exists()).await;
}

/// Waits until a process is gone.
pub(crate) async fn end_of(pid: u64) {
    eventually(&format!("process {pid} is gone"), || !is_running(pid)).await;
}

/// Whether a process is there and is not a zombie, which only its parent could remove.
pub(crate) fn is_running(pid: u64) -> bool {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // The name in parentheses may have any character, the state comes after it.
        return !matches!(stat.rsplit_once(") "), Some((_, state)) if state.starts_with(['Z', 'X']));
    }
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}
