//! The task of one environment: one loop, which takes what happened and has the life cycle say what is
//! to be done about it, one event after the other.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::environment::assignment::{Assignment, Handle, Order};
use crate::environment::blueprint::Blueprint;
use crate::environment::lifecycle::Lifecycle;
use crate::environment::lifecycle::events::Event;
use crate::environment::parts::EnvironmentParts;
use crate::environment::shutdown::Shutdown;
use crate::telemetry::logs::LogStream;

/// An execution environment, from its start to the end of its life cycle.
#[derive(Debug)]
pub(crate) struct Environment {
    orders: mpsc::UnboundedReceiver<Order>,
    lifecycle: Lifecycle,
    /// What has happened and was not dealt with yet.
    events: VecDeque<Event>,
    parts: EnvironmentParts,
}

impl Environment {
    /// An environment for the tenant of its first invocation. Nothing happens until it is run.
    #[must_use]
    pub(crate) fn new(blueprint: Arc<Blueprint>, id: Uuid, first: Assignment) -> (Handle, Self) {
        let (handle, orders) = Handle::new();
        let invocation = &first.invocation;
        let log = LogStream::new(
            blueprint.shared.logs.clone(),
            blueprint.function.clone(),
            id,
            invocation.tenant_id.clone(),
        );
        let lifecycle = Lifecycle::new(blueprint.limits, invocation.request_id, Instant::now());
        let parts = EnvironmentParts::new(blueprint, log, first);
        (handle, Self { orders, lifecycle, events: VecDeque::new(), parts })
    }

    /// Lives until the life cycle is over. No invocation reaches it then.
    pub(crate) async fn run(mut self) -> Shutdown {
        let happened = self.parts.open().await;
        self.events.extend(happened);
        while !self.lifecycle.is_ended() {
            if let Some(event) = self.events.pop_front() {
                self.step(event);
            } else {
                let happened = self.wait().await;
                self.events.extend(happened);
            }
        }
        self.parts.into_shutdown()
    }

    /// Waits for the next thing that happens.
    async fn wait(&mut self) -> Option<Event> {
        let deadline = self.lifecycle.deadline();
        tokio::select! {
            biased;
            Some(order) = self.orders.recv() => Some(match order {
                Order::Assign(assignment) => self.parts.assigned(assignment),
                Order::Retire => Event::Retired,
                Order::Stop => Event::StopAsked,
            }),
            () = passed(deadline) => Some(Event::DeadlinePassed),
            event = self.parts.event() => event,
        }
    }

    /// Deals with one event. What its effects cause is dealt with next.
    fn step(&mut self, event: Event) {
        self.parts.trace("event", event.name());
        self.parts.phase_began(self.lifecycle.since());
        for effect in self.lifecycle.step(event, Instant::now()) {
            self.parts.trace("effect", effect.name());
            self.events.extend(self.parts.perform(effect, self.lifecycle.deadline()));
        }
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
