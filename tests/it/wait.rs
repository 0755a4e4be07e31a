//! Waiting for a condition instead of for a time, and an end for tests that would wait for ever.

use std::io::{Write as _, stderr};
use std::path::Path;
use std::process::{self, Command};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tokio::time::{Instant, sleep};

/// How long any single thing may take. It is far longer than anything should, so that a slow
/// machine fails no test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// How long a whole test may take after it has last started something. Only one that hangs does.
const TEST_DEADLINE: Duration = Duration::from_mins(5);

thread_local! {
    /// Dropped at the end of the thread, which is that of one test.
    static LIMIT: Sender<()> = limit();
}

/// Gives this test five minutes from now. Whatever starts a process calls it, so that a test which
/// waits for ever fails by its name instead of holding up all others.
pub(crate) fn limit_this_test() {
    // The thread that receives it ends only with the test or with the whole program.
    let _ = LIMIT.with(|limit| limit.send(()));
}

fn limit() -> Sender<()> {
    let (sender, receiver) = channel();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        loop {
            match receiver.recv_timeout(TEST_DEADLINE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => end_all(&test),
            }
        }
    });
    sender
}

/// A thread can't be ended, so the whole program is.
fn end_all(test: &str) -> ! {
    let _ = writeln!(stderr(), "test {test} ... FAILED: it hangs, so all tests end here");
    // What the tests have started would live on.
    let _ = Command::new("pkill").args(["-KILL", "-P", &process::id().to_string()]).status();
    process::exit(101)
}

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
