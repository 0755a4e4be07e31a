//! Delivers the records of events that have come to their end. A destination that hangs holds up a
//! few deliveries, each for a limited time, and no stop.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::data_plane::event_queue::destination::{DeliveryError, Destination};
use crate::data_plane::event_queue::record::{EventEnd, record};
use crate::data_plane::event_queue::retry::Condition;
use crate::lambda::function::Function;
use crate::lambda::invocation::Invocation;
use crate::system::notifier::Notifier;

/// How many records of a function are delivered at once. The others wait in the queue.
const MAXIMUM_DELIVERIES: usize = 10;

/// What delivers the records of a function.
#[derive(Debug)]
pub(crate) struct Deliveries {
    function: Arc<Function>,
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
    slots: Semaphore,
    failed: Notifier<DeliveryError>,
}

impl Deliveries {
    /// Delivers to these destinations. `failed` is told of each record that was not delivered.
    #[must_use]
    pub(crate) fn new(
        function: Arc<Function>,
        on_success: Option<Destination>,
        on_failure: Option<Destination>,
        failed: Notifier<DeliveryError>,
    ) -> Self {
        let slots = Semaphore::new(MAXIMUM_DELIVERIES);
        Self { function, on_success, on_failure, slots, failed }
    }

    /// Delivers the record of an event, if there is a destination for it. `cut` ends that at once.
    pub(crate) async fn deliver(
        &self,
        invocation: &Invocation,
        end: &EventEnd,
        cut: &CancellationToken,
    ) {
        let destination = match end.condition {
            Condition::Success => &self.on_success,
            Condition::RetriesExhausted | Condition::EventAgeExceeded => &self.on_failure,
        };
        let Some(destination) = destination else { return };
        let result = tokio::select! {
            biased;
            result = self.deliver_in_turn(destination, invocation, end) => result,
            () = cut.cancelled() => Err(DeliveryError::Cut {
                request_id: invocation.request_id,
                tenant: invocation.tenant_id.clone(),
                destination: destination.clone(),
            }),
        };
        let request_id = invocation.request_id;
        match result {
            Ok(()) => tracing::debug!(%request_id, %destination, "record delivered"),
            Err(error) => {
                tracing::debug!(%request_id, %destination, %error, "record not delivered");
                self.failed.notify(error);
            }
        }
    }

    async fn deliver_in_turn(
        &self,
        destination: &Destination,
        invocation: &Invocation,
        end: &EventEnd,
    ) -> Result<(), DeliveryError> {
        // It is never closed, so this is always a slot.
        let _slot = self.slots.acquire().await;
        let record = record(&self.function, invocation, end);
        destination.deliver(&self.function.name, record).await
    }
}
