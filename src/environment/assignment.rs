//! The way to reach an environment, and an invocation on that way.

use std::fmt::Debug;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::lambda::invocation::{Ended, Invocation, Response};

/// An invocation on its way through an environment.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The invocation.
    pub(crate) invocation: Arc<Invocation>,
    /// Whether the environment is started for it.
    pub(crate) is_cold: bool,
    /// Its hold on the environment.
    pub(crate) lease: Box<dyn Lease>,
    /// Gets the response. Dropped unused when the environment ended before it took the invocation:
    /// then another one must.
    pub(crate) reply: oneshot::Sender<Response>,
}

/// The hold of an invocation on its environment. The environment tells it how far the invocation is,
/// and gives it back in the end. A lease that is dropped before means that the environment takes no
/// more invocations.
pub(crate) trait Lease: Debug + Send {
    /// The answer is there, and the caller gets it next. The runtime is still busy.
    fn answered(&mut self);

    /// The invocation is over: its REPORT is written.
    fn ended(&mut self, ended: &Ended);

    /// The environment is free for the next invocation.
    fn release(self: Box<Self>);
}

/// The way to reach an environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Handle {
    orders: mpsc::UnboundedSender<Order>,
}

/// What an environment is to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Run an invocation.
    Assign(Assignment),
    /// End as soon as it is free.
    Retire,
    /// End, whatever it is doing.
    Stop,
}

impl Handle {
    /// A handle, and where its orders come.
    #[must_use]
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Order>) {
        let (orders, received) = mpsc::unbounded_channel();
        (Self { orders }, received)
    }

    /// Runs an invocation there.
    pub(crate) fn assign(&self, assignment: Assignment) {
        self.send(Order::Assign(assignment));
    }

    /// Lets the environment end as soon as it is free.
    pub(crate) fn retire(&self) {
        self.send(Order::Retire);
    }

    /// Ends the environment, whatever it is doing.
    pub(crate) fn stop(&self) {
        self.send(Order::Stop);
    }

    fn send(&self, order: Order) {
        // An environment that has ended drops the order: the sender of an assignment is told by that.
        let _ = self.orders.send(order);
    }
}
