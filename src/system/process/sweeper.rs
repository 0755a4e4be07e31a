//! The thread that looks for what an environment left outside its process group. Looking means
//! reading a file of every process of the machine, so requests that come together share one look.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::oneshot;

use crate::system::watchdog::link::Link;

/// After a look the thread rests this many times as long as the look took, so that environments
/// which end one after the other don't keep a processor busy.
const REST: u32 = 3;

/// The longest rest.
const MAXIMUM_REST: Duration = Duration::from_millis(200);

/// The way to the thread. It ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Sweeper(Sender<Request>);

#[derive(Debug)]
struct Request {
    runtime_api: SocketAddr,
    done: oneshot::Sender<()>,
}

impl Sweeper {
    /// Starts the thread, which has the watchdog forget each address once no process names it.
    ///
    /// # Errors
    ///
    /// When the system refuses another thread.
    pub(crate) fn start(watchdog: Arc<Mutex<Link>>) -> io::Result<Self> {
        let (sender, requests) = mpsc::channel();
        thread::Builder::new().name("sweeper".into()).spawn(move || run(&requests, &watchdog))?;
        Ok(Self(sender))
    }

    /// Asks for a look; the answer comes when no process that names the address is left.
    #[must_use]
    pub(crate) fn sweep(&self, runtime_api: SocketAddr) -> oneshot::Receiver<()> {
        let (done, answer) = oneshot::channel();
        // The thread ends only after its last sender. If it died, the answer is an error at once.
        let _ = self.0.send(Request { runtime_api, done });
        answer
    }
}

fn run(requests: &Receiver<Request>, watchdog: &Mutex<Link>) {
    let mut rested = Instant::now();
    while let Ok(first) = requests.recv() {
        let mut batch = vec![first];
        while let Ok(more) = requests.recv_timeout(rested.duration_since(Instant::now())) {
            batch.push(more);
        }
        let start = Instant::now();
        #[cfg(target_os = "linux")]
        crate::system::strays::kill(&batch.iter().map(|request| request.runtime_api).collect());
        let mut watchdog = watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        for request in batch {
            watchdog.forget_runtime_api(request.runtime_api);
            // Whoever asked may have lost interest.
            let _ = request.done.send(());
        }
        drop(watchdog);
        rested = Instant::now() + (start.elapsed() * REST).min(MAXIMUM_REST);
    }
}
