//! Load from `wrk`, and what it reports.

use std::fs;
use std::process::Command;

use crate::machine::Machine;

/// What a run of `wrk` measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Half of the calls took no longer, in microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 calls took no longer, in microseconds.
    pub(crate) p99: f64,
    /// Calls in a second.
    pub(crate) rate: f64,
}

/// Each thread of `wrk` has one connection and calls as a tenant of its own.
const SCRIPT: &str = r#"
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("tenant", "tenant-" .. threads)
end
function init(arguments)
  wrk.method = "POST"
  wrk.body = '{"key":"value"}'
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-Amz-Tenant-Id"] = tenant
end
"#;

/// Calls a URL for some seconds over connections of one tenant and one thread each.
pub(crate) fn run(
    machine: &Machine,
    url: &str,
    connections: u32,
    seconds: u32,
) -> Result<Measured, String> {
    run_threads(machine, url, connections, &format!("-t{connections} -d{seconds}s"))
}

/// Calls with so many connections and these options, among them the threads and the time.
pub(crate) fn run_threads(
    machine: &Machine,
    url: &str,
    connections: u32,
    options: &str,
) -> Result<Measured, String> {
    let wrk = Machine::program("wrk", "Debian's wrk")?;
    let script = machine.path("calls.lua");
    fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
    let output = Command::new(wrk)
        .args(options.split(' '))
        .args(["-c", &connections.to_string(), "--latency", "-s"])
        .arg(script)
        .arg(url)
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| format!("wrk's report can't be read, or calls failed:\n{text}"))
}

/// `None` where a figure is missing or a call failed.
fn parse(report: &str) -> Option<Measured> {
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return None;
    }
    let field = |name: &str| {
        let line = report.lines().find_map(|line| line.trim().strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    Some(Measured {
        p50: microseconds(&field("50%")?)?,
        p99: microseconds(&field("99%")?)?,
        rate: field("Requests/sec:")?.parse().ok()?,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1_000.0), ("s", 1_000_000.0)];
    units
        .iter()
        .find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}
