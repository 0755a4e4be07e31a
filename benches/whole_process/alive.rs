//! Thousands of environments alive at once, and thousands that come and go.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::machine::Machine;
use crate::many::call_each;
use crate::process;
use crate::server::Server;
use crate::statistics::{median, number};
use crate::table::{Figure, say};

/// As many as an account's default concurrency of 1,000 allows.
const ENVIRONMENTS: usize = 2_500;
/// Rounds of calls to one environment and to one among many, in turn.
const CALL_ROUNDS: usize = 20;
const CALLS: usize = 500;
/// Rounds of new tenants whose environments are reclaimed.
const RECLAIM_ROUNDS: usize = 10;
/// Rounds until what is allocated only once is there.
const SETTLED: usize = 2;
/// How long the reclaim of a round may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What many environments cost.
struct Cost {
    /// Memory of `mtl` for each, in KB.
    each: f64,
    /// A warm call beside many environments over one beside none.
    beside_many: f64,
    /// Memory of `mtl` that stays for each tenant whose environment is gone, in KB.
    stays: f64,
}

/// 2,500 environments of the small static function.
pub(crate) fn alive(machine: &Machine) -> Result<Vec<Figure>, String> {
    let mut costs = Vec::new();
    for mtl in machine.versions() {
        let (each, beside_many) = together(machine, mtl)?;
        let stays = come_and_go(machine, mtl)?;
        costs.push(Cost { each, beside_many, stays });
    }
    let figure = |what: &str, of: fn(&Cost) -> f64| {
        Figure::new(what, of(&costs[0])).before(costs.get(1).map(of))
    };
    Ok(vec![
        figure("memory for each of 2,500 environments", |it| it.each).unit(" KB").at_most(25.0),
        figure("warm p50 with 2,500 / with 1", |it| it.beside_many).at_most(1.25),
        figure("memory that stays for each tenant that is gone", |it| it.stays)
            .unit(" KB")
            .at_most(2.0),
    ])
}

/// All alive: the memory for each, and a warm call beside them over one beside none.
fn together(machine: &Machine, mtl: &Path) -> Result<(f64, f64), String> {
    let one = Server::mtl(machine, mtl, &[], &machine.small)?;
    let many = Server::mtl(machine, mtl, &[], &machine.small)?;
    call_each(one.address, 0..1)?;
    call_each(many.address, 0..1)?;
    let before = process::memory(many.pid())?;
    let start = Instant::now();
    call_each(many.address, 1..ENVIRONMENTS)?;
    let seconds = start.elapsed().as_secs_f64();
    let (alive, after) = (process::count(many.pid(), "small"), process::memory(many.pid())?);
    if alive < ENVIRONMENTS {
        return Err(format!("only {alive} environments are alive"));
    }
    let each = (after - before) / number(ENVIRONMENTS - 1);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..CALL_ROUNDS {
        for (server, times) in [&one, &many].into_iter().zip(&mut times) {
            times.push(p50(&mut server.connect()?)?);
        }
    }
    let [with_one, with_many] = times.map(|times| median(&times));
    say(format_args!(
        "  {}: {alive} alive after {seconds:.1} s, {:.1} MB; p50 {with_many:.0} us, alone \
         {with_one:.0} us",
        mtl.display(),
        after / 1024.0,
    ));
    Ok((each, with_many / with_one))
}

/// Microseconds of a call for the first tenant.
fn p50(connection: &mut Connection) -> Result<f64, String> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        connection.invoke("tenant-0", b"{}")?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(&times))
}

/// Rounds of new tenants, each after those of the round before are gone.
fn come_and_go(machine: &Machine, mtl: &Path) -> Result<f64, String> {
    let server = Server::mtl(machine, mtl, &["--idle-timeout", "1s"], &machine.small)?;
    let mut memory = Vec::new();
    for round in 0..RECLAIM_ROUNDS {
        call_each(server.address, round * ENVIRONMENTS..(round + 1) * ENVIRONMENTS)?;
        process::wait_until(PATIENCE, || process::count(server.pid(), "small") == 0)
            .map_err(|error| format!("idle environments are still alive: {error}"))?;
        memory.push(process::memory(server.pid())?);
    }
    let shown: Vec<String> = memory.iter().map(|it| format!("{:.1}", it / 1024.0)).collect();
    say(format_args!("  {}: MB after each round: {}", mtl.display(), shown.join(" ")));
    let tenants = number((RECLAIM_ROUNDS - SETTLED) * ENVIRONMENTS);
    Ok((memory[RECLAIM_ROUNDS - 1] - memory[SETTLED - 1]) / tenants)
}
