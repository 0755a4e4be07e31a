//! A load on AWS: what it will cost, and whether that is wanted.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::cli::failure::{Exit, Failure};
use crate::client::configuration::Configuration;
use crate::client::load::Load;
use crate::report::prices::{Prices, Usage};
use crate::system::stderr;

/// How long an invocation is taken to be billed, since nobody knows before.
const BILLED_MS: f64 = 100.0;

/// Says what a load that is wanted will cost.
pub(super) fn say_cost(load: &Load, configuration: &Configuration) {
    stderr::print_line(&estimate(load, configuration));
}

/// Asks on the terminal whether the load is wanted.
///
/// # Errors
///
/// When it isn't, or there is nobody to ask.
pub(super) fn confirm(load: &Load, configuration: &Configuration) -> Result<(), Failure> {
    let what = estimate(load, configuration);
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("a load on AWS costs money, and there is nobody to ask")
            .help(format!("{what}\n      --yes says that it is wanted")));
    }
    // The answer counts, not whether the question was seen.
    stderr::print(&format!("{what}. Go on? [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::new(Exit::Failed, anyhow::Error::msg("nothing was invoked"))),
    }
}

/// How much is sent and what it costs, in a sentence without its end.
#[expect(clippy::cast_precision_loss, reason = "2^53 invocations take a while")]
fn estimate(load: &Load, configuration: &Configuration) -> String {
    let by_rate =
        load.pace.rate.zip(load.pace.duration).map(|(rate, time)| rate * time.as_secs_f64());
    let requests = load.pace.requests.map(|requests| requests as f64).or(by_rate);
    let tenants = load.tenants.len();
    let whose = if tenants == 0 { String::new() } else { format!(" for {tenants} tenants") };
    let Some(requests) = requests else {
        return format!(
            "this invokes the function on AWS as fast as it goes{whose}; what that costs depends on \
             how fast it is"
        );
    };
    let prices = Prices::new(configuration.architecture, &[]);
    let environments = load.pace.connections.max(u32::try_from(tenants).unwrap_or(u32::MAX));
    // Those of a function without tenants cost nothing by themselves.
    let environments = if configuration.isolated { environments } else { 0 };
    let usage = Usage {
        requests,
        billed_ms: requests * BILLED_MS,
        environments: f64::from(environments).min(requests),
    };
    let isolation = prices.environment_gb;
    let cost = prices.cost(isolation.unwrap_or_default(), &usage, configuration.memory_mb).total();
    let without = if isolation.is_none() && configuration.isolated {
        ", without the price of environments on arm64"
    } else {
        ""
    };
    format!(
        "this invokes the function on AWS {requests:.0} times{whose}: about ${cost:.4} if \
         each is billed {BILLED_MS:.0} ms{without}"
    )
}
