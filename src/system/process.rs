//! The processes of execution environments: each is started as the leader of a process group of its
//! own, signaled and reaped as a group, and nothing of it is left behind however mtl ends.

mod foreign;
pub(crate) mod launch;
pub(crate) mod limits;
mod reaper;
mod sweeper;

pub(crate) mod processes;

pub(crate) use processes::{Process, Processes, Setup};
