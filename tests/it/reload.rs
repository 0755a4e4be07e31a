//! `mtl serve --watch`: new code in new environments, while what runs finishes on the old.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::function;
use crate::server::{Server, Setup};
use crate::wait::{self, eventually};

/// Writes a `bootstrap` that runs the function under test, which can tell this version.
fn write(file: &Path, version: u32) {
    let program = function::program().display();
    let script = format!("#!/bin/sh\nVERSION={version} exec {program}\n");
    // Under another name first: a file that is open for writing can't be started.
    let new = file.with_extension("new");
    fs::write(&new, script).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, file).unwrap();
}

async fn serving(options: &[&str]) -> Server {
    let setup = Setup::example(&[options, &["--watch"]].concat());
    write(&setup.path("bootstrap"), 1);
    // What is no code: the files of the test, and mtl's own, whose folder is this one here.
    fs::write(setup.path(".gitignore"), "started\ngate\n*.json\n").unwrap();
    setup.start().await
}

async fn version(server: &Server) -> Value {
    server.answer("alice", &json!({ "env": ["VERSION"] })).await["variables"]["VERSION"].take()
}

#[tokio::test]
async fn new_code_is_in_new_environments_and_what_runs_finishes_on_the_old() {
    let server = serving(&["--timeout", "30s"]).await;
    assert_eq!(version(&server).await, "1");
    let (started, gate) = (server.path("started"), server.path("gate"));
    let event = json!({ "env": ["VERSION"], "started": started, "gate": gate });
    let running = server.invoke("bob", &event);
    let change = async {
        eventually("it runs", || started.exists()).await;
        let saved = Instant::now();
        write(&server.path("bootstrap"), 2);
        server.wait_for_stderr("`bootstrap` changed: new invocations get the new code").await;
        assert_eq!(version(&server).await, "2");
        fs::write(&gate, "").unwrap();
        saved.elapsed()
    };
    let (reply, took) = tokio::join!(running, change);
    assert_eq!(reply.answer()["variables"]["VERSION"], "1");
    assert!(took.as_secs() < 10, "{took:?}");
    // Its environment ended with that invocation.
    let bob = server.answer("bob", &json!({ "env": ["VERSION"] })).await;
    assert_eq!((&bob["variables"]["VERSION"], &bob["count"]), (&json!("2"), &json!(1)));
}

#[tokio::test]
async fn a_storm_of_changes_is_one_reload() {
    let server = serving(&[]).await;
    for version in 2..=40 {
        write(&server.path("bootstrap"), version);
    }
    server.wait_for_stderr("`bootstrap` changed").await;
    assert_eq!(version(&server).await, "40");
    // A second reload of the same storm would come before that of a later change.
    fs::write(server.path("later"), "").unwrap();
    server.wait_for_stderr("`later` changed").await;
    assert_eq!(server.stderr().matches("changed:").count(), 2, "{}", server.stderr());
}

/// A function whose version is built from the file `source`. `$WAIT` is run after that was read.
async fn built(wait: &str) -> Server {
    let build = format!(
        "v=$(cat source); {wait}; test $v -gt 0 || {{ echo broken source; exit 1; }}; \
         sed \"s/@/$v/\" made > new && chmod +x new && mv new bootstrap; echo x >> builds"
    );
    let setup = Setup::example(&["--watch", "--build", &build, "--grace", "0"]);
    let program = function::program().display();
    fs::write(setup.path("made"), format!("#!/bin/sh\nVERSION=@ exec {program}\n")).unwrap();
    fs::write(setup.path("source"), "1").unwrap();
    fs::write(setup.path(".gitignore"), "started\ngate\nbuilds\n*.json\n").unwrap();
    setup.start().await
}

#[tokio::test]
async fn a_build_comes_first_and_one_that_fails_keeps_the_old_code_and_shows_why() {
    let server = built("true").await;
    assert_eq!(version(&server).await, "1", "it was built before the start");
    fs::write(server.path("source"), "-1").unwrap();
    server.wait_for_stderr("the build failed: the old code stays\nbroken source").await;
    assert_eq!(version(&server).await, "1");
    assert_eq!(server.answer("alice", &json!({})).await["count"], 3, "the environment stays");
    fs::write(server.path("source"), "7").unwrap();
    server.wait_for_stderr("new invocations get the new code").await;
    assert_eq!(version(&server).await, "7");
}

#[tokio::test]
async fn what_is_saved_while_a_build_runs_is_built_next() {
    let server = built("while test -e gate; do touch started; sleep 0.05; done").await;
    let (started, gate) = (server.path("started"), server.path("gate"));
    for (saved, meanwhile) in [("2", "3"), ("-1", "4"), ("5", "6"), ("7", "8")] {
        fs::write(&gate, "").unwrap();
        let _ = fs::remove_file(&started);
        fs::write(server.path("source"), saved).unwrap();
        wait::file(&started).await;
        fs::write(server.path("source"), meanwhile).unwrap();
        fs::remove_file(&gate).unwrap();
        becomes(&server, meanwhile).await;
    }
    // What builds write is there too, and is no reason for another one.
    let builds = || fs::read_to_string(server.path("builds")).unwrap_or_default().len();
    let mut counts = Vec::new();
    for saved in ["9", "10", "11"] {
        fs::write(server.path("source"), saved).unwrap();
        becomes(&server, saved).await;
        counts.push(builds());
    }
    assert_eq!(counts[2] - counts[1], "x\n".len());
}

async fn becomes(server: &Server, expected: &str) {
    let new = async { while version(server).await != expected {} };
    tokio::time::timeout(wait::DEADLINE, new).await.expect("the new code is served");
}

#[tokio::test]
async fn a_build_that_runs_holds_up_nothing() {
    let mut server = built("test -e gate || v=$v; while test -e gate; do sleep 0.05; done").await;
    fs::write(server.path("gate"), "").unwrap();
    fs::write(server.path("source"), "2").unwrap();
    server.wait_for_stderr("`source` changed: building").await;
    assert_eq!(version(&server).await, "1");
    server.signal(Signal::TERM);
    server.exit().await;
}

#[tokio::test]
async fn a_file_that_is_always_written_hides_no_other() {
    let server = serving(&[]).await;
    let writing = async {
        for number in 0.. {
            fs::write(server.path("log"), number.to_string()).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let changing = async {
        write(&server.path("bootstrap"), 2);
        server.wait_for_stderr("`bootstrap` changed").await;
    };
    tokio::select! {
        () = writing => {}
        () = changing => {}
    }
    assert_eq!(version(&server).await, "2");
}

#[tokio::test]
async fn what_is_not_there_can_not_be_watched() {
    let folder = tempfile::tempdir().unwrap();
    let mut mtl = tokio::process::Command::new(crate::function::mtl());
    let output = mtl.args(["serve", "--watch", "absent"]).current_dir(folder.path()).output();
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no `absent` to watch"));
}
