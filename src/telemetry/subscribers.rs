//! The extensions of one environment that have subscribed to telemetry: which of them get what, and
//! how it gets to them. What an event says comes from elsewhere.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>

mod event;
mod subscription;

mod delivery;
mod early_events;

mod list;

pub(crate) use event::{TelemetryEvent, TelemetryType};
pub(crate) use list::Subscribers;
pub(crate) use subscription::Subscription;
