//! The Runtime API of one environment, `2018-06-01`, on a loopback port of its own, with the Extensions
//! API, the Telemetry API and the Logs API.
//!
//! The statuses, bodies and headers are those of AWS's runtime interface emulator, which shares
//! its code with Lambda: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

pub(crate) mod next;

pub(crate) mod calls;

mod replies;
mod stream;

mod extension_routes;
mod routes;

mod listener;

pub(crate) mod line;

#[cfg(feature = "benchmarks")]
#[path = "../../benches/micro/next.rs"]
pub(crate) mod benchmark;
