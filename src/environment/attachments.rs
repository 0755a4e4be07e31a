//! Runtimes that the user starts, in a debugger or an IDE: a fixed number of Runtime API addresses, each
//! for one runtime at a time. Knows neither environments nor tenants.
//!
//! Who is behind an address shows only in what it calls. A runtime that has hung up and one that calls
//! anew are two: whoever was told the events of one environment must not be mistaken for another.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::environment::lifecycle::events::Verdict;
use crate::environment::runtime_api::RuntimeCall;
use crate::environment::runtime_api::line::Line;
use crate::lambda::function::Function;
use crate::system::http::Connection;
use crate::telemetry::extensions::ExtensionCall;

/// The first port that is tried, which is that of AWS's emulator: an IDE's configuration names one.
const FIRST_PORT: u16 = 9001;

/// The addresses. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Attachments(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    addresses: Vec<SocketAddr>,
    free: Mutex<Free>,
    /// Lines that a runtime waits on.
    connected: tokio::sync::Mutex<mpsc::UnboundedReceiver<Line>>,
    sender: mpsc::UnboundedSender<Line>,
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
            lines.push(match Line::open(port, function).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    Line::open(0, function).await?
                }
                opened => opened?,
            });
        }
        let (sender, connected) = mpsc::unbounded_channel();
        let attachments = Self(Arc::new(Shared {
            addresses: lines.iter().map(Line::address).collect(),
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
    pub(crate) async fn connected(&self) -> Line {
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
    pub(crate) fn release(&self, line: Line) {
        self.free(|free| free.vacant.insert(line.address()));
        tokio::spawn(self.clone().greet(line));
    }

    /// Waits until a runtime calls. What belongs to an earlier one is refused.
    async fn greet(self, mut line: Line) {
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
                // The runtime has said the same where it was started.
                RuntimeCall::InitError(_, verdict) => drop(verdict.send(Verdict::Accepted)),
                RuntimeCall::StreamStarted(_, _, verdict)
                | RuntimeCall::Response(_, _, verdict)
                | RuntimeCall::Error(_, _, verdict) => {
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

/// Whether a call shows that another runtime is behind the address than the one that was there: one
/// that registers an extension after init, or asks for an event on another connection than the one that
/// has an event which it has not answered.
#[must_use]
pub(crate) fn is_from_another(
    call: &RuntimeCall,
    initialized: bool,
    unanswered: Option<&Connection>,
) -> bool {
    match call {
        RuntimeCall::Next(poll) => unanswered.is_some_and(|its| !its.is(&poll.connection)),
        RuntimeCall::Extension(ExtensionCall::Register(..)) => initialized,
        _ => false,
    }
}
