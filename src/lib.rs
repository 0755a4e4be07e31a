//! The library behind the `mtl` command: a local Lambda for functions in tenant isolation mode.
//!
//! The folders, from the ground up. A folder uses those above it in this list, never those below,
//! and inside a folder the modules are declared in the same order. `tests/it/tidy.rs` checks both.
//!
//! - `lambda`: Lambda's words and numbers. A function, an invocation, what can come of it, quotas.
//! - `system`: what the operating system and HTTP are like. Processes, memory, files, connections.
//! - `telemetry`: what is recorded and told of invocations. Metrics, logs, the Telemetry API.
//! - `environment`: one execution environment. Its life cycle, its Runtime API, its processes.
//! - `data_plane`: which environment an invocation gets, and what waits for one.
//! - `endpoints`: what callers see on the wire. The Invoke API, API Gateway, CloudWatch.
//! - `emulator`: what is served, put together, and the templates that describe it.
//! - `client`: calling functions, here and on AWS, once or as a load.
//! - `report`: the figures of tenants, what they cost, and how both are shown.
//! - `example_function`: the function that is served where there is no other.
//! - `cli`: the commands. Arguments, wording, exit codes.

#![forbid(unsafe_code)]

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("mtl runs on Linux and macOS: it needs Unix process groups and signals");

mod lambda;
mod system;

mod telemetry;

mod environment;

mod data_plane;

mod endpoints;

mod emulator;

mod client;

mod report;

mod example_function;

pub mod cli;
