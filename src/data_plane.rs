//! The data plane: every invocation comes through [`DataPlane`], which finds an idle environment of its
//! tenant, starts one, or throttles. It sees neither who calls nor processes.
//!
//! - `account`: what all functions share, concurrent executions and environments.
//! - `scaling`: how fast a function may start environments.
//! - `placement`: which environment an invocation gets, decided on bookkeeping alone.
//! - `fleet`: the environments of one function, with what happened in them.
//! - `lease`: an invocation's hold on one of them, which gives the place back in any case.
//! - `dispatch`: hands invocations over to environments, and starts those.
//! - `event_queue`: asynchronous invocations.
//! - `functions`: the functions that are served, each with its data plane and its queue.

mod account;

mod scaling;

mod placement;

mod fleet;

mod lease;

mod dispatch;

pub(crate) mod event_queue;

pub(crate) mod functions;

#[cfg(feature = "benchmarks")]
#[path = "../benches/micro/placement.rs"]
pub(crate) mod benchmark;

pub(crate) use account::{Account, AccountLimits, FunctionLimits, ThrottleReason};
pub(crate) use dispatch::{DataPlane, Refusal};
pub(crate) use fleet::TenantCounts;
