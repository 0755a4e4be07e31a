//! What Linux tells about processes in `/proc`. Every answer is `None` or empty for a process that is
//! gone or belongs to someone else, and wherever there is no such `/proc`, as on macOS.

mod files;

pub(crate) mod ports;

pub(crate) use files::{
    Resident, Stat, StatusFile, environment, may_be_starting, network, processes,
    proportional_set_size,
};
