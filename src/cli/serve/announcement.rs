//! What `mtl serve` says once everything listens: where, and what runtimes and callers need to know.

use std::net::SocketAddr;

use serde_json::json;

use super::api;
use super::say::say;
use crate::emulator::RunningEmulator;
use crate::emulator::config::{Api, Config, Port};
use crate::lambda::function::Function;
use crate::telemetry::logs::Stdout;

/// What was asked for, which the emulator doesn't keep.
#[derive(Debug)]
pub(super) struct Announcement {
    port: Port,
    apis: Vec<Api>,
    stdout: Stdout,
}

impl Announcement {
    /// For an emulator that is made from this.
    pub(super) fn new(config: &Config) -> Self {
        let (port, stdout) = (config.address.port, config.logs.stdout);
        Self { port, apis: config.apis.clone(), stdout }
    }

    /// Says where everything is, at last in the line that tools wait for.
    pub(super) fn say(&self, emulator: &RunningEmulator) {
        say_if_taken(self.port, emulator.address(), "--port");
        for (Api { port, api }, address) in self.apis.iter().zip(emulator.api_addresses()) {
            say_if_taken(*port, address, "--api-port");
            let (stage, routes) = (&api.stage, api::routes(api));
            say(&format!("routes at http://{address}, and below /{stage}:\n{routes}"));
        }
        let runtimes: Vec<_> =
            emulator.runtime_addresses().iter().map(ToString::to_string).collect();
        if !runtimes.is_empty() {
            say(&format!(
                "start each runtime with AWS_LAMBDA_RUNTIME_API={} and\n{}",
                runtimes.join(" or "),
                attached_variables(emulator.functions().first().function())
            ));
        }
        if self.stdout == Stdout::Json {
            emulator.say(&ready_as_json(emulator, &runtimes));
        }
        let apis = emulator.api_endpoints().map(|(_, url)| url);
        let endpoint = std::iter::once(emulator.endpoint());
        let addresses: Vec<_> = endpoint.chain(apis).chain(runtimes).collect();
        say(&format!("ready {}", addresses.join(" ")));
    }
}

/// A line of JSON for programs that read stdout.
fn ready_as_json(emulator: &RunningEmulator, runtimes: &[String]) -> String {
    let mut ready = json!({ "type": "ready", "endpoint": emulator.endpoint() });
    if let Some((_, first)) = emulator.api_endpoints().next() {
        ready["api"] = json!(first);
        ready["apis"] = emulator.api_endpoints().collect();
    }
    if !runtimes.is_empty() {
        ready["runtime"] = json!(runtimes);
    }
    format!("{ready}\n")
}

fn say_if_taken(port: Port, address: SocketAddr, option: &str) {
    if let Port::Preferred(preferred) = port
        && address.port() != preferred
    {
        say(&format!("port {preferred} is taken, so a free one is used; {option} sets another"));
    }
}

/// What runtimes that the user starts need besides the address: a variable a line.
fn attached_variables(function: &Function) -> String {
    let (name, memory) = (&function.name, function.memory.mb);
    let log_group = function.log_group();
    [
        format!("  AWS_LAMBDA_FUNCTION_NAME={name}"),
        "  AWS_LAMBDA_FUNCTION_VERSION='$LATEST'".to_owned(),
        format!("  AWS_LAMBDA_FUNCTION_MEMORY_SIZE={memory}"),
        format!("  AWS_LAMBDA_LOG_GROUP_NAME={log_group}"),
        "  AWS_LAMBDA_LOG_STREAM_NAME=attached".to_owned(),
    ]
    .join("\n")
}
