//! Tests through the real binary: `mtl serve` on a free port with a function in a real process,
//! called over HTTP. The first modules are the harness, the others the tests, one subject each.

mod function;
mod http;
mod server;
mod wait;

mod phases;
mod runtime_api;
mod tracker;
