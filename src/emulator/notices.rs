//! What the emulator has to tell while it serves: one channel for all who have something to say.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::data_plane::event_queue::destination::DeliveryError;
use crate::environment::advice::Advice;
use crate::system::watchdog::link::Loss;

/// Something that the user should know.
#[derive(Debug)]
pub(crate) enum Notice {
    /// A watchdog ended while it was needed.
    WatchdogLost(Loss),
    /// An invocation record did not reach its destination.
    DeliveryFailed(DeliveryError),
    /// An environment has something to tell.
    Advice(Advice),
}

impl From<Loss> for Notice {
    fn from(loss: Loss) -> Self {
        Self::WatchdogLost(loss)
    }
}

impl From<DeliveryError> for Notice {
    fn from(error: DeliveryError) -> Self {
        Self::DeliveryFailed(error)
    }
}

impl From<Advice> for Notice {
    fn from(advice: Advice) -> Self {
        Self::Advice(advice)
    }
}

/// The notices that were not read yet, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Notices(UnboundedReceiver<Notice>);

impl Notices {
    /// The end that is read, and the one that everybody tells.
    #[must_use]
    pub(crate) fn channel() -> (UnboundedSender<Notice>, Self) {
        let (sender, receiver) = unbounded_channel();
        (sender, Self(receiver))
    }

    /// The next one, for as long as it takes.
    pub(crate) async fn next(&mut self) -> Notice {
        match self.0.recv().await {
            Some(notice) => notice,
            None => std::future::pending().await,
        }
    }

    /// The notices that have come and were not read.
    pub(crate) fn pending(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}
