//! The watchdog as a process of the real binary: what it leaves when the pipe from mtl closes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mtl::system::process::launch::Launch;
use mtl::system::process::{Processes, Setup};
use mtl::system::watchdog::PROCESS_NAME;
use mtl::system::watchdog::link::Program;
use mtl::system::watchdog::message::Message;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

/// Starts the watchdog with a pipe that is the test's to close.
fn watchdog() -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtl"));
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

fn tell(watchdog: &mut Child, messages: &[Message]) {
    let bytes: Vec<u8> = messages.iter().flat_map(Message::encode).collect();
    watchdog.stdin.as_mut().unwrap().write_all(&bytes).unwrap();
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
        Message::Folder(own.clone()),
        Message::Group(remembered.pid()),
        Message::Group(forgotten.pid()),
        Message::ForgetGroup(forgotten.pid()),
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
        Message::RuntimeApi(remembered),
        Message::RuntimeApi(forgotten),
        Message::ForgetRuntimeApi(forgotten),
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
    let folder = TempDir::new().unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    let watchdog = Program::at(env!("CARGO_BIN_EXE_mtl").into());
    let setup = Setup { watchdog, folder: &own, function_file_descriptors: None };
    let (processes, mut losses) = Processes::start(setup).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = listener.local_addr().unwrap();
    let launch = Launch {
        command: vec!["sh".into(), "-c".into(), "echo; sleep 1000".into()],
        argv0: None,
        variables: vec![("AWS_LAMBDA_RUNTIME_API".into(), api.to_string().into())],
        directory: PathBuf::from("/"),
    };
    let (mut process, mut output) = processes.spawn(api, &launch).unwrap();
    assert_eq!(output.stdout.read_u8().await.unwrap(), b'\n');
    process.kill();
    assert_eq!(process.exited().await.signal(), Some(Signal::KILL.as_raw()));
    processes.sweep(api).await;
    processes.close().await.unwrap();
    assert!(losses.try_recv().is_err());
    assert!(!own.exists());
}
