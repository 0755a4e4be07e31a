//! `mtl serve --run`: the command finds what is served, and its end is mtl's.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::wait;

fn serving(command: &str, options: &[&str]) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["serve", "--run", command]).args(options).current_dir(folder.path());
    for name in ["MTL_ENDPOINT", "MTL_FUNCTION", "MTL_REMOTE", "AWS_REGION", "AWS_PROFILE"] {
        mtl.env_remove(name);
    }
    mtl.env("XDG_RUNTIME_DIR", folder.path()).env("MTL", env!("CARGO_BIN_EXE_mtl"));
    mtl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    (mtl, folder)
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test]
async fn a_command_finds_the_server_and_its_code_is_mtls() {
    let command = "\"$MTL\" invoke --tenant-id alice > answer && env > variables && exit 7";
    let options = ["--port", "0", "--api-port", "0", "--tenant-from", "header:x"];
    let (mut mtl, folder) = serving(command, &options);
    assert_eq!(mtl.output().await.unwrap().status.code(), Some(7));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let answer: Value = serde_json::from_str(&read("answer")).unwrap();
    assert_eq!(answer["requestCount"], 1);
    let variables = read("variables");
    let value = |name: &str| {
        let prefix = format!("{name}=");
        variables.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default()
    };
    let endpoint = value("MTL_ENDPOINT");
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{variables}");
    assert_eq!(value("AWS_ENDPOINT_URL_LAMBDA"), endpoint);
    assert_eq!(value("AWS_ENDPOINT_URL_CLOUDWATCH"), endpoint);
    assert!(value("MTL_API_ENDPOINT").starts_with("http://127.0.0.1:"), "{variables}");
    assert_eq!(value("AWS_REGION"), "us-east-1");
}

#[tokio::test]
async fn two_run_side_by_side() {
    let (mut one, _folder) = serving("\"$MTL\" invoke --tenant-id a", &[]);
    let (mut other, _other_folder) = serving("\"$MTL\" invoke --tenant-id a", &[]);
    let (one, other) = tokio::join!(one.output(), other.output());
    for output in [one.unwrap(), other.unwrap()] {
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"requestCount\":1"));
    }
}

#[tokio::test]
async fn a_signal_is_passed_on_and_told() {
    let (mut mtl, folder) = serving("touch started; exec sleep 600", &["--port", "0"]);
    let mut child = mtl.spawn().unwrap();
    wait::file(&folder.path().join("started")).await;
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().await.unwrap().code(), Some(128 + 15));
}

#[tokio::test]
async fn a_command_that_ignores_the_first_signal_ends_with_the_second() {
    let command = "trap '' TERM; echo $$ > pid; touch started; while true; do sleep 0.05; done";
    let (mut mtl, folder) = serving(command, &["--port", "0"]);
    let said = std::fs::File::create(folder.path().join("said")).unwrap();
    let mut child = mtl.stderr(said).spawn().unwrap();
    wait::file(&folder.path().join("started")).await;
    signal(&child, Signal::TERM);
    signal(&child, Signal::INT);
    // Which of the two is the second one is for the system to say.
    let code = child.wait().await.unwrap().code();
    assert!([Some(128 + 2), Some(128 + 15)].contains(&code), "{code:?}");
    let said = std::fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.contains("a second signal ends it at once"), "{said}");
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    wait::end_of(pid.trim().parse().unwrap()).await;
}

#[tokio::test]
async fn the_second_signal_waits_for_nothing_that_hangs() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let command = "\"$MTL\" invoke --tenant-id a --invocation-type Event; trap '' TERM INT; \
                   echo $$ > pid; touch started; while true; do sleep 0.05; done";
    let options = ["--port", "0", "--on-success", &url, "--grace", "10m"];
    let (mut mtl, folder) = serving(command, &options);
    let mut child = mtl.spawn().unwrap();
    let (_delivery, _) = timeout(wait::DEADLINE, silent.accept()).await.unwrap().unwrap();
    wait::file(&folder.path().join("started")).await;
    signal(&child, Signal::TERM);
    signal(&child, Signal::INT);
    let at_once = Duration::from_secs(4);
    let code = timeout(at_once, child.wait()).await.expect("it ends at once").unwrap().code();
    assert!([Some(128 + 2), Some(128 + 15)].contains(&code), "{code:?}");
    let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
    wait::end_of(pid.trim().parse().unwrap()).await;
}

#[tokio::test]
async fn a_reader_of_stderr_that_leaves_changes_nothing() {
    let (mut mtl, _folder) = serving("exit 7", &["--port", "0"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = mtl.env("MTL_LOG", "debug").stderr(writer).status().await.unwrap();
    assert_eq!(status.code(), Some(7));
}

#[tokio::test]
async fn a_signal_reaches_all_that_the_command_has_started() {
    let script = "sh -c 'trap \"touch ended; exit\" TERM; touch started; while true; do sleep 0.05; done' | cat";
    let (mut mtl, folder) = serving(script, &["--port", "0"]);
    let mut child = mtl.spawn().unwrap();
    wait::file(&folder.path().join("started")).await;
    signal(&child, Signal::TERM);
    wait::file(&folder.path().join("ended")).await;
    child.wait().await.unwrap();
}

#[tokio::test]
async fn no_command_is_a_mistake() {
    let (mut mtl, _folder) = serving("", &["--port", "0"]);
    let output = mtl.output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--run has no command"));
}

#[tokio::test]
async fn a_signal_ends_the_first_build_with_all_that_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    let build = "sh -c 'echo $$ > pid; exec sleep 600'; true";
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["serve", "--port", "0", "--watch", "--build", build]).current_dir(folder.path());
    mtl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = mtl.spawn().unwrap();
    let pid = folder.path().join("pid");
    let written = || std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n'));
    wait::eventually("the build runs", written).await;
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().await.unwrap().code(), Some(128 + 15));
    let pid = std::fs::read_to_string(pid).unwrap();
    wait::end_of(pid.trim().parse().unwrap()).await;
}

#[tokio::test]
async fn what_can_not_be_used_is_told_before_a_build() {
    let folder = tempfile::tempdir().unwrap();
    let mut mtl = Command::new(crate::function::mtl());
    mtl.args(["serve", "--watch", "absent", "--build", "touch built"]).current_dir(folder.path());
    assert_eq!(mtl.output().await.unwrap().status.code(), Some(2));
    assert!(!folder.path().join("built").exists());
}
