//! The resident memory of process groups: the most that each had, and who has more than it may. Pages
//! that the processes of a group share count once.
//!
//! Only Linux tells the memory of other processes without privileges; see [`supported`].

pub(crate) mod group;

mod monitor;

pub(crate) use monitor::{MemoryMonitor, Watched, supported};
