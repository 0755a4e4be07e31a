//! What `benches/micro.rs` measures: the parts of one warm invocation, with inputs as they come. It is a
//! module of the library, since no other crate can name these parts, and only there with the feature
//! `benchmarks`. Each benchmark checks once that the result is right before it is measured.

mod invoke_request;
mod lifecycle;
mod logs;
mod metrics;
pub(crate) mod samples;
pub(crate) mod wire;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::data_plane::benchmark as placement;
use crate::environment::benchmark as next;

/// One run of a benchmark.
pub type Run = Box<dyn FnMut()>;

/// Something that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Benchmark {
    /// What it is called.
    pub name: &'static str,
    /// Makes everything ready, checks one result, and returns what is measured.
    pub prepare: fn() -> Run,
}

/// All of them. The first one is what the HTTP library takes for the two that go through it.
pub const ALL: &[Benchmark] = &[
    Benchmark { name: "http/an exchange without mtl", prepare: invoke_request::without_mtl },
    Benchmark { name: "invoke_api/parse a request", prepare: invoke_request::parse },
    Benchmark { name: "runtime_api/next", prepare: next::next },
    Benchmark { name: "data_plane/place, 1 tenant", prepare: || placement::place(1) },
    Benchmark { name: "data_plane/place, 10000 tenants", prepare: || placement::place(10_000) },
    Benchmark { name: "lifecycle/a warm invocation", prepare: lifecycle::warm_invocation },
    Benchmark { name: "metrics/record, 1 tenant", prepare: || metrics::record(1) },
    Benchmark { name: "metrics/record, 10000 tenants", prepare: || metrics::record(10_000) },
    Benchmark { name: "logs/text", prepare: logs::text },
    Benchmark { name: "logs/JSON format", prepare: logs::json_format },
    Benchmark { name: "logs/text, and JSON on stdout", prepare: logs::json_on_stdout },
];

/// The result of a future that has nothing to wait for.
///
/// # Panics
///
/// When it waits.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("this waits on the warm path"),
    }
}
