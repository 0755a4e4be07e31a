//! The environment's end of its Runtime API: the runtime's calls as they come, and those of them that
//! still wait for an answer. Where the user starts the runtimes, it also finds out that one is gone.
//!
//! Nothing tells a runtime that was started again from the one before but its connections. A runtime
//! that was told the events of one environment must not be taken for another's, and a new one must not
//! be taken for the old one.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use uuid::Uuid;

use crate::environment::attachments::Attachments;
use crate::environment::blueprint::{Blueprint, Runtimes};
use crate::environment::lifecycle::events::{Event, Verdict};
use crate::environment::runtime_api::calls::{Post, RuntimeCall};
use crate::environment::runtime_api::line::RuntimeLine;
use crate::environment::runtime_api::next::{Next, Poll};
use crate::system::http::Connection;
use crate::telemetry::extensions::ExtensionCall;

/// How often it is looked at whether a runtime that the user has started is still there.
const LOOK_AT_RUNTIME: Duration = Duration::from_secs(1);

/// How long clients that keep their connection open keep it at the least while they don't use it.
/// .NET's waits for a minute, those of Rust and Go for 90 seconds.
const KEPT_OPEN: Duration = Duration::from_secs(50);

/// The link between an environment and its runtime.
#[derive(Debug, Default)]
pub(crate) struct RuntimeLink {
    /// `None` until it is opened, and while a runtime that the user starts is waited for.
    line: Option<RuntimeLine>,
    /// Where runtimes come from that the user starts.
    attachments: Option<Attachments>,
    /// The runtime's `/next`, held until there is an event.
    held: Option<Poll>,
    /// The event that the runtime got last.
    delivered: Option<Delivered>,
    /// The runtime's POST that the life cycle is deciding about.
    pending: Option<Pending>,
    /// The answer that the runtime would like to stream, while the life cycle decides about it.
    stream: Option<mpsc::Receiver<Bytes>>,
    /// Whether the runtime has asked for an event since it was started.
    has_polled: bool,
    /// The runtime is being killed: nothing that it or its extensions say counts any more.
    is_muted: bool,
}

/// A POST of the runtime that waits for its answer.
#[derive(Debug)]
struct Pending {
    verdict: oneshot::Sender<Verdict>,
    /// `None` if it is about the init phase.
    connection: Option<Connection>,
}

/// An event that the runtime got.
#[derive(Debug)]
struct Delivered {
    /// What it was delivered on.
    connection: Connection,
    /// Whether that was closed before the event was answered, as far as somebody looked.
    has_hung_up: bool,
    answered: Option<Answered>,
}

/// How the runtime has answered.
#[derive(Debug)]
struct Answered {
    at: Instant,
    /// Whether on the connection of the event: then the client keeps it open for the next one too.
    on_same_connection: bool,
}

impl Delivered {
    /// Whether a poll on this connection must be another runtime's: this one has yet to answer on its
    /// connection, or kept that open and has closed it since. Clients that open a connection for each
    /// call can't be told from another runtime once they have answered.
    fn rules_out(&self, connection: &Connection) -> bool {
        match &self.answered {
            None => !self.connection.is(connection),
            Some(Answered { at, on_same_connection }) => {
                *on_same_connection && !self.connection.is_open() && at.elapsed() < KEPT_OPEN
            }
        }
    }

    /// As [`Delivered::rules_out`], while a poll is held: the one that is known to be this runtime's
    /// waits on the connection of the event, or has hung up.
    fn rules_out_besides(&self, held: &Poll, connection: &Connection) -> bool {
        let is_known = held.is_abandoned() || self.connection.is(&held.connection);
        is_known && !held.connection.is(connection)
    }
}

/// What shows on the link.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The runtime asked for an event. The poll is held.
    Polled,
    /// The runtime posted something, which waits for [`RuntimeLink::reply`].
    Posted(Event),
    /// An extension called.
    Extension(ExtensionCall),
    /// The runtime that the user has started has hung up with an event that it has not answered. It
    /// may come back: clients also open a connection for each call.
    HungUp,
    /// The runtime that the user has started is gone. Another one may be there already.
    Gone,
}

impl RuntimeLink {
    /// Listens, or gets ready to wait for a runtime that the user starts.
    ///
    /// # Errors
    ///
    /// When the system has no port or file descriptor left.
    pub(crate) async fn open(&mut self, blueprint: &Blueprint) -> std::io::Result<()> {
        match &blueprint.runtimes {
            Runtimes::Attached(attachments) => self.attachments = Some(attachments.clone()),
            Runtimes::Command | Runtimes::Debugged(_) => {
                self.line = Some(RuntimeLine::open(0, &blueprint.function).await?);
            }
        }
        Ok(())
    }

    /// Where the Runtime API listens; `None` while it does not.
    #[must_use]
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.line.as_ref().map(RuntimeLine::address)
    }

    /// Where a runtime that the user starts is needed, if none waits.
    #[must_use]
    pub(crate) fn wanted(&self) -> Option<SocketAddr> {
        self.attachments.as_ref().and_then(Attachments::wanted)
    }

    /// Whether a runtime is there that the user has started.
    #[must_use]
    pub(crate) fn is_attached(&self) -> bool {
        self.attachments.is_some() && self.line.is_some()
    }

    /// Whether the runtime waits for an event.
    #[must_use]
    pub(crate) fn holds_poll(&self) -> bool {
        self.held.is_some()
    }

    /// The next thing that shows. Dropping the future loses nothing.
    pub(crate) async fn event(&mut self) -> LinkEvent {
        if self.is_muted {
            return pending().await;
        }
        loop {
            let Self { line, attachments, held, delivered, .. } = &mut *self;
            let held = held.as_mut().filter(|_| attachments.is_some());
            let has_line = line.is_some();
            let vacant = attachments.as_ref().filter(|_| !has_line);
            let is_watched = attachments.is_some()
                && delivered.as_ref().is_some_and(|it| it.answered.is_none() && !it.has_hung_up);
            tokio::select! {
                biased;
                () = if_some(held.map(Poll::hung_up)) => return self.give_up(),
                () = sleep(LOOK_AT_RUNTIME), if is_watched => {
                    if self.look_at_runtime() {
                        return LinkEvent::HungUp;
                    }
                }
                call = if_some(line.as_mut().map(RuntimeLine::call)) => return self.called(call),
                line = if_some(vacant.map(Attachments::connected)) => self.line = Some(line),
            }
        }
    }

    /// Whether the runtime has hung up with an event that it has not answered.
    fn look_at_runtime(&mut self) -> bool {
        let Some(delivered) = &mut self.delivered else { return false };
        delivered.has_hung_up = !delivered.connection.is_open();
        delivered.has_hung_up
    }

    fn called(&mut self, call: RuntimeCall) -> LinkEvent {
        if self.attachments.is_some() && self.is_from_another(&call) {
            return self.give_up_for(call);
        }
        match call {
            RuntimeCall::Next(poll) => {
                // An earlier poll that is still held was given up by the runtime.
                self.held = Some(poll);
                self.has_polled = true;
                LinkEvent::Polled
            }
            RuntimeCall::StreamStarted(post, chunks) => {
                self.stream = Some(chunks);
                LinkEvent::Posted(Event::StreamStarted(self.posted(post)))
            }
            RuntimeCall::Response(post, body) => {
                LinkEvent::Posted(Event::Responded(self.posted(post), body))
            }
            RuntimeCall::Error(post, failure) => {
                LinkEvent::Posted(Event::ErrorPosted(self.posted(post), failure))
            }
            RuntimeCall::InitError(failure, verdict) => {
                self.pending = Some(Pending { verdict, connection: None });
                LinkEvent::Posted(Event::InitErrorPosted(failure))
            }
            RuntimeCall::Extension(call) => LinkEvent::Extension(call),
        }
    }

    /// Keeps what a POST waits on, and returns which invocation it names.
    fn posted(&mut self, Post { id, connection, verdict }: Post) -> Uuid {
        self.pending = Some(Pending { verdict, connection: Some(connection) });
        id
    }

    /// Whether a call shows that another runtime is behind the address than the one that was there: an
    /// extension registers after init, or a poll comes on another connection than it could.
    fn is_from_another(&self, call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Next(Poll { connection, .. }) => {
                self.delivered.as_ref().is_some_and(|last| match &self.held {
                    Some(held) => last.rules_out_besides(held, connection),
                    None => last.rules_out(connection),
                })
            }
            RuntimeCall::Extension(ExtensionCall::Register { .. }) => self.has_polled,
            _ => false,
        }
    }

    /// Whether the runtime that the user has started has hung up while it waited for an event.
    #[must_use]
    pub(crate) fn has_lost_runtime(&self) -> bool {
        self.attachments.is_some() && self.held.as_ref().is_some_and(Poll::is_abandoned)
    }

    /// The runtime that the user has started is gone: gives its address back.
    pub(crate) fn give_up(&mut self) -> LinkEvent {
        if let (Some(line), Some(attachments)) = (self.retire(), &self.attachments) {
            attachments.release(line);
        }
        LinkEvent::Gone
    }

    /// Another runtime has come, with this call: gives its address back.
    fn give_up_for(&mut self, call: RuntimeCall) -> LinkEvent {
        if let (Some(mut line), Some(attachments)) = (self.retire(), &self.attachments) {
            line.hold(call);
            attachments.release(line);
        }
        LinkEvent::Gone
    }

    /// The line, on which the runtime that was here gets nothing any more.
    fn retire(&mut self) -> Option<RuntimeLine> {
        let mut line = self.line.take()?;
        if let Some(delivered) = self.delivered.take() {
            line.retire(delivered.connection);
        }
        if let Some(held) = self.held.take() {
            line.retire(held.connection.clone());
            held.refuse();
        }
        Some(line)
    }

    /// Gives the runtime this event, if it waits for one.
    pub(crate) fn deliver(&mut self, next: impl FnOnce() -> Next) {
        if let Some(held) = self.held.take() {
            let connection = held.connection.clone();
            self.delivered = Some(Delivered { connection, has_hung_up: false, answered: None });
            held.deliver(next());
        }
    }

    /// Answers the runtime's POST.
    pub(crate) fn reply(&mut self, verdict: Verdict) {
        let Some(Pending { verdict: reply, connection }) = self.pending.take() else { return };
        if let (Some(delivered), Some(connection)) = (&mut self.delivered, connection) {
            let on_same_connection = delivered.connection.is(&connection);
            let answered = Some(Answered { at: Instant::now(), on_same_connection });
            match verdict {
                Verdict::Accepted | Verdict::Proceed { .. } | Verdict::TooLarge => {
                    delivered.answered = answered;
                }
                Verdict::Truncated => delivered.answered = None,
                Verdict::InvalidRequestId | Verdict::InvalidTransition { .. } => {}
            }
        }
        // The runtime may have hung up.
        let _ = reply.send(verdict);
    }

    /// What the runtime streams, if it asked to.
    pub(crate) fn take_stream(&mut self) -> Option<mpsc::Receiver<Bytes>> {
        self.stream.take()
    }

    /// The runtime is being killed, so that another one can take its place: no call of it counts any
    /// more.
    pub(crate) fn mute(&mut self) {
        self.is_muted = true;
    }

    /// The processes of the runtime that was killed are gone: forgets it, and listens to the next one.
    pub(crate) fn unmute(&mut self) {
        if !std::mem::take(&mut self.is_muted) {
            return;
        }
        // Calls that are on their way are from processes that are no more.
        if let Some(line) = &mut self.line {
            line.cut();
        }
        let (line, attachments) = (self.line.take(), self.attachments.take());
        *self = Self { line, attachments, ..Self::default() };
    }

    /// Cuts off a runtime that the user has started, which must not serve another tenant, and gives
    /// its address back.
    pub(crate) fn cut_off(&mut self) {
        if let (Some(line), Some(_)) = (&mut self.line, &self.attachments) {
            line.cut();
            self.give_up();
        }
    }
}

async fn if_some<T>(future: Option<impl Future<Output = T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
