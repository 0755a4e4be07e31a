//! Owns a process that runs beside a test: what it has printed so far, and its end.
//!
//! It doesn't know which program it is.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take that a test waits for: long, for a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A process that is asked to end, and then killed, when the value is dropped.
pub(crate) struct Running {
    child: Child,
    /// What it has written to stdout.
    pub(crate) stdout: Printed,
    /// What it has written to stderr.
    pub(crate) stderr: Printed,
}

impl Running {
    /// Starts the command with stdin closed.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start `{command:?}`: {error}"));
        let stdout = Printed::collect(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Printed::collect(child.stderr.take().expect("stderr is a pipe"));
        Self { child, stdout, stderr }
    }

    /// Starts a server that must be told its port, and waits until it accepts connections. A port
    /// that someone else took in between shows as an early exit: then another one is tried.
    pub(crate) fn start_on_free_port(command: impl Fn(u16) -> Command) -> (Self, SocketAddr) {
        for _ in 0..3 {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            let mut server = Self::start(&mut command(address.port()));
            if server.accepts(address) {
                return (server, address);
            }
        }
        panic!("`{:?}` ended three times before it listened", command(0));
    }

    /// Whether it listens in the end; false when it ended before.
    fn accepts(&mut self, address: SocketAddr) -> bool {
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(address).is_err() {
            if self.child.try_wait().expect("the child can be waited for").is_some() {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "nothing listens at {address}:\n{}{}",
                self.stdout.text(),
                self.stderr.text()
            );
            thread::park_timeout(Duration::from_millis(10));
        }
        true
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What fails here has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        self.stdout.closed_within(Duration::from_secs(10));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has a free port")
        .port()
}

/// The text that came out of a pipe so far.
#[derive(Clone)]
pub(crate) struct Printed(Arc<(Mutex<Collected>, Condvar)>);

#[derive(Default)]
struct Collected {
    text: String,
    closed: bool,
}

impl Printed {
    fn collect(pipe: impl Read + Send + 'static) -> Self {
        let printed = Self(Arc::default());
        let writer = printed.clone();
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                writer.change(|collected| collected.text.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            writer.change(|collected| collected.closed = true);
        });
        printed
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.lock().text.clone()
    }

    /// Waits for `found` to find something in the text; panics with the text at the deadline, or
    /// when the pipe was closed without it.
    pub(crate) fn wait_for<T>(&self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut collected = self.lock();
        loop {
            if let Some(found) = found(&collected.text) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !collected.closed, "no {what} in:\n{}", collected.text);
            let waited = self.0.1.wait_timeout(collected, left);
            collected = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn closed_within(&self, time: Duration) {
        // Whether it closed doesn't matter: the caller kills the process next.
        let _ = self.0.1.wait_timeout_while(self.lock(), time, |collected| !collected.closed);
    }

    fn change(&self, change: impl FnOnce(&mut Collected)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
