//! The watchdog as a process of the real binary: what it leaves when the pipe from mtl closes.
//!
//! A message on the pipe is a word, a space and a value, and ends in a zero byte.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use crate::server::Setup;
use crate::wait;

/// The `argv[0]` that makes mtl the watchdog, and the name of its process.
const PROCESS_NAME: &str = "lambda-watchdog";

/// Starts the watchdog with a pipe that is the test's to close.
fn watchdog() -> Child {
    let mut command = Command::new(crate::function::mtl());
    command.arg0(PROCESS_NAME).env_clear().stdin(Stdio::piped()).spawn().unwrap()
}

/// A process group of which the first process writes a line when everything runs.
struct Group {
    leader: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Group {
    fn start(script: &str, variables: &BTreeMap<&str, &str>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).envs(variables).process_group(0).stdout(Stdio::piped());
        let mut leader = command.spawn().unwrap();
        let mut output = BufReader::new(leader.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        Self { leader, output }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.leader)
    }

    /// Waits until no process is left that holds the output.
    fn wait_for_all(mut self) {
        self.output.read_to_end(&mut Vec::new()).unwrap();
        self.leader.wait().unwrap();
    }
}

fn tell(watchdog: &mut Child, messages: &[Vec<u8>]) {
    watchdog.stdin.as_mut().unwrap().write_all(&messages.concat()).unwrap();
}

/// The bytes of one message.
fn message(word: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    [word.as_bytes(), b" ", value.as_ref(), b"\0"].concat()
}

fn number(group: &Group) -> String {
    group.pid().as_raw_pid().to_string()
}

fn close(watchdog: &mut Child) {
    drop(watchdog.stdin.take());
    assert!(watchdog.wait().unwrap().success());
}

#[test]
fn what_is_remembered_ends_with_the_pipe_and_what_is_forgotten_stays() {
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("own");
    fs::create_dir_all(own.join("tmp")).unwrap();
    let remembered = Group::start("(sleep 1000; :) & echo; wait", &BTreeMap::new());
    let mut forgotten = Group::start("echo; exec sleep 1000", &BTreeMap::new());

    let mut watchdog = watchdog();
    let messages = [
        message("folder", own.as_os_str().as_bytes()),
        message("group", number(&remembered)),
        message("group", number(&forgotten)),
        message("forget-group", number(&forgotten)),
    ];
    tell(&mut watchdog, &messages);
    close(&mut watchdog);

    remembered.wait_for_all();
    assert!(!own.exists());
    assert!(forgotten.leader.try_wait().unwrap().is_none());
    kill_process_group(forgotten.pid(), Signal::KILL).unwrap();
    forgotten.wait_for_all();
}

#[cfg(target_os = "linux")]
#[test]
fn processes_that_left_their_group_end_with_the_pipe() {
    // Listening keeps the addresses from being another's.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [remembered, forgotten] = listeners.each_ref().map(|one| one.local_addr().unwrap());
    let api = remembered.to_string();
    let variables = BTreeMap::from([("AWS_LAMBDA_RUNTIME_API", api.as_str())]);
    let stray = Group::start("setsid sh -c 'echo; exec sleep 1000' & exit", &variables);
    // A program that was started when mtl was killed, before the watchdog heard of it.
    let unknown = Group::start("echo; exec sleep 1000", &variables);
    let api = forgotten.to_string();
    let variables = BTreeMap::from([("AWS_LAMBDA_RUNTIME_API", api.as_str())]);
    let mut other = Group::start("echo; exec sleep 1000", &variables);

    let mut watchdog = watchdog();
    let messages = [
        message("api", remembered.to_string()),
        message("api", forgotten.to_string()),
        message("forget-api", forgotten.to_string()),
    ];
    tell(&mut watchdog, &messages);
    close(&mut watchdog);

    stray.wait_for_all();
    unknown.wait_for_all();
    assert!(other.leader.try_wait().unwrap().is_none());
    kill_process_group(other.pid(), Signal::KILL).unwrap();
    other.wait_for_all();
}

#[cfg(target_os = "linux")]
#[test]
fn the_watchdog_has_its_own_name_and_outlives_what_ends_everything() {
    let mut watchdog = watchdog();
    let pid = Pid::from_child(&watchdog);
    let read = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", watchdog.id())).unwrap();
    let start = std::time::Instant::now();
    while read("comm").trim() != PROCESS_NAME {
        assert!(start.elapsed() < Duration::from_secs(30), "it is called {}", read("comm"));
        std::thread::yield_now();
    }
    assert_eq!(read("cmdline"), format!("{PROCESS_NAME}\0"));
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        kill_process(pid, signal).unwrap();
    }
    close(&mut watchdog);
}

#[tokio::test]
async fn the_watchdog_of_an_mtl_that_stops_by_itself_ends_with_it() {
    let mut server = Setup::function(&[]).start().await;
    let answer = server.answer("alice", &json!({ "env": ["TMPDIR"] })).await;
    let temporary = Path::new(answer["variables"]["TMPDIR"].as_str().unwrap());
    // The environment's folder is in mtl's own.
    let own = temporary.parent().unwrap().to_owned();
    assert!(own.exists());
    let [watchdog] = watchdogs_of(server.id())[..] else { panic!("not one watchdog") };

    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    wait::end_of(answer["pid"].as_u64().unwrap()).await;
    assert!(!wait::is_running(watchdog));
    assert!(!own.exists());
    let stderr = server.stderr();
    assert!(!stderr.contains("watchdog"), "{stderr}");
}

/// Those of this mtl.
#[cfg(target_os = "linux")]
fn watchdogs_of(mtl: u32) -> Vec<u64> {
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_one = |pid: &u64| {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        // Its number, its name in parentheses, its state, its parent.
        let beginning = format!("{pid} ({PROCESS_NAME}) ");
        let mut fields = stat.strip_prefix(&beginning).unwrap_or_default().split(' ');
        fields.nth(1) == Some(&mtl.to_string())
    };
    pids.filter(is_one).collect()
}

/// Those of this mtl.
#[cfg(not(target_os = "linux"))]
fn watchdogs_of(mtl: u32) -> Vec<u64> {
    let mut ps = Command::new("ps");
    let output = ps.args(["-A", "-o", "pid=,ppid=,command="]).output().unwrap();
    let processes = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = processes.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (pid, parent, name) = (fields.next()?, fields.next()?, fields.next()?);
        (parent == mtl.to_string() && name == PROCESS_NAME).then(|| pid.parse().ok())?
    });
    found.collect()
}
