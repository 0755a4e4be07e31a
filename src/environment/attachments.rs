//! Runtimes that the user starts, in a debugger or an IDE: a fixed number of Runtime API addresses, each
//! for one runtime at a time.
//!
//! Who is behind an address shows only in what it calls. When a runtime hangs up and a call comes later,
//! the caller counts as a new runtime: one that got events of an environment must never serve another.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::environment::lifecycle::events::Verdict;
use crate::environment::runtime_api::calls::{Post, RuntimeCall};
use crate::environment::runtime_api::line::RuntimeLine;
use crate::lambda::function::Function;

/// The first port that is tried, which is that of AWS's emulator: an IDE's configuration names one.
const FIRST_PORT: u16 = 9001;

/// The addresses. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Attachments(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    addresses: Vec<SocketAddr>,
    free: Mutex<Free>,
    /// Lines that a runtime waits on.
    connected: tokio::sync::Mutex<mpsc::UnboundedReceiver<RuntimeLine>>,
    sender: mpsc::UnboundedSender<RuntimeLine>,
}

/// The addresses that no environment has taken.
#[derive(Debug, Default)]
struct Free {
    /// Those without a runtime.
    vacant: BTreeSet<SocketAddr>,
    /// How many have a runtime that waits.
    ready: usize,
}

impl Attachments {
    /// Listens on so many addresses, on the ports from 9001 on where they are free.
    ///
    /// # Errors
    ///
    /// When no port or file descriptor is left.
    pub(crate) async fn listen(count: usize, function: &Arc<Function>) -> io::Result<Self> {
        let mut lines = Vec::with_capacity(count);
        for port in (FIRST_PORT..).take(count) {
            lines.push(match RuntimeLine::open(port, function).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    RuntimeLine::open(0, function).await?
                }
                opened => opened?,
            });
        }
        let (sender, connected) = mpsc::unbounded_channel();
        let attachments = Self(Arc::new(Pool {
            addresses: lines.iter().map(RuntimeLine::address).collect(),
            free: Mutex::default(),
            connected: tokio::sync::Mutex::new(connected),
            sender,
        }));
        for line in lines {
            attachments.release(line);
        }
        Ok(attachments)
    }

    /// What the runtimes are to be given as `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.0.addresses
    }

    /// An address at which a runtime is needed before anything can run: none waits.
    #[must_use]
    pub(crate) fn wanted(&self) -> Option<SocketAddr> {
        self.free(|free| free.vacant.first().copied().filter(|_| free.ready == 0))
    }

    /// Waits for a runtime, and takes it. Dropping the future loses nothing.
    pub(crate) async fn connected(&self) -> RuntimeLine {
        loop {
            let line = self.0.connected.lock().await.recv().await;
            // The sender is in the same struct as the receiver.
            let Some(line) = line else { return std::future::pending().await };
            self.free(|free| free.ready -= 1);
            if line.is_waited_on() {
                return line;
            }
            self.release(line);
        }
    }

    /// Gives a line back: the runtime that calls there next is a new one.
    pub(crate) fn release(&self, line: RuntimeLine) {
        self.free(|free| free.vacant.insert(line.address()));
        tokio::spawn(self.clone().greet(line));
    }

    /// Waits until a runtime calls. What belongs to an earlier one is refused.
    async fn greet(self, mut line: RuntimeLine) {
        loop {
            match line.call().await {
                call if call.is_abandoned() => {}
                call @ (RuntimeCall::Next(_) | RuntimeCall::Extension(_)) => {
                    self.free(|free| {
                        free.vacant.remove(&line.address());
                        free.ready += 1;
                    });
                    line.hold(call);
                    // The receiver is in the same struct as the sender.
                    let _ = self.0.sender.send(line);
                    return;
                }
                // The user sees this error in the terminal where the runtime was started.
                RuntimeCall::InitError(_, verdict) => drop(verdict.send(Verdict::Accepted)),
                RuntimeCall::StreamStarted(Post { verdict, .. }, _)
                | RuntimeCall::Response(Post { verdict, .. }, _)
                | RuntimeCall::Error(Post { verdict, .. }, _) => {
                    let _ = verdict.send(Verdict::InvalidRequestId);
                }
            }
        }
    }

    fn free<T>(&self, look: impl FnOnce(&mut Free) -> T) -> T {
        // It is changed in single steps, so there is nothing half done after a panic.
        look(&mut self.0.free.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
