//! The signals that end `mtl serve`. The second one ends it whatever hangs, so a thread of its own
//! listens to them: the one that serves may be waiting for a reader of stderr, or for a disk.

use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{future, io, thread};

use rustix::process::Signal;
use tokio::runtime;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long mtl has to end by itself after the last signal. It takes a few milliseconds unless
/// something hangs. The watchdog ends the processes of functions in any case.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// The signals that arrive, in their order.
#[derive(Debug)]
pub(super) struct Signals {
    received: UnboundedReceiver<Signal>,
    /// Shared with the thread that listens.
    next_is_last: Arc<AtomicBool>,
}

impl Signals {
    /// From here on signals don't end mtl by themselves, until the second one.
    ///
    /// # Errors
    ///
    /// When the system has no room for a thread or for what it listens with.
    pub(super) fn listen() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let mut listeners = {
            let _entered = runtime.enter();
            Listeners::new()?
        };
        let (sender, received) = unbounded_channel();
        let next_is_last = Arc::new(AtomicBool::new(false));
        let shared = next_is_last.clone();
        let listen = move || runtime.block_on(listeners.pass_on(&sender, &shared));
        thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        Ok(Self { received, next_is_last })
    }

    /// The next one. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            // The thread listens for as long as the process lives.
            None => future::pending().await,
        }
    }

    /// The next signal ends mtl at once, even if it is the first one: mtl is ending already.
    pub(super) fn expect_the_last(&self) {
        self.next_is_last.store(true, Ordering::Relaxed);
    }
}

/// The exit status of a program that a signal has ended, as a shell has it.
fn status(signal: Signal) -> u8 {
    128 + u8::try_from(signal.as_raw()).unwrap_or_default()
}

/// The exit code of a program that a signal has ended.
pub(super) fn exit_code(signal: Signal) -> ExitCode {
    ExitCode::from(status(signal))
}

/// What the thread listens to.
struct Listeners {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Listeners {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hangup: unix::signal(SignalKind::hangup())?,
        })
    }

    /// Passes all signals on. After the last one it ends the process, unless that has ended before.
    async fn pass_on(&mut self, sender: &UnboundedSender<Signal>, next_is_last: &AtomicBool) {
        loop {
            let signal = self.next().await;
            let is_last = next_is_last.swap(true, Ordering::Relaxed);
            // When nobody takes them any more, mtl is ending.
            let _ = sender.send(signal);
            if is_last {
                tokio::select! {
                    () = tokio::time::sleep(LAST_MOMENTS) => {}
                    _ = self.next() => {}
                }
                process::exit(status(signal).into());
            }
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}
