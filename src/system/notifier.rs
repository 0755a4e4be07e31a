//! A way to tell about something from below, without knowing who listens and what else they hear.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

/// Tells a listener about values of one type. Cloning is cheap.
pub(crate) struct Notifier<T>(Arc<dyn Fn(T) + Send + Sync>);

impl<T> Notifier<T> {
    /// Sends what it is told into a channel, which may take notices of other kinds too.
    #[must_use]
    pub(crate) fn into_channel<N>(channel: UnboundedSender<N>) -> Self
    where
        N: From<T> + Send + 'static,
    {
        Self(Arc::new(move |value| {
            // When nobody listens any more, mtl is ending.
            let _ = channel.send(N::from(value));
        }))
    }

    /// Tells it. Never waits.
    pub(crate) fn notify(&self, value: T) {
        (self.0)(value);
    }
}

impl<T> Clone for Notifier<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Debug for Notifier<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notifier").finish_non_exhaustive()
    }
}
