//! Owns the two commands under test, through the real binary: `mtl serve` with a Python function,
//! and `mtl invoke`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::provision::tools;
use crate::running::Running;

/// The Python function of most tests; its docstring says what it can be asked to do.
pub(crate) const APP: &str = include_str!("python/app.py");

/// The access key of calls to servers that don't check it.
pub(crate) const ANY_CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "not-a-secret")];

/// `mtl serve`, in a folder of its own.
pub(crate) struct Server {
    /// The process, for its logs.
    pub(crate) process: Running,
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
    /// Where it was started. Last, so that it is removed after the process has ended.
    pub(crate) folder: TempDir,
}

impl Server {
    /// Serves the handler of `app.py` on awslambdaric, with further options of `serve`.
    pub(crate) fn python(options: &[&str]) -> Self {
        Self::handler("app.handler", options)
    }

    /// Serves a handler by name, for instance one that can't be imported.
    pub(crate) fn handler(handler: &str, options: &[&str]) -> Self {
        let python = tools().python();
        let python = python.to_str().expect("the target folder's name is text");
        let command = ["--", python, "-m", "awslambdaric", handler];
        Self::start(folder_with_app(), &[options, &command].concat(), None)
    }

    /// `mtl serve` with these arguments in this folder, and programs looked up in `path` first.
    pub(crate) fn start(folder: TempDir, arguments: &[&str], path: Option<&Path>) -> Self {
        let mut command = isolated(env!("CARGO_BIN_EXE_mtl"));
        command.args(["serve", "--port", "0"]).args(arguments);
        if let Some(first) = path {
            let others = std::env::var_os("PATH").unwrap_or_default();
            let paths = std::iter::once(first.to_owned()).chain(std::env::split_paths(&others));
            command.env("PATH", std::env::join_paths(paths).expect("paths have no colons"));
        }
        command.current_dir(folder.path()).env("XDG_RUNTIME_DIR", folder.path());
        let process = Running::start(&mut command);
        let endpoint = process.stderr.wait_for("ready line", ready_endpoint);
        Self { process, endpoint, folder }
    }
}

/// The first address of the line that says that everything listens.
fn ready_endpoint(stderr: &str) -> Option<String> {
    let line = stderr.lines().find(|line| line.starts_with("mtl: ready"))?;
    let endpoint = line.split_whitespace().find(|word| word.starts_with("http://"))?;
    Some(endpoint.to_owned())
}

/// A new folder that holds `app.py`.
pub(crate) fn folder_with_app() -> TempDir {
    let folder = tempfile::tempdir().expect("the temp folder can be written");
    fs::write(folder.path().join("app.py"), APP).expect("the temp folder can be written");
    folder
}

/// What `mtl invoke` did.
#[derive(Debug)]
pub(crate) struct Invoked {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// Its result.
    pub(crate) stdout: String,
    /// What it says to a person.
    pub(crate) stderr: String,
}

impl Invoked {
    /// The function's answer.
    #[track_caller]
    pub(crate) fn answer(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.json()
    }

    /// What is on stdout, whatever the exit code.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `mtl invoke` with these arguments and variables.
pub(crate) fn invoke(arguments: &[&str], variables: &[(&str, &str)]) -> Invoked {
    let mut command = isolated(env!("CARGO_BIN_EXE_mtl"));
    command.arg("invoke").args(arguments).envs(variables.iter().copied());
    let output = command.output().expect("mtl can be started");
    Invoked {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A command that sees nothing of the user's AWS account or of their mtl settings.
pub(crate) fn isolated(program: impl AsRef<OsStr>) -> Command {
    const SETTINGS: [&str; 3] = ["AWS_", "MTL_", "LOCAL_LAMBDA_"];
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if SETTINGS.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(name);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", "/dev/null");
    command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

/// Runs a script that makes these calls, one after the other, and returns what came of each.
pub(crate) fn outcomes(script: &mut Command, calls: &[Value]) -> Vec<Value> {
    let output = script.envs(ANY_CREDENTIALS).stdin(lines(calls)).output();
    let output = output.expect("the script's interpreter can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let outcomes: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("the script prints JSON"))
        .collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(outcomes.len(), calls.len(), "some calls had no outcome:\n{stderr}");
    outcomes
}

/// These calls as the stdin of a script, one a line.
fn lines(calls: &[Value]) -> File {
    let mut file = tempfile::tempfile().expect("the temp folder can be written");
    for call in calls {
        writeln!(file, "{call}").expect("the temp folder can be written");
    }
    file.rewind().expect("a file can be read again");
    file
}
