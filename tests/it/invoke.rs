//! `mtl invoke` as a process, against servers that answer as Lambda and its local stand-ins do.

mod check;
mod local;
mod remote;
pub(crate) mod server;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What one run printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) exit: Option<i32>,
    stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn stdout(&self) -> &str {
        str::from_utf8(&self.stdout).expect("stdout is text")
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            exit: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }
}

/// `mtl invoke` in `folder`, with nothing of the configuration of whoever runs the tests.
fn invoke(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(crate::function::mtl());
    for (name, _) in std::env::vars_os() {
        if ["MTL_", "AWS_", "CLICOLOR"].iter().any(|p| name.to_string_lossy().starts_with(p)) {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).stdin(Stdio::null()).arg("invoke").args(args);
    command
}

pub(crate) fn run(command: &mut Command) -> Run {
    command.output().expect("mtl starts").into()
}

fn run_with_stdin(command: &mut Command, stdin: &[u8]) -> Run {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("mtl starts");
    let mut pipe = child.stdin.take().expect("stdin is a pipe");
    pipe.write_all(stdin).expect("mtl reads its stdin");
    drop(pipe);
    child.wait_with_output().expect("mtl ends").into()
}
