//! Large payloads, answers and streams, beside a reverse proxy in front of the same answers.

use std::io::{self, Write};
use std::time::Instant;

use crate::machine::Machine;
use crate::server::Server;
use crate::statistics::median;
use crate::table::{Figure, say};
use crate::{nginx, process, upstream};

const ROUNDS: usize = 5;
/// A payload of the largest size, nearly.
const PAYLOAD: usize = 6 * 1024 * 1024;
/// Of it, calls in a round.
const CALLS: u32 = 10;
/// The largest stream.
const STREAM: usize = 200 * 1024 * 1024;

/// A server and what it has achieved.
struct Runner {
    name: String,
    server: Server,
    path: &'static str,
    rates: Vec<f64>,
}

/// What is sent through them.
struct Load {
    body: Vec<u8>,
    calls: u32,
    /// The bytes of all answers, at least.
    expected: usize,
    path: &'static str,
}

/// A 6 MB payload that is answered with itself.
pub(crate) fn payload(machine: &Machine) -> Result<Vec<Figure>, String> {
    let body = format!("\"{}\"", "x".repeat(PAYLOAD - 2)).into_bytes();
    let path = "/2015-03-31/functions/function/invocations";
    compare(machine, "6 MB there and back", &Load { body, calls: CALLS, expected: PAYLOAD, path })
}

/// A stream of 200 MB.
pub(crate) fn stream(machine: &Machine) -> Result<Vec<Figure>, String> {
    let body = format!("{{\"stream\":{STREAM}}}").into_bytes();
    let path = "/2021-11-15/functions/function/response-streaming-invocations";
    compare(machine, "a stream of 200 MB", &Load { body, calls: 1, expected: STREAM, path })
}

fn compare(machine: &Machine, what: &str, load: &Load) -> Result<Vec<Figure>, String> {
    let runner = |name: String, server, path| Runner { name, server, path, rates: Vec::new() };
    let mut runners =
        vec![runner("nginx".to_owned(), nginx::proxy(machine, upstream::start()?)?, "/")];
    for mtl in machine.versions() {
        let server = Server::mtl(machine, mtl, &["--timeout", "60s"], &machine.small)?;
        runners.push(runner(mtl.display().to_string(), server, load.path));
    }
    for _ in 0..ROUNDS {
        for runner in &mut runners {
            let rate = rate(runner, load).map_err(|error| format!("{}: {error}", runner.name))?;
            runner.rates.push(rate);
        }
    }
    let (mut ratios, mut peaks) = (Vec::new(), Vec::new());
    for runner in &runners {
        let peak = process::peak_memory(runner.server.pid())? / 1024.0;
        let rate = median(&runner.rates);
        ratios.push(rate / median(&runners[0].rates));
        peaks.push(peak);
        say(format_args!("  {}: {rate:.0} MB/s, peak memory {peak:.1} MB", runner.name));
    }
    Ok(vec![
        Figure::new(format!("throughput of {what} / nginx"), ratios[1])
            .before(ratios.get(2).copied())
            .at_least(0.5),
        Figure::new(format!("peak memory of {what}"), peaks[1])
            .unit(" MB")
            .before(peaks.get(2).copied()),
    ])
}

/// Megabytes that are answered in a second.
fn rate(runner: &Runner, load: &Load) -> Result<f64, String> {
    let mut connection = runner.server.connect()?;
    let mut answer = Counter(0);
    let start = Instant::now();
    for _ in 0..load.calls {
        let headers = "X-Amz-Tenant-Id: tenant-1\r\nContent-Type: application/json\r\n";
        connection.exchange(runner.path, headers, &load.body, &mut answer)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    if answer.0 < load.expected {
        return Err(format!("only {} bytes came", answer.0));
    }
    Ok(crate::statistics::number(answer.0) / seconds / 1024.0 / 1024.0)
}

/// Counts what is written.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
