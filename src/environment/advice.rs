//! What the user should know that no log of a function tells: that it can't start, where its debugger
//! listens, that no runtime is there. Only the facts are here; how they are worded is decided where they
//! are shown.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::time::Duration;

use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::Failure;
use crate::system::notifier::Notifier;

/// Something that the user should know.
#[derive(Clone, Debug)]
pub(crate) enum Advice {
    /// The init phase failed, and why.
    NotStarted(NotStarted),
    /// An invocation waits for a runtime that the user starts, at this address.
    AwaitsRuntime(Option<TenantId>, SocketAddr),
    /// An invocation was throttled since all runtimes that the user has started are another's.
    NoRuntimeLeft(Option<TenantId>),
    /// A runtime that the user has started hung up with an invocation that it has not answered.
    HungUp(Option<TenantId>),
    /// A request to the API got an answer that hides why.
    ApiFailed {
        /// Its method and the resource.
        request: String,
        /// What its caller isn't told.
        reason: String,
    },
    /// The debugger of a tenant's environment listens there.
    Debugger(Option<TenantId>, SocketAddr),
}

/// An init phase that failed.
#[derive(Clone, Debug)]
pub(crate) struct NotStarted {
    /// The function's name.
    pub(crate) function: String,
    /// The handler, where mtl runs that and not a command.
    pub(crate) handler: Option<String>,
    /// The extension that is to blame, if one is.
    pub(crate) extension: Option<ExtensionFault>,
    /// The function's command.
    pub(crate) command: Vec<OsString>,
    /// Why.
    pub(crate) failure: Failure,
    /// How long it took.
    pub(crate) after: Duration,
    /// The TCP ports on which the function's processes listened meanwhile.
    pub(crate) ports: Vec<u16>,
}

/// An extension that kept a function from starting, by its name, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionFault {
    /// Its process ended.
    Ended(String, ExitStatus),
    /// It did not register in time.
    Unregistered(String),
    /// It registered, and did not ask for its first event in time.
    Unready(String),
}

/// The way to the user. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Adviser(Notifier<Advice>);

impl Adviser {
    /// Tells whom this notifies.
    #[must_use]
    pub(crate) fn new(notifier: Notifier<Advice>) -> Self {
        Self(notifier)
    }

    /// Tells the user.
    pub(crate) fn tell(&self, advice: Advice) {
        self.0.notify(advice);
    }
}
