//! What the extensions of one environment are told of its logs: who has subscribed to what, and the
//! events that came before anybody could. Knows neither log lines nor processes; what an event says
//! comes in from outside.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html>

mod delivery;
pub(crate) mod subscription;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::telemetry::extensions::TelemetryApi;
use delivery::Delivery;
use subscription::{Subscription, Type};

/// The most that is kept for those who have not subscribed yet, in bytes.
const EARLY_BYTES: usize = 1024 * 1024;

/// How long [`Telemetry::flush`] waits.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// The subscriptions of one environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// What came so far, while extensions may still subscribe.
    early: Option<Early>,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug, Default)]
struct Early {
    events: VecDeque<Event>,
    bytes: usize,
}

#[derive(Debug)]
struct Subscriber {
    name: String,
    api: TelemetryApi,
    types: Vec<Type>,
    delivery: Delivery,
}

/// Something that happened, as each of AWS's two APIs tells it, if it does.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// What it is an event of.
    pub(crate) r#type: Type,
    /// The JSON object of the Telemetry API.
    pub(crate) telemetry: Option<String>,
    /// The JSON object of the Logs API.
    pub(crate) logs: Option<String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        let state = State { early: Some(Early::default()), subscribers: Vec::new() };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl Telemetry {
    /// Whether anybody will ever learn of an event: otherwise none needs to be made.
    #[must_use]
    pub(crate) fn is_listening(&self) -> bool {
        let state = self.state();
        state.early.is_some() || !state.subscribers.is_empty()
    }

    /// Tells the subscribers of an event.
    pub(crate) fn publish(&self, event: Event) {
        let mut state = self.state();
        for subscriber in &state.subscribers {
            subscriber.tell(&event);
        }
        if let Some(early) = &mut state.early {
            early.keep(event);
        }
    }

    /// Delivers from now on to whom the extension named, from the first event of the environment on. A
    /// second subscription of an extension takes the place of its first.
    ///
    /// Returns `false` when no more subscriptions are taken.
    #[must_use]
    pub(crate) fn subscribe(
        &self,
        name: &str,
        api: TelemetryApi,
        subscription: Subscription,
    ) -> bool {
        let mut state = self.state();
        let Some(early) = &state.early else { return false };
        let Subscription { types, destination, buffering } = subscription;
        let delivery = Delivery::start(destination, buffering);
        let subscriber = Subscriber { name: name.to_owned(), api, types, delivery };
        early.events.iter().for_each(|event| subscriber.tell(event));
        state.subscribers.retain(|other| other.name != subscriber.name || other.api != api);
        state.subscribers.push(subscriber);
        true
    }

    /// Takes no more subscriptions: the init phase has ended.
    pub(crate) fn close(&self) {
        self.state().early = None;
    }

    /// Delivers at once what waits for more to come, and waits for that, but not for long: there may
    /// be nobody any more to take it.
    pub(crate) async fn flush(&self) {
        let flushing: Vec<_> =
            self.state().subscribers.iter().map(|subscriber| subscriber.delivery.flush()).collect();
        let all = async {
            for flushed in flushing {
                let _ = flushed.await;
            }
        };
        let _ = timeout(FLUSH_PATIENCE, all).await;
    }

    /// The extensions that have subscribed are gone, and others may come.
    pub(crate) fn reopen(&self) {
        let mut state = self.state();
        state.subscribers.clear();
        state.early.get_or_insert_default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it guards is changed in single steps: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn tell(&self, event: &Event) {
        let json = match self.api {
            TelemetryApi::Telemetry => &event.telemetry,
            TelemetryApi::Logs => &event.logs,
        };
        if let Some(json) = json
            && self.types.contains(&event.r#type)
        {
            self.delivery.send(json.clone());
        }
    }
}

impl Early {
    fn keep(&mut self, event: Event) {
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.bytes > EARLY_BYTES {
            let Some(first) = self.events.pop_front() else { return };
            self.bytes -= first.bytes();
        }
    }
}

impl Event {
    fn bytes(&self) -> usize {
        let length = |json: &Option<String>| json.as_ref().map_or(0, String::len);
        length(&self.telemetry) + length(&self.logs)
    }
}
