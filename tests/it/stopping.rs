//! How everything ends: a stop that drains, a stop that is cut short, and mtl being killed. In no
//! case does a process of the function remain.

use std::fs;
use std::io::{PipeReader, PipeWriter, Write as _, pipe};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

use crate::server::{INVOCATIONS, Server, Setup};
use crate::wait::{self, DEADLINE};

/// The process id of the function of a tenant.
async fn pid(server: &Server, tenant_id: &str) -> u64 {
    server.answer(tenant_id, &json!({})).await["pid"].as_u64().unwrap()
}

/// Starts a child of the function that would live for ever.
async fn child(server: &Server, setsid: bool, closed: bool) -> u64 {
    let event = json!({ "do": "spawn-child", "setsid": setsid, "closed": closed });
    let answer = server.answer("alice", &event).await;
    let child = answer["result"]["child"].as_u64().unwrap();
    assert!(wait::is_running(child));
    child
}

/// The children of a function that mtl can find on this system.
async fn children(server: &Server) -> Vec<u64> {
    let mut children = vec![child(server, false, false).await, child(server, false, true).await];
    if cfg!(target_os = "linux") {
        children.push(child(server, true, false).await);
        children.push(child(server, true, true).await);
    }
    children
}

#[tokio::test]
async fn a_stop_lets_running_invocations_finish() {
    let mut server = Setup::function(&["--timeout", "20s"]).start().await;
    let [started, gate] = ["started", "gate"].map(|name| server.path(name));
    let event = json!({ "started": started, "gate": gate, "env": ["TMPDIR"] });
    let answer = {
        let running = server.invoke("alice", &event);
        let stop = async {
            wait::file(&started).await;
            server.signal(Signal::TERM);
            refused(&server).await;
            fs::write(&gate, "").unwrap();
        };
        tokio::join!(running, stop).0.answer()
    };
    assert_eq!(server.exit().await.code(), Some(0));
    wait::end_of(answer["pid"].as_u64().unwrap()).await;
    let temporary = answer["variables"]["TMPDIR"].as_str().unwrap();
    assert!(!Path::new(temporary).exists());
    let stderr = server.stderr();
    assert!(stderr.contains("alice"), "the summary names the tenant: {stderr}");
}

/// Waits until no new work is taken.
async fn refused(server: &Server) {
    let mut tries = 0;
    while server.try_invoke("bob", &json!({})).await.is_ok_and(|reply| reply.status == 200) {
        tries += 1;
        assert!(tries < 1_000, "new work is still taken");
    }
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_it_was_told() {
    let server = Setup::function(&["--no-timeout", "--grace", "300ms"]).start().await;
    let pid = pid(&server, "alice").await;
    let started = server.path("started");
    let event = json!({ "do": "sleep", "ms": 600_000, "started": started });
    let mut server = Arc::new(server);
    let caller = tokio::spawn({
        let server = server.clone();
        async move { server.try_invoke("alice", &event).await.map(drop).map_err(drop) }
    });
    wait::file(&started).await;
    server.signal(Signal::INT);
    let _ = caller.await.unwrap();
    Arc::get_mut(&mut server).unwrap().exit().await;
    wait::end_of(pid).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = Setup::function(&["--no-timeout", "--grace", "10m"]).start().await;
        let children = children(&server).await;
        let started = server.path("started");
        let event = json!({ "do": "sleep", "ms": 600_000, "started": started });
        let mut server = Arc::new(server);
        let caller = tokio::spawn({
            let server = server.clone();
            async move { server.try_invoke("alice", &event).await.map(drop).map_err(drop) }
        });
        wait::file(&started).await;
        server.signal(signal);
        refused(&server).await;
        server.signal(signal);
        let _ = caller.await.unwrap();
        assert_eq!(Arc::get_mut(&mut server).unwrap().exit().await.code(), Some(code));
        for child in children {
            wait::end_of(child).await;
        }
    }
}

/// Longer than the end takes after a second signal, and shorter than anything else that mtl waits for.
const AT_ONCE: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_second_signal_ends_at_once_although_a_destination_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let options = ["--on-success", &url, "--grace", "10m"];
    let mut server = Setup::function(&options).start().await;
    let pid = pid(&server, "alice").await;
    let event = [("X-Amz-Invocation-Type", "Event"), ("X-Amz-Tenant-Id", "alice")];
    server.post(INVOCATIONS, &event, "{}").await;
    let (_delivery, _) = timeout(DEADLINE, silent.accept()).await.unwrap().unwrap();
    server.signal(Signal::TERM);
    refused(&server).await;
    let second = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.exit().await.code(), Some(130));
    assert!(second.elapsed() < AT_ONCE, "it took {:?}", second.elapsed());
    wait::end_of(pid).await;
}

/// The writing end of a pipe in which there is no room.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'.'; 1_000]).is_ok() {}
    while writer.write(b".").is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).unwrap();
    (reader, writer)
}

#[tokio::test]
async fn a_second_signal_ends_at_once_although_nobody_reads_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let (_nobody, stderr) = full_pipe();
    let mut mtl = Command::new(env!("CARGO_BIN_EXE_mtl"));
    mtl.args(["serve", "--port", "0", "--watch", "--build", "touch built"]);
    mtl.current_dir(folder.path()).kill_on_drop(true);
    mtl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let mut child = mtl.spawn().unwrap();
    wait::file(&folder.path().join("built")).await;
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    // Two of them that are pending at once come in the order of their numbers.
    kill_process(pid, Signal::INT).unwrap();
    let code = timeout(AT_ONCE, child.wait()).await.expect("it ends at once").unwrap().code();
    assert!([Some(128 + 2), Some(128 + 15)].contains(&code), "{code:?}");
}

#[tokio::test]
async fn a_stop_leaves_no_process_that_a_function_started() {
    let mut server = Setup::function(&[]).start().await;
    let mut processes = children(&server).await;
    processes.push(pid(&server, "alice").await);
    processes.push(pid(&server, "bob").await);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    for process in processes {
        wait::end_of(process).await;
    }
}

#[tokio::test]
async fn a_killed_mtl_leaves_no_process_and_no_folder() {
    let mut server = Setup::function(&[]).start().await;
    let mut processes = children(&server).await;
    let answer = server.answer("bob", &json!({ "env": ["TMPDIR"] })).await;
    processes.push(answer["pid"].as_u64().unwrap());
    let temporary = answer["variables"]["TMPDIR"].as_str().unwrap();
    server.signal(Signal::KILL);
    server.exit().await;
    for process in processes {
        wait::end_of(process).await;
    }
    wait::eventually("the folder is gone", || !Path::new(temporary).exists()).await;
}

#[tokio::test]
async fn an_environment_that_ends_takes_what_it_started_with_it() {
    let server = Setup::function(&["--timeout", "1s"]).start().await;
    let children = children(&server).await;
    let reply = server.invoke("alice", &json!({ "do": "sleep", "ms": 60_000 })).await;
    assert_eq!(reply.function_error()["errorType"], "Sandbox.Timedout");
    for child in children {
        wait::end_of(child).await;
    }
}

#[tokio::test]
async fn a_child_that_keeps_the_pipes_does_not_hold_up_the_answer_to_an_exit() {
    let server = Setup::function(&["--timeout", "20s"]).start().await;
    let child = child(&server, false, false).await;
    let reply = server.invoke("alice", &json!({ "do": "exit", "status": 1 })).await;
    assert_eq!(reply.function_error()["errorType"], "Runtime.ExitError");
    wait::end_of(child).await;
}

/// Serves a function that writes a file when SIGTERM comes, and stops mtl.
async fn stop(init_steps: &Value) -> bool {
    let setup = Setup::raw(&[]);
    let file = setup.path("sigterm");
    let setup = setup.env("ON_SIGTERM", &file).env("INIT_STEPS", init_steps.to_string());
    let mut server = setup.start().await;
    let pid = pid(&server, "alice").await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
    wait::end_of(pid).await;
    file.exists()
}

#[tokio::test]
async fn a_function_without_an_extension_gets_no_sigterm() {
    assert!(!stop(&json!([])).await);
}

#[tokio::test]
async fn a_function_with_an_extension_gets_sigterm_first() {
    let steps = json!([
        {
            "call": "POST /2020-01-01/extension/register",
            "headers": [["Lambda-Extension-Name", "GoLangEnableSIGTERM"]],
            "body": "{\"events\":null}",
        },
        {
            "call": "GET /2020-01-01/extension/event/next",
            "headers": [["Lambda-Extension-Identifier", "{extension}"]],
            "on": "own",
        },
    ]);
    assert!(stop(&steps).await);
}

#[tokio::test]
async fn a_caller_that_does_not_finish_its_request_does_not_keep_mtl_alive() {
    let mut server = Setup::example(&["--grace", "100ms"]).start().await;
    let mut half_a_body = TcpStream::connect(server.address).await.unwrap();
    let request = "POST /invoke HTTP/1.1\r\nHost: localhost\r\nX-Amz-Tenant-Id: a\r\n\
                   Content-Length: 100\r\n\r\n{}";
    half_a_body.write_all(request.as_bytes()).await.unwrap();
    let mut half_a_head = TcpStream::connect(server.address).await.unwrap();
    half_a_head.write_all(b"POST /invoke HTTP/1.1\r\nHost: loc").await.unwrap();
    // An answer on a later connection says that the server has seen the earlier ones.
    server.answer("alice", &json!({})).await;
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}
