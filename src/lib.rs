//! The library behind the `mtl` command: a local Lambda for functions in tenant isolation mode.
//!
//! The modules below are declared in reading order, which is also the only allowed order of
//! dependencies: a module uses those above it, never those below.

#![forbid(unsafe_code)]

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("mtl runs on Linux and macOS: it needs Unix process groups and signals");

// What Lambda's terms are here: limits, a function, an invocation and what can come of it.
pub mod quotas;

pub mod function;
pub mod http;
pub mod invocation;
pub mod runtime_client;

pub mod advice;

// Processes: starting them, watching their memory and output, and leaving none behind.
pub mod procfs;
#[cfg(target_os = "linux")]
pub mod strays;

pub mod watchdog;

pub mod memory;
pub mod output;
pub mod process;

// What is told: metrics, logs, and telemetry for extensions.
pub mod metric_store;

pub mod embedded_metrics;
pub mod lambda_metrics;

pub mod extensions;
pub mod telemetry;

pub mod logs;

// One environment: its life cycle, its Runtime API, its processes.
pub mod lifecycle;
pub mod runtime_api;

pub mod attachments;

pub mod environment;

// All environments of a function: which one an invocation gets, and what waits for one.
pub mod placement;

pub mod data_plane;

pub mod event_queue;

pub mod functions;

// The doors: the ways in which callers reach functions.
pub mod invoke_api;

pub mod cloudwatch_api;
pub mod management_api;

pub mod plain_api;

pub mod front_door;

pub mod api_gateway;

// What is served, put together.
pub mod template;

pub mod emulator;

pub mod example_function;

pub mod server_file;

pub mod watch;

// The other side: calling functions, here and on AWS, and what is learned of them.
pub mod client;

pub mod load;

pub mod prices;

pub mod tenant_report;

pub mod render;

// The commands.
pub mod cli;
