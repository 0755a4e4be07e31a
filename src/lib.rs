//! The library behind the `mtl` command: a local Lambda for functions in tenant isolation mode.
//!
//! # In a Rust test
//!
//! A test can serve its function itself, and call it as its tenants do. An [`Emulator`] starts the
//! function in an execution environment for each tenant, as AWS Lambda does.
//!
//! ```
//! use mtl::{Emulator, Function};
//!
//! const CODE: &str = "
//! import os
//! count = 0
//! def handler(event, context):
//!     global count
//!     count += 1
//!     return [os.environ['GREETING'], context.tenant_id, event['n'], count]
//! ";
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let folder = tempfile::tempdir()?;
//!     std::fs::write(folder.path().join("app.py"), CODE)?;
//!     // A function in Rust: `Function::command(["target/debug/my-function"])`.
//!     let function = Function::handler("app.handler").folder(&folder).env("GREETING", "hello");
//!
//!     let emulator = Emulator::start(function).await?;
//!     let first = emulator.invoke("alice", r#"{"n": 1}"#).await?;
//!     let second = emulator.invoke("alice", r#"{"n": 2}"#).await?;
//!     let other = emulator.invoke("bob", r#"{"n": 3}"#).await?;
//!     assert_eq!(first.text(), r#"["hello", "alice", 1, 1]"#);
//!     assert_eq!(second.text(), r#"["hello", "alice", 2, 2]"#, "it has an environment for alice");
//!     assert_eq!(other.text(), r#"["hello", "bob", 3, 1]"#, "and another one for bob");
//!     let refused = emulator.invoke(None, "{}").await.unwrap_err();
//!     assert_eq!(refused.error_type(), Some("InvalidParameterValueException"));
//!     // AWS's SDKs call it at this URL.
//!     assert!(emulator.endpoint().starts_with("http://127.0.0.1:"));
//!     emulator.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! # For those who work on it
//!
//! The folders, from the ground up. A folder uses those above it in this list, never those below,
//! and inside a folder the modules are declared in the same order. `tests/it/tidy.rs` checks the folders and their first level.
//!
//! - `lambda`: Lambda's words and numbers. A function, an invocation, what can come of it, quotas.
//! - `system`: what the operating system and HTTP are like. Processes, memory, files, connections.
//! - `telemetry`: what is recorded and told of invocations. Metrics, logs, the Telemetry API.
//! - `environment`: one execution environment. Its life cycle, its Runtime API, its processes.
//! - `data_plane`: which environment an invocation gets, and what waits for one.
//! - `endpoints`: what callers see on the wire. The Invoke API, API Gateway, CloudWatch.
//! - `emulator`: what is served, put together, and the templates that describe it.
//! - `client`: calling functions, here and on AWS, once or as a load.
//! - `embedded`: the emulator inside another program, in general a test: the public face.
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

mod embedded;

mod report;

mod example_function;

pub mod cli;

/// What `cargo bench --bench micro` measures. It is no part of the public face.
#[cfg(feature = "benchmarks")]
#[doc(hidden)]
#[path = "../benches/micro/inside.rs"]
pub mod benchmarks;

pub use embedded::{Emulator, Function, InvokeError, InvokeResponse, StartError};
