//! The processes of environments. The watchdog is a stand-in here that writes down what it is told;
//! `tests/it/watchdog.rs` has the real one.

use std::fs;
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::system::notifier::Notifier;
use crate::system::process::launch::{Launch, SpawnError};
use crate::system::process::processes::ProcessPipes;
use crate::system::process::{Process, Processes, Setup};
use crate::system::watchdog::link::{Loss, Program};

/// Keeps the address of most tests from being another's, and so its processes from being killed.
static API: LazyLock<TcpListener> = LazyLock::new(listener);

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn api() -> SocketAddr {
    API.local_addr().unwrap()
}

fn stand_in(script: &str) -> Program {
    let arguments = vec!["-c".into(), script.into()];
    Program { path: "/bin/sh".into(), argv0: "sh".into(), arguments }
}

fn start_with(watchdog: Program, descriptors: Option<u64>) -> (Processes, UnboundedReceiver<Loss>) {
    let (losses, receiver) = unbounded_channel();
    let setup = Setup {
        watchdog: Some(watchdog),
        losses: Notifier::into_channel(losses),
        folder: Path::new("/nowhere"),
        function_file_descriptors: descriptors,
    };
    (Processes::start(setup).unwrap(), receiver)
}

fn setup(watchdog: Option<Program>) -> Setup<'static> {
    let (losses, _) = unbounded_channel::<Loss>();
    Setup {
        watchdog,
        losses: Notifier::into_channel(losses),
        folder: Path::new("/nowhere"),
        function_file_descriptors: None,
    }
}

fn start() -> Processes {
    start_with(stand_in("exec cat"), None).0
}

fn launch(command: &[&str]) -> Launch {
    Launch {
        command: command.iter().map(Into::into).collect(),
        argv0: None,
        variables: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("AWS_LAMBDA_RUNTIME_API".into(), api().to_string().into()),
        ],
        directory: "/".into(),
    }
}

fn spawn(processes: &Processes, script: &str) -> (Process, ProcessPipes) {
    processes.spawn(api(), &launch(&["sh", "-c", script])).unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it should be soon")
}

async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    soon(holds).await;
}

/// All that is written until every process that could write is gone.
async fn rest(output: &mut ProcessPipes) -> String {
    let mut text = String::new();
    soon(output.stdout.read_to_string(&mut text)).await.unwrap();
    text
}

async fn line(output: &mut ProcessPipes) -> String {
    let mut text = String::new();
    soon(BufReader::with_capacity(1, &mut output.stdout).read_line(&mut text)).await.unwrap();
    text.trim().to_owned()
}

#[tokio::test]
async fn a_kill_reaches_the_grandchildren() {
    let processes = start();
    let (mut process, mut output) = spawn(&processes, "(sleep 1000; :) & echo ready; wait");
    assert_eq!(line(&mut output).await, "ready");
    process.kill();
    assert_eq!(soon(process.exited()).await.signal(), Some(Signal::KILL.as_raw()));
    assert_eq!(rest(&mut output).await, "");
    assert_eq!(soon(process.exited()).await.signal(), Some(Signal::KILL.as_raw()));
}

#[tokio::test]
async fn the_end_of_the_leader_is_the_end_of_its_group() {
    let processes = start();
    let (mut process, mut output) = spawn(&processes, "sleep 1000 & echo left; exit 3");
    assert_eq!(soon(process.exited()).await.code(), Some(3));
    assert_eq!(rest(&mut output).await, "left\n");
}

#[tokio::test]
async fn a_terminated_process_may_say_how_it_ends() {
    let processes = start();
    let script = "trap 'echo asked; exit 4' TERM; (echo ready; exec sleep 1000) & wait";
    let (mut process, mut output) = spawn(&processes, script);
    assert_eq!(line(&mut output).await, "ready");
    process.terminate();
    assert_eq!(soon(process.exited()).await.code(), Some(4));
    assert_eq!(rest(&mut output).await, "asked\n");
}

#[tokio::test]
async fn a_dropped_process_is_killed() {
    let processes = start();
    let (process, mut output) = spawn(&processes, "sleep 1000");
    drop(process);
    assert_eq!(rest(&mut output).await, "");
}

#[tokio::test]
async fn many_that_end_at_once_are_all_told() {
    let processes = start();
    let mut spawned: Vec<_> =
        (0..200).map(|number| spawn(&processes, &format!("exit {}", number % 100))).collect();
    for (number, (process, _)) in (0..200).zip(&mut spawned) {
        assert_eq!(soon(process.exited()).await.code(), Some(number % 100));
    }
}

#[tokio::test]
async fn a_process_has_what_the_launch_says_and_nothing_else() {
    let processes = start();
    let mut launch = launch(&["sh", "-c", "echo $0; pwd; env; cat"]);
    launch.argv0 = Some("named".into());
    launch.directory = "/usr".into();
    let (mut process, mut output) = processes.spawn(api(), &launch).unwrap();
    assert!(soon(process.exited()).await.success());

    let text = rest(&mut output).await;
    let added_by_shells = ["_=", "OLDPWD=", "PWD=", "SHLVL="];
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !added_by_shells.iter().any(|name| line.starts_with(name)));
    lines[2..].sort_unstable();
    let runtime_api = format!("AWS_LAMBDA_RUNTIME_API={}", api());
    assert_eq!(lines, ["named", "/usr", &runtime_api, "PATH=/usr/bin:/bin"]);
}

#[tokio::test]
async fn functions_get_their_own_limit_of_open_files() {
    let (processes, _) = start_with(stand_in("exec cat"), Some(123));
    // The system sets it right after the start, so the first look may come too early.
    let script = "until [ $(ulimit -Sn) = 123 ]; do :; done; echo lower";
    let (_process, mut output) = spawn(&processes, script);
    assert_eq!(line(&mut output).await, "lower");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_sweep_kills_who_left_the_group_and_nobody_else() {
    let processes = start();
    let spawn_at = |listener: &TcpListener, script: &str| {
        let api = listener.local_addr().unwrap();
        let mut launch = launch(&["sh", "-c", script]);
        launch.variables[1].1 = api.to_string().into();
        processes.spawn(api, &launch).unwrap()
    };
    let (swept, spared) = (listener(), listener());
    let (mut process, mut output) =
        spawn_at(&swept, "setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000");
    let stray: i32 = line(&mut output).await.parse().unwrap();
    let stray = Pid::from_raw(stray).unwrap();
    let (other, _other_output) = spawn_at(&spared, "sleep 1000");

    process.kill();
    soon(process.exited()).await;
    assert!(test_kill_process(stray).is_ok());
    soon(processes.sweep(swept.local_addr().unwrap())).await;
    assert_eq!(rest(&mut output).await, "");
    assert!(test_kill_process(other.pid()).is_ok());
}

#[tokio::test]
async fn what_can_not_be_started_says_why() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &[u8], mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("plain", b"text", 0o644);
    write("binary", b"\x7fELF, but not more", 0o755);
    write("script", b"#! /no/interpreter -x\n", 0o755);
    let reason = |command: &[&str]| {
        let mut launch = launch(command);
        launch.directory = folder.path().into();
        launch.variables[0].1 = format!("/usr/bin:/bin:{}", folder.path().display()).into();
        start().spawn(api(), &launch).expect_err("it can't be started")
    };

    assert!(matches!(reason(&[]), SpawnError::Empty));
    assert!(matches!(reason(&["no-such-program"]), SpawnError::NotFound(_)));
    assert!(matches!(reason(&["./no-such-program"]), SpawnError::NotFound(_)));
    assert!(matches!(reason(&["plain"]), SpawnError::NotExecutable(_)));
    assert!(matches!(reason(&["./plain"]), SpawnError::NotExecutable(_)));
    assert!(matches!(reason(&["/"]), SpawnError::NotExecutable(_)));
    assert!(matches!(reason(&["binary"]), SpawnError::Format(_)));
    let SpawnError::Interpreter { interpreter, .. } = reason(&["./script"]) else { panic!() };
    assert_eq!(interpreter.as_deref(), Some(Path::new("/no/interpreter")));

    let mut homeless = launch(&["/bin/sh"]);
    homeless.directory = folder.path().join("gone");
    let error = start().spawn(api(), &homeless).expect_err("it can't be started");
    assert!(matches!(error, SpawnError::Directory(_)));
}

#[tokio::test]
async fn a_watchdog_that_ends_is_replaced_by_one_that_is_told_everything() {
    let folder = TempDir::new().unwrap();
    let told = folder.path().join("told");
    let script = format!("exec cat > {}", told.display());
    let (processes, mut losses) = start_with(stand_in(&script), None);
    let (mut ended, _output) = spawn(&processes, "exit");
    soon(ended.exited()).await;
    let (process, _output) = spawn(&processes, "sleep 1000");

    let first = processes.watchdog().pid().unwrap();
    kill_process(first, Signal::KILL).unwrap();
    let loss = soon(losses.recv()).await;
    assert!(matches!(loss, Some(Loss::Replaced { status }) if status.signal() == Some(9)));
    assert_ne!(processes.watchdog().pid(), Some(first));
    let group = process.pid().as_raw_pid();
    let all = format!("folder /nowhere\0api {}\0group {group}\0", api());
    until(|| fs::read(&told).is_ok_and(|told| told == all.as_bytes())).await;
}

#[tokio::test]
async fn a_watchdog_that_never_runs_is_given_up() {
    let (_processes, mut losses) = start_with(stand_in("exit 7"), None);
    loop {
        match soon(losses.recv()).await {
            Some(Loss::Replaced { status }) => assert_eq!(status.code(), Some(7)),
            Some(Loss::Final { status, source: None }) => break assert_eq!(status.code(), Some(7)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn nothing_starts_when_the_watchdog_does_not() {
    assert!(Processes::start(setup(Some(Program::at("/no/such/program".into())))).is_err());
}

#[tokio::test]
async fn a_program_that_embeds_the_emulator_has_no_watchdog_to_wait_for() {
    let processes = Processes::start(setup(None)).unwrap();
    assert_eq!(processes.watchdog().pid(), None);
    let (process, mut output) = spawn(&processes, "sleep 1000");
    drop(process);
    assert_eq!(rest(&mut output).await, "");
    soon(processes.close()).await.unwrap();
}

#[tokio::test]
async fn a_close_waits_for_the_watchdog_and_starts_no_other() {
    let (processes, mut losses) = start_with(stand_in("exec cat"), None);
    let watchdog = processes.watchdog().pid().unwrap();
    soon(processes.close()).await.unwrap();
    assert!(test_kill_process(watchdog).is_err());
    assert!(losses.try_recv().is_err());
}
