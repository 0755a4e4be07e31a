//! The line to whoever is behind one Runtime API address: what it calls, one call after the other.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment::runtime_api::calls::RuntimeCall;
use crate::environment::runtime_api::listener::RuntimeListener;
use crate::lambda::function::Function;
use crate::system::http::Connection;

/// How many calls wait in a line. A runtime makes one after the other, and its extensions too.
const CAPACITY: usize = 4;

/// A Runtime API that is served. Dropping it cuts all connections off.
#[derive(Debug)]
pub(crate) struct RuntimeLine {
    listener: RuntimeListener,
    function: Arc<Function>,
    calls: mpsc::Receiver<RuntimeCall>,
    /// Calls that were taken and put back.
    held: VecDeque<RuntimeCall>,
    /// Connections of runtimes whose environment has ended. They get nothing any more.
    retired: Vec<Connection>,
    serving: JoinHandle<()>,
}

impl RuntimeLine {
    /// Listens on this loopback port; 0 is any free one.
    ///
    /// # Errors
    ///
    /// When the port is taken, or no file descriptor is left.
    pub(crate) async fn open(port: u16, function: &Arc<Function>) -> io::Result<Self> {
        let listener = RuntimeListener::bind(port).await?;
        let function = Arc::clone(function);
        let (calls, serving) = serve(&listener, &function);
        Ok(Self { listener, function, calls, held: VecDeque::new(), retired: Vec::new(), serving })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The next call. Dropping the future loses nothing.
    pub(crate) async fn call(&mut self) -> RuntimeCall {
        if let Some(call) = self.held.pop_front() {
            return call;
        }
        loop {
            match self.calls.recv().await {
                Some(RuntimeCall::Next(poll)) if self.is_retired(&poll.connection) => poll.refuse(),
                Some(call) => return call,
                // The listener has a sender for as long as the line is open.
                None => std::future::pending().await,
            }
        }
    }

    fn is_retired(&self, connection: &Connection) -> bool {
        self.retired.iter().any(|retired| retired.is(connection))
    }

    /// What comes on this connection is refused from now on: its runtime's environment has ended, and
    /// it must not be taken for another one's.
    pub(crate) fn retire(&mut self, connection: Connection) {
        self.retired.retain(Connection::is_open);
        self.retired.push(connection);
    }

    /// Puts a call back: it is the next one again.
    pub(crate) fn hold(&mut self, call: RuntimeCall) {
        self.held.push_front(call);
    }

    /// Whether the call that was put back still waits for its answer.
    #[must_use]
    pub(crate) fn is_waited_on(&self) -> bool {
        self.held.front().is_some_and(|call| !call.is_abandoned())
    }

    /// Cuts all connections off and listens again, as if nothing had been.
    pub(crate) fn cut(&mut self) {
        self.serving.abort();
        self.held.clear();
        self.retired.clear();
        (self.calls, self.serving) = serve(&self.listener, &self.function);
    }
}

impl Drop for RuntimeLine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn serve(
    listener: &RuntimeListener,
    function: &Function,
) -> (mpsc::Receiver<RuntimeCall>, JoinHandle<()>) {
    let (sender, calls) = mpsc::channel(CAPACITY);
    (calls, tokio::spawn(listener.serve(function, sender)))
}
