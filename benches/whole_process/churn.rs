//! Many more tenants than there can be environments, one after the other.

use std::env;
use std::path::Path;
use std::time::Instant;

use crate::machine::Machine;
use crate::many::call_each;
use crate::process;
use crate::server::Server;
use crate::statistics::number;
use crate::table::{Figure, say};

/// Tenants, unless `MTL_BENCH_TENANTS` says another number.
const TENANTS: usize = 100_000;
/// The first and the last tenth are compared.
const PARTS: usize = 10;

/// What all the tenants came to.
struct Outcome {
    /// Rate of the last tenth over that of the first.
    ratio: f64,
    /// In MB.
    peak: f64,
}

/// One call each, with an idle time of a second.
pub(crate) fn churn(machine: &Machine) -> Result<Vec<Figure>, String> {
    let tenants = env::var("MTL_BENCH_TENANTS").ok().map_or(Ok(TENANTS), |it| it.parse());
    let tenants: usize = tenants.map_err(|error| format!("MTL_BENCH_TENANTS: {error}"))?;
    let mut outcomes = Vec::new();
    for mtl in machine.versions() {
        outcomes.push(call_all(machine, mtl, tenants)?);
    }
    let before = outcomes.get(1);
    let name = format!("{tenants} tenants: rate of the last tenth / the first");
    Ok(vec![
        Figure::new(name, outcomes[0].ratio).before(before.map(|it| it.ratio)).at_least(0.8),
        Figure::new("peak memory of the same", outcomes[0].peak)
            .unit(" MB")
            .before(before.map(|it| it.peak)),
    ])
}

fn call_all(machine: &Machine, mtl: &Path, tenants: usize) -> Result<Outcome, String> {
    let server = Server::mtl(machine, mtl, &["--idle-timeout", "1s"], &machine.small)?;
    let part = tenants / PARTS;
    let mut rates = Vec::new();
    for first in (0..PARTS).map(|index| index * part) {
        let start = Instant::now();
        call_each(server.address, first..first + part)?;
        rates.push(number(part) / start.elapsed().as_secs_f64());
    }
    let shown: Vec<String> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
    let peak = process::peak_memory(server.pid())? / 1024.0;
    say(format_args!("  {}: {} /s, peak {peak:.0} MB", mtl.display(), shown.join(" ")));
    Ok(Outcome { ratio: rates[PARTS - 1] / rates[0], peak })
}
