//! What the operating system and HTTP are like: serving and sending HTTP, processes and what they
//! leave behind, memory, files. This folder must not know Lambda, but
//! for the variable by which the processes of a function are found.

pub(crate) mod random;
pub(crate) mod text;

pub(crate) mod http;
pub(crate) mod notifier;
pub(crate) mod output;
pub(crate) mod procfs;
pub(crate) mod server_file;
pub(crate) mod stderr;
pub(crate) mod watch;

pub(crate) mod memory;
#[cfg(target_os = "linux")]
mod strays;

pub(crate) mod watchdog;

pub(crate) mod process;
