//! The whole-process benchmark: `mtl serve` beside the floor, an earlier `mtl` and its peers, all in
//! one run and in turn, so that a machine whose speed drifts does so for all of them. It prints
//! ratios, since absolute times say little about another machine.
//!
//! `cargo bench --bench whole_process -- [ROW...]` runs all rows or those whose name begins so.
//! `MTL_BENCH_BASE=PATH` adds an earlier `mtl`. `benches/README.md` tells the method.

mod process;
mod statistics;
mod table;

mod http;
mod machine;
mod upstream;

mod server;

mod many;
mod nginx;
mod wrk;

mod kinds;

mod alive;
mod bodies;
mod build;
mod calls;
mod churn;
mod client;
mod cold;
mod doors;
mod metrics;
mod rates;
mod ready;
mod recording;

use std::process::ExitCode;

use crate::machine::Machine;
use crate::table::{Figure, say};

/// A row of the table.
struct Row {
    name: &'static str,
    run: fn(&Machine) -> Result<Vec<Figure>, String>,
    /// It takes so long that it runs only when it is named.
    named_only: bool,
}

impl Row {
    const fn new(name: &'static str, run: fn(&Machine) -> Result<Vec<Figure>, String>) -> Self {
        Self { name, run, named_only: false }
    }

    fn is_wanted(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.name.starts_with(name.as_str()))
            || (names.is_empty() && !self.named_only)
    }
}

const ROWS: [Row; 17] = [
    Row::new("warm", rates::warm),
    Row::new("tenants", rates::tenants),
    Row::new("syscalls", calls::system_calls),
    Row::new("instructions", calls::instructions),
    Row::new("cold", cold::cold),
    Row::new("alive", alive::alive),
    Row::new("churn", churn::churn),
    Row::new("payload", bodies::payload),
    Row::new("stream", bodies::stream),
    Row::new("invoke", client::invoke),
    Row::new("load", client::load),
    Row::new("metrics", metrics::metrics),
    Row::new("recording", recording::recording),
    Row::new("doors", doors::doors),
    Row::new("ready", ready::ready),
    Row::new("reload", ready::reload),
    // It takes ten minutes and more.
    Row { name: "build", run: build::build, named_only: true },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo bench` says so; `cargo test --benches` has no use for half an hour of measuring.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let names: Vec<String> = arguments.into_iter().filter(|it| !it.starts_with("--")).collect();
    match run(&names) {
        Ok(code) => code,
        Err(reason) => {
            say(format_args!("error: {reason}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the rows; one that fails holds up no other.
fn run(names: &[String]) -> Result<ExitCode, String> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.is_wanted(names)).collect();
    if rows.is_empty() {
        let all = ROWS.map(|row| row.name).join(", ");
        return Err(format!("no row is named so; there are {all}"));
    }
    process::adopt_orphans()?;
    let machine = Machine::prepare()?;
    let (mut figures, mut code) = (Vec::new(), ExitCode::SUCCESS);
    for row in rows {
        say(format_args!("\n{}", row.name));
        match (row.run)(&machine) {
            Ok(measured) => {
                table::print_reasons(&measured);
                table::print(&measured);
                figures.extend(measured);
            }
            Err(reason) => {
                say(format_args!("  FAILED: {reason}"));
                figures.push(Figure::measured(row.name, Err(format!("FAILED: {reason}"))));
                code = ExitCode::FAILURE;
            }
        }
        process::end_all();
    }
    say("\nall");
    table::print(&figures);
    Ok(code)
}
