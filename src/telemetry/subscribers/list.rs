//! Who has subscribed to what, and what came before anybody could.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::telemetry::extensions::TelemetryApi;
use crate::telemetry::subscribers::delivery::Delivery;
use crate::telemetry::subscribers::early_events::EarlyEvents;
use crate::telemetry::subscribers::event::{TelemetryEvent, TelemetryType};
use crate::telemetry::subscribers::subscription::Subscription;

/// How long [`Subscribers::flush`] waits.
const FLUSH_PATIENCE: Duration = Duration::from_millis(500);

/// The subscribers of one environment. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Subscribers(Arc<Mutex<SubscriberList>>);

#[derive(Debug)]
struct SubscriberList {
    /// What came so far, while extensions may still subscribe.
    early: Option<EarlyEvents>,
    subscribers: Vec<Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    name: String,
    api: TelemetryApi,
    types: Vec<TelemetryType>,
    delivery: Delivery,
}

impl Default for Subscribers {
    fn default() -> Self {
        let list = SubscriberList { early: Some(EarlyEvents::default()), subscribers: Vec::new() };
        Self(Arc::new(Mutex::new(list)))
    }
}

impl Subscribers {
    /// Whether anybody will ever learn of an event: otherwise none needs to be made.
    #[must_use]
    pub(crate) fn is_listening(&self) -> bool {
        let list = self.lock();
        list.early.is_some() || !list.subscribers.is_empty()
    }

    /// Tells the subscribers of an event.
    pub(crate) fn publish(&self, event: TelemetryEvent) {
        let mut list = self.lock();
        for subscriber in &list.subscribers {
            subscriber.tell(&event);
        }
        if let Some(early) = &mut list.early {
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
        let mut list = self.lock();
        let Some(early) = &list.early else { return false };
        let Subscription { types, destination, buffering } = subscription;
        let delivery = Delivery::start(destination, buffering);
        let subscriber = Subscriber { name: name.to_owned(), api, types, delivery };
        early.iter().for_each(|event| subscriber.tell(event));
        list.subscribers.retain(|other| other.name != subscriber.name || other.api != api);
        list.subscribers.push(subscriber);
        true
    }

    /// Takes no more subscriptions: the init phase has ended.
    pub(crate) fn close(&self) {
        self.lock().early = None;
    }

    /// Delivers at once what waits for more to come, and waits for that, but not for long: there may
    /// be nobody any more to take it.
    pub(crate) async fn flush(&self) {
        let flushing: Vec<_> =
            self.lock().subscribers.iter().map(|subscriber| subscriber.delivery.flush()).collect();
        let all = async {
            for flushed in flushing {
                let _ = flushed.await;
            }
        };
        let _ = timeout(FLUSH_PATIENCE, all).await;
    }

    /// The extensions that have subscribed are gone, and others may come.
    pub(crate) fn reopen(&self) {
        let mut list = self.lock();
        list.subscribers.clear();
        list.early.get_or_insert_default();
    }

    fn lock(&self) -> MutexGuard<'_, SubscriberList> {
        // What it guards is changed in single steps: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    fn tell(&self, event: &TelemetryEvent) {
        let json = match self.api {
            TelemetryApi::Telemetry => &event.telemetry,
            TelemetryApi::Logs => &event.logs,
        };
        if let Some(json) = json
            && self.types.contains(&event.telemetry_type)
        {
            self.delivery.send(json.clone());
        }
    }
}
