//! What `serve` says about the first mistakes of newcomers, on stderr.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::server::{Server, Setup};

/// Serves the function under test as one that begins like this, and invokes it once.
async fn beginning(misbehavior: &str) -> Server {
    let init = format!("INIT={misbehavior}");
    let options = ["--env", init.as_str(), "--init-timeout", "500ms", "--timeout", "1s"];
    let server = Setup::function(&options).start().await;
    server.invoke("alice", &json!({})).await;
    server
}

fn executable(file: &Path, content: &[u8]) {
    fs::write(file, content).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_web_server_is_told_that_it_is_one() {
    let server = beginning("listen").await;
    let said = server.wait_for_stderr("listens on port").await;
    assert!(said.contains("but did not ask for an invocation in 0."), "{said}");
    server.wait_for_stderr("help: a function is no web server").await;
}

#[tokio::test]
async fn a_program_that_never_asks_is_told_so_once() {
    let mut server = beginning("sleep:60000").await;
    server.invoke("bob", &json!({})).await;
    let said = server.wait_for_stderr("help: a function asks http://$AWS_LAMBDA_RUNTIME_API").await;
    assert!(said.contains("and did not ask for an invocation"), "{said}");
    server.signal(Signal::TERM);
    server.exit().await;
    let said = server.stderr();
    assert_eq!(said.matches("help: a function asks").count(), 1, "{said}");
}

/// What is said when this is served and invoked once.
async fn said_of(file: &str, content: &[u8], command: &str) -> String {
    let setup = Setup::example(&["--timeout", "1s"]);
    executable(&setup.path(file), content);
    let mut server = setup.serving(&[command.as_ref()]).start().await;
    server.invoke("alice", &json!({})).await;
    server.signal(Signal::TERM);
    server.exit().await;
    server.stderr()
}

#[tokio::test]
async fn files_that_are_no_programs_are_told_what_they_lack() {
    let said = said_of("run.sh", b"echo hello\n", "./run.sh").await;
    assert!(said.contains("a script needs a first line such as `#!/bin/sh`"), "{said}");
    let said = said_of("crlf.sh", b"#!/bin/sh\r\necho hello\r\n", "./crlf.sh").await;
    assert!(said.contains("its lines end as on Windows (CRLF)"), "{said}");
    assert_eq!(said.matches("CRLF").count(), 1, "it is said at the start and not again: {said}");
    let setup = Setup::example(&[]);
    std::fs::write(setup.path("plain"), "#!/bin/sh\n").unwrap();
    let server = setup.serving(&["./plain".as_ref()]).start().await;
    let said = server.stderr();
    assert!(said.contains("help: `chmod +x` makes `plain` one that can be started"), "{said}");
    let said = said_of("other.py", b"", "app.py").await;
    assert!(said.contains("failed to find the program `app.py`"), "{said}");
    assert!(
        said.contains("help: a handler of Python or Node.js is served with --handler"),
        "{said}"
    );
}

#[tokio::test]
async fn an_extension_that_holds_the_start_up_is_named() {
    let setup = Setup::example(&[
        "--extension",
        "./silent.sh",
        "--init-timeout",
        "300ms",
        "--timeout",
        "1s",
    ]);
    executable(&setup.path("silent.sh"), b"#!/bin/sh\nexec sleep 600\n");
    let server = setup.start().await;
    server.invoke("alice", &json!({})).await;
    let said = server.wait_for_stderr("the extension `silent.sh` did not register").await;
    assert!(!said.contains("did not ask for an invocation"), "{said}");
}

#[tokio::test]
async fn options_of_handlers_are_for_handlers() {
    let folder = tempfile::tempdir().unwrap();
    for options in [["--inspect", "--", "true"], ["--runtime=python3", "--", "true"]] {
        let mut mtl = tokio::process::Command::new(crate::function::mtl());
        let output = mtl.arg("serve").args(options).current_dir(folder.path()).output();
        assert_eq!(output.await.unwrap().status.code(), Some(2), "{options:?}");
    }
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_told_so() {
    let server = beginning("exit:0").await;
    let said = server.wait_for_stderr("help: its output is in the log above").await;
    assert!(said.contains("ended (exit status 0) before it asked for an invocation"), "{said}");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_program_of_another_system_is_named_before_the_first_invocation() {
    let setup = Setup::example(&[]);
    let mut elf = fs::read(env!("CARGO_BIN_EXE_mtl")).unwrap();
    elf.truncate(4096);
    // The machine in an ELF header: a SPARC of 1989.
    elf[18] = 2;
    elf[19] = 0;
    executable(&setup.path("program"), &elf);
    let server = setup.serving(&["./program".as_ref()]).start().await;
    let said = server.stderr();
    assert!(said.contains("it is a program for Linux on another processor, and this is"), "{said}");
}

#[tokio::test]
async fn a_missing_interpreter_is_named_before_the_first_invocation() {
    let setup = Setup::example(&[]);
    executable(&setup.path("script"), b"#!/usr/bin/absent\n");
    let server = setup.serving(&["./script".as_ref()]).start().await;
    let said = server.stderr();
    assert!(said.contains("its interpreter `/usr/bin/absent` does not exist"), "{said}");
}
