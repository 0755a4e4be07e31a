//! One execution environment, from its start to its end.
//!
//! An environment is started for an invocation, belongs to that invocation's tenant for life, and is
//! reached only through its [`Handle`]. The life cycle is a state machine: it is told what happened, one
//! event after the other, and answers with the effects that are to be performed. The actor is the one
//! loop that does this. The link to the runtime, the runtime's process and the extensions tell what
//! happens to them, and that becomes an event.
//!
//! When the life cycle is over, [`Environment::run`] returns what is left of it: no invocation can reach
//! it any more, and [`shutdown::Shutdown::clean_up`] ends its processes as Lambda does and removes every
//! trace.

pub(crate) mod advice;
pub(crate) mod interpreter;
pub(crate) mod lifecycle;
pub(crate) mod local_calls;
pub(crate) mod runtime_client;

mod variables;

mod runtime_api;

pub(crate) mod attachments;

pub(crate) mod blueprint;

mod launcher;

mod host;
mod runtime_link;

mod extension_processes;

mod extension_host;

mod shutdown;

mod assignment;

mod in_flight;

mod parts;

mod actor;

#[cfg(feature = "benchmarks")]
pub(crate) use runtime_api::benchmark;

pub(crate) use actor::Environment;
pub(crate) use assignment::{Assignment, Handle, Lease};
