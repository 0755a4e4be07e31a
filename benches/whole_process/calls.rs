//! What one warm invocation costs `mtl`, counted and not timed: system calls and instructions.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::machine::Machine;
use crate::process::wait_until;
use crate::server::{Server, free_address, mtl_command};
use crate::statistics::number;
use crate::table::{Figure, say};

const EVENT: &[u8] = br#"{"key":"value"}"#;

/// Calls for what is slow only at first.
const WARM_UP: usize = 300;
/// Calls that are counted.
const CALLS: usize = 2_000;
/// Under callgrind, which is slow but counts the same each time.
const SLOW_CALLS: usize = 500;

/// System calls of one kind.
struct Count {
    name: String,
    calls: f64,
}

/// System calls of one invocation over one connection.
pub(crate) fn system_calls(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut counts = Vec::new();
    for mtl in machine.versions() {
        let counted = count_system_calls(machine, mtl)?;
        let names = counted.iter().filter(|count| count.calls >= 0.05);
        let names: Vec<_> = names.map(|it| format!("{} {:.2}", it.name, it.calls)).collect();
        say(format_args!("  {}: {}", mtl.display(), names.join(", ")));
        counts.push(counted);
    }
    let sum = |wanted: Option<&str>| {
        let sum = |counts: &Vec<Count>| {
            let counts = counts.iter().filter(|it| wanted.is_none_or(|wanted| it.name == wanted));
            counts.map(|count| count.calls).sum::<f64>()
        };
        counts.iter().map(sum).collect::<Vec<_>>()
    };
    let figure = |what: &str, counts: &[f64], goal| {
        Figure::new(what, counts[0]).before(counts.get(1).copied()).at_most(goal)
    };
    Ok(vec![
        figure("system calls for a warm invocation", &sum(None), 14.0),
        figure("futex calls for a warm invocation", &sum(Some("futex")), 0.1),
    ])
}

fn count_system_calls(machine: &Machine, mtl: &Path) -> Result<Vec<Count>, String> {
    let strace = Machine::program("strace", "Debian's strace")?;
    let server = Server::mtl(machine, mtl, &[], &machine.echo)?;
    call(&server, WARM_UP)?;
    let report = machine.path("strace");
    let mut tracer = Command::new(strace)
        .args(["-c", "-f", "-p", &server.pid().to_string(), "-o"])
        .arg(&report)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("strace can't be started: {error}"))?;
    wait_until(Duration::from_secs(10), || is_traced(server.pid()))?;
    let called = call(&server, CALLS);
    // It detaches and writes its report.
    let _ = kill_process(Pid::from_child(&tracer), Signal::INT);
    let _ = tracer.wait();
    called?;
    let text = fs::read_to_string(report).map_err(|error| format!("no report: {error}"))?;
    let counts: Vec<Count> = text.lines().filter_map(parse_count).collect();
    if counts.is_empty() { Err("strace counted nothing".to_owned()) } else { Ok(counts) }
}

/// Whether all threads are traced.
fn is_traced(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    })
}

/// A line of the report: share, seconds, microseconds for a call, calls, perhaps errors, and name.
fn parse_count(line: &str) -> Option<Count> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    fields.first()?.parse::<f64>().ok()?;
    let name = (*fields.last()?).to_owned();
    let calls: f64 = fields.get(3)?.parse().ok()?;
    (name != "total").then(|| Count { name, calls: calls / number(CALLS) })
}

/// Instructions of one invocation over one connection.
pub(crate) fn instructions(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut counts = Vec::new();
    for mtl in machine.versions() {
        counts.push(cost_of_a_call(machine, mtl, &[])?);
    }
    let before = counts.get(1).copied();
    let stated = Figure::new("instructions for a warm invocation", counts[0] / 1_000.0).unit("k");
    let ratio = before.map(|before| counts[0] / before);
    let ratio = ratio.ok_or_else(|| "`MTL_BENCH_BASE` names no earlier mtl".to_owned());
    Ok(vec![
        stated.before(before.map(|before| before / 1_000.0)),
        Figure::measured("the same / before", ratio).before(before.map(|_| 1.0)).at_most(0.4),
    ])
}

/// What callgrind counts for one call: the difference of two runs with different numbers of calls.
pub(crate) fn cost_of_a_call(
    machine: &Machine,
    mtl: &Path,
    options: &[&str],
) -> Result<f64, String> {
    let few = count_instructions(machine, mtl, options, WARM_UP)?;
    let many = count_instructions(machine, mtl, options, WARM_UP + SLOW_CALLS)?;
    Ok((many - few) / number(SLOW_CALLS))
}

fn count_instructions(
    machine: &Machine,
    mtl: &Path,
    options: &[&str],
    calls: usize,
) -> Result<f64, String> {
    let valgrind = Machine::program("valgrind", "Debian's valgrind")?;
    let report = machine.path("callgrind");
    let _ = fs::remove_file(&report);
    let address = free_address()?;
    let serve = mtl_command(mtl, address, &["--no-timeout"], &machine.echo);
    let mut command = Command::new(valgrind);
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", report.display()));
    command.args(options).arg(serve.get_program()).args(serve.get_args());
    let server = Server::start(machine, &mut command, address)?;
    call(&server, calls)?;
    drop(server);
    let text = fs::read_to_string(report).map_err(|error| format!("no report: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok());
    total.ok_or_else(|| "callgrind counted nothing".to_owned())
}

fn call(server: &Server, calls: usize) -> Result<(), String> {
    let mut connection = server.connect()?;
    for _ in 0..calls {
        connection.invoke("tenant-1", EVENT)?;
    }
    Ok(())
}
