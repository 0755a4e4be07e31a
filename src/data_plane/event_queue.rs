//! Asynchronous invocations: accepted at once, run as often as AWS would, and told to a destination
//! when they have come to their end.
//!
//! The queue is in memory: what a stop can't finish is dropped, and named.

pub(crate) mod destination;
pub(crate) mod retry;

mod record;

mod delivery;

mod queue;

pub(crate) use queue::{DroppedEvent, EventCounts, EventQueue, EventQueueSettings};
