//! The functions that are served, each with what runs it.

use std::sync::Arc;

use crate::data_plane::dispatch::DataPlane;
use crate::data_plane::event_queue::EventQueue;
use crate::lambda::function::Function;

/// All functions, in the order in which they were declared. There is at least one. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Functions(Arc<[ServedFunction]>);

/// A function that is served.
#[derive(Clone, Debug)]
pub(crate) struct ServedFunction {
    /// Runs the invocations that a caller waits for.
    pub(crate) data_plane: DataPlane,
    /// Runs the others.
    pub(crate) event_queue: EventQueue,
}

impl ServedFunction {
    /// The function itself.
    #[must_use]
    pub(crate) fn function(&self) -> &Arc<Function> {
        self.data_plane.function()
    }
}

impl Functions {
    /// These functions; `None` if there are none.
    #[must_use]
    pub(crate) fn new(functions: Vec<ServedFunction>) -> Option<Self> {
        (!functions.is_empty()).then(|| Self(functions.into()))
    }

    /// All of them.
    #[must_use]
    pub(crate) fn all(&self) -> &[ServedFunction] {
        &self.0
    }

    /// The first one, which is the only one where there is no template.
    #[must_use]
    pub(crate) fn first(&self) -> &ServedFunction {
        &self.0[0]
    }

    /// The one of this name.
    #[must_use]
    pub(crate) fn named(&self, name: &str) -> Option<&ServedFunction> {
        self.0.iter().find(|served| served.function().name == name)
    }
}
