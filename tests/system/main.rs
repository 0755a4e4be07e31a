//! The parts of `src/system` that start processes, signal them and look at them, with real ones.
//!
//! They are compiled into this program a second time: what mtl is made of is private, and a process
//! that reaps its children can't be the one that runs the other tests.

#![allow(clippy::unwrap_used, reason = "whatever is missing, the test has failed")]

#[path = "../../src/system"]
#[allow(dead_code, unused_imports, reason = "what only the rest of mtl uses")]
mod system {
    pub(crate) mod notifier;
    pub(crate) mod procfs;

    pub(crate) mod memory;
    #[cfg(target_os = "linux")]
    pub(crate) mod strays;

    pub(crate) mod watchdog;

    pub(crate) mod process;
}

#[cfg(target_os = "linux")]
mod memory;
mod processes;
#[cfg(target_os = "linux")]
mod procfs;
