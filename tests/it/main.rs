//! Tests through the real binary: `mtl serve` on a free port with a function in a real process,
//! called over HTTP. The first modules are the harness, the others the tests, one subject each.

#![allow(clippy::unwrap_used, reason = "whatever is missing, the test has failed")]

mod function;
mod http;
mod server;
mod wait;

mod account;
mod advice;
mod after_answer;
mod api_gateway;
mod attach;
mod authorizers;
mod aws_services;
mod cloudwatch;
mod embedding;
mod environment_variables;
mod events;
mod extensions;
mod front_door;
mod golden;
mod house;
mod invoke;
mod load;
mod local_calls;
mod logs;
mod management;
mod metrics;
#[cfg(target_os = "linux")]
mod open_files;
mod phases;
mod placement;
mod readme;
mod reload;
mod run_command;
mod runtime_api;
mod sdk;
mod stopping;
mod streaming;
mod template_apis;
mod templates;
mod terminal;
mod tidy;
mod tracing;
mod tracker;
mod watchdog;
