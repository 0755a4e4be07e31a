//! `mtl serve --handler`: handlers of Python and Node.js without any package, on mtl's own runtime
//! clients, and on AWS's, which must pass the same tests.

mod inspect;
mod node;
mod powertools;
mod python;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::mtl::{Invoked, Server, invoke};
use crate::provision::{node_modules, tools};

/// Serves a handler of this file. The system's Python has no client of AWS; `path` may have one.
fn serve(file: (&str, &str), arguments: &[&str], path: Option<&Path>) -> Server {
    Server::start(folder_with(file), arguments, path)
}

/// A new folder with this file.
fn folder_with((file, text): (&str, &str)) -> TempDir {
    let folder = TempDir::new().expect("the temp folder can be written");
    fs::write(folder.path().join(file), text).expect("the temp folder can be written");
    folder
}

/// A folder with this file, in which these packages of npm are installed.
fn folder_with_packages(file: (&str, &str), packages: &[&str]) -> TempDir {
    let folder = folder_with(file);
    let installed = folder.path().join("node_modules");
    fs::create_dir(&installed).expect("the temp folder can be written");
    for package in packages {
        let link = symlink(node_modules().join(package), installed.join(package));
        link.expect("the temp folder can be written");
    }
    folder
}

fn call(server: &Server, event: &Value, options: &[&str]) -> Invoked {
    let event = event.to_string();
    let arguments = ["--endpoint", &server.endpoint, "--tenant-id", "a b", "--payload", &event];
    invoke(&[&arguments, options].concat(), &[])
}

/// Waits until the first line has said which client runs the handler.
fn is_on(server: &Server, client: &str) {
    server.process.stderr.wait_for("client", |said| said.contains(client).then_some(()));
}

/// Runs a test on mtl's client for Python and on AWS's.
fn on_both_of_python(test: impl Fn(&dyn Fn(&str, &[&str]) -> Server)) {
    let python = tools().python();
    let with_official = python.parent().expect("a program is in a folder");
    for (path, client) in [(None, "mtl's runtime client"), (Some(with_official), "awslambdaric")] {
        test(&|text, arguments| {
            let server = serve(("app.py", text), arguments, path);
            is_on(&server, client);
            server
        });
    }
}

/// Runs a test on mtl's client for Node.js and on AWS's.
fn on_both_of_node(test: impl Fn(&dyn Fn((&str, &str), &[&str]) -> Server)) {
    for (packages, client) in
        [(&[][..], "mtl's runtime client"), (&["aws-lambda-ric"][..], "aws-lambda-ric")]
    {
        test(&|file, arguments| {
            let server = Server::start(folder_with_packages(file, packages), arguments, None);
            is_on(&server, client);
            server
        });
    }
}

#[test]
fn another_version_of_the_interpreter_is_named() {
    let server =
        serve(("app.py", ""), &["--handler", "app.handler", "--runtime", "python3.99"], None);
    let warning = "function is for python3.99, and runs on python3.";
    server.process.stderr.wait_for("warning", |said| said.contains(warning).then_some(()));
}

#[test]
fn a_handler_that_is_not_there_is_a_usage_error() {
    let folder = TempDir::new().expect("the temp folder can be written");
    for (arguments, said) in [
        (&["--handler", "app.handler"][..], "found no app.py, app.mjs, app.js or app.cjs"),
        (&["--handler", "app"], "`app` is no handler"),
        (&["--handler", "a.b", "--runtime", "java21"], "`java21` is no runtime"),
        (&["--handler", "a.b", "--", "x"], "cannot be used with"),
    ] {
        let mut command = crate::mtl::isolated(env!("CARGO_BIN_EXE_mtl"));
        let output = command.arg("serve").args(arguments).current_dir(folder.path()).output();
        let output = output.expect("mtl can be started");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
