//! A real `mtl serve` in a folder of its own, ended with the test that started it.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, PipeWriter, Read};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::http::{Reply, request, send};
use crate::wait::{DEADLINE, eventually};
use crate::{function, http};

/// The AWS route of the function under test.
pub(crate) const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";

/// A server that isn't started yet.
pub(crate) struct Setup {
    command: Command,
    folder: TempDir,
    /// The end of mtl's terminal at which a person would be, if it has one.
    terminal: Option<File>,
}

impl Setup {
    /// `mtl serve` with these options and the built-in example function.
    pub(crate) fn example(options: &[&str]) -> Self {
        let folder = TempDir::new().expect("the system has room for a folder");
        let mut command = Command::new(crate::function::mtl());
        command.args(["serve", "--port", "0"]).args(options).current_dir(folder.path());
        without_settings(&mut command);
        command.env("XDG_RUNTIME_DIR", folder.path()).env("RUST_BACKTRACE", "0");
        // A stdin that never ends: a function that got it would wait for it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, folder, terminal: None }
    }

    /// Makes stdout a terminal.
    pub(crate) fn on_terminal(mut self) -> Self {
        let (person, program) = terminal();
        self.command.stdout(program);
        self.terminal = Some(person);
        self
    }

    /// Makes stdout this pipe, which the test reads or doesn't.
    pub(crate) fn stdout(mut self, pipe: PipeWriter) -> Self {
        self.command.stdout(pipe);
        self
    }

    /// Starts mtl with a lower soft limit of open files.
    #[cfg(target_os = "linux")]
    pub(crate) fn soft_limit_of_open_files(mut self, files: u64) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -S -n {files} && exec \"$0\" \"$@\"")]);
        shell.arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.current_dir(self.folder.path());
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = shell;
        self
    }

    /// Serves the function under test.
    pub(crate) fn function(options: &[&str]) -> Self {
        Self::example(options).serving(&[function::program().as_os_str()])
    }

    /// Serves the function under test as a runtime that takes its steps from the event.
    pub(crate) fn raw(options: &[&str]) -> Self {
        Self::example(options).serving(&[function::program().as_os_str(), OsStr::new("raw")])
    }

    /// Serves another command.
    pub(crate) fn serving(mut self, command: &[&OsStr]) -> Self {
        self.command.arg("--").args(command);
        self
    }

    /// Sets a variable of mtl's own environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Lets mtl have so many open files and no more.
    pub(crate) fn open_files(mut self, most: u32) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("ulimit -n {most} && exec \"$@\"")).arg("sh");
        command.arg(self.command.get_program()).args(self.command.get_args());
        command.current_dir(self.folder.path());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// A path in the server's folder, which is also the function's working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server and waits until it listens.
    pub(crate) async fn start(mut self) -> Server {
        let mut child = self.command.spawn().expect("the binary can be started");
        let stdout = match (self.terminal, child.stdout.take()) {
            (Some(terminal), _) => read(terminal),
            (None, Some(stdout)) => read(stdout),
            (None, None) => read(std::io::empty()),
        };
        let stderr = read(child.stderr.take().expect("stderr is a pipe"));
        let said = wait_for(&stderr, |text| ready_line(text).is_some()).await;
        let address = ready_line(&said).and_then(first_address);
        let address = address.unwrap_or_else(|| panic!("no address in `{said}`"));
        Server { child, folder: self.folder, address, stdout, stderr }
    }
}

/// A terminal: the end at which a person would be, and that of a program.
pub(crate) fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&person).and_then(|()| unlockpt(&person)).expect("the terminal is ours");
    let name = ptsname(&person, Vec::new()).expect("the terminal has a name");
    let name = OsStr::from_bytes(name.as_bytes()).to_owned();
    let program = File::options().read(true).write(true).open(name);
    (person.into(), program.expect("the terminal can be opened"))
}

/// Takes away what whoever runs the tests has set for mtl.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if is_read_by_mtl(&name) {
            command.env_remove(name);
        }
    }
}

fn is_read_by_mtl(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["MTL_", "LOCAL_LAMBDA_", "AWS_"].iter().any(|prefix| name.starts_with(prefix))
}

/// The one line that says that everything listens, once it is complete.
fn ready_line(stderr: &str) -> Option<&str> {
    stderr.split_inclusive('\n').find(|line| line.starts_with("mtl: ready") && line.ends_with('\n'))
}

fn first_address(line: &str) -> Option<SocketAddr> {
    let (_, url) = line.split_once("http://")?;
    let end = url.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(url.len());
    url[..end].parse().ok()
}

/// A running server. It is killed with the value.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    stdout: watch::Receiver<String>,
    stderr: watch::Receiver<String>,
}

impl Server {
    /// Invokes the function for a tenant through the AWS route.
    pub(crate) async fn invoke(&self, tenant_id: &str, event: &Value) -> Reply {
        self.post(INVOCATIONS, &[("X-Amz-Tenant-Id", tenant_id)], event.to_string()).await
    }

    /// Invokes the function without naming a tenant.
    pub(crate) async fn invoke_without_tenant(&self, event: &Value) -> Reply {
        self.post(INVOCATIONS, &[], event.to_string()).await
    }

    /// What the function answers for a tenant, which must not be an error.
    pub(crate) async fn answer(&self, tenant_id: &str, event: &Value) -> Value {
        self.invoke(tenant_id, event).await.answer()
    }

    /// Posts to the endpoint.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        send(self.address, request(self.address, "POST", path, headers, body)).await
    }

    /// Posts to the endpoint, which may refuse the connection.
    pub(crate) async fn try_invoke(
        &self,
        tenant_id: &str,
        event: &Value,
    ) -> Result<Reply, Box<dyn std::error::Error>> {
        let tenant_id = [("X-Amz-Tenant-Id", tenant_id)];
        let request = request(self.address, "POST", INVOCATIONS, &tenant_id, event.to_string());
        http::try_send(self.address, request).await
    }

    /// A path in the server's folder, which is also the function's working directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The server's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What was written to stderr until now.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.borrow().clone()
    }

    /// Waits until stdout has `text`, and returns all of it.
    pub(crate) async fn wait_for_stdout(&self, text: &str) -> String {
        wait_for(&self.stdout, |stdout| stdout.contains(text)).await
    }

    /// Waits until stderr has `text`, and returns all of it.
    pub(crate) async fn wait_for_stderr(&self, text: &str) -> String {
        wait_for(&self.stderr, |stderr| stderr.contains(text)).await
    }

    /// The second address of the line that says that everything listens: the API, or a runtime's.
    pub(crate) fn second_address(&self) -> SocketAddr {
        let stderr = self.stderr();
        let ready = ready_line(&stderr).expect("the server is ready");
        let second = ready.split_whitespace().nth(3).expect("there is a second address");
        let second = second.strip_prefix("http://").unwrap_or(second);
        second.parse().expect("it is an address")
    }

    /// The process id of mtl itself.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to mtl itself.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("mtl is running");
    }

    /// Waits until mtl has ended.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        let child = std::cell::RefCell::new(&mut self.child);
        let ended = || child.borrow_mut().try_wait().is_ok_and(|status| status.is_some());
        eventually("mtl has ended", ended).await;
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream to its end on a thread of its own.
fn read(stream: impl Read + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            sender.send_modify(|text| text.push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    });
    receiver
}

async fn wait_for(text: &watch::Receiver<String>, is_it: impl Fn(&str) -> bool) -> String {
    let mut watched = text.clone();
    if let Ok(Ok(text)) = timeout(DEADLINE, watched.wait_for(|text| is_it(text))).await {
        return text.clone();
    }
    panic!("it ended, or {DEADLINE:?} went by, with `{}`", *text.borrow());
}
