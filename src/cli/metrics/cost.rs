//! `mtl metrics --cost`: from what the tenants of a function used to what it costs.

use crate::cli::failure::{Exit, Failure};
use crate::client::configuration::Configuration;
use crate::report::prices::{Price, PricedUsage, Prices, UnknownPrice, Usage};
use crate::report::render::cost::FunctionCosts;
use crate::report::tenant_report::cost::ByTenant;

/// What each tenant of a function costs, at AWS's prices unless others are given.
///
/// # Errors
///
/// When a price is needed that isn't known.
pub(super) fn of_function(
    function: String,
    used: ByTenant,
    given: &[Price],
    configuration: &Configuration,
) -> Result<FunctionCosts, Failure> {
    let prices = Prices::new(configuration.architecture, given);
    let environment = prices.environment_gb.ok_or_else(|| {
        Failure::new(Exit::Usage, UnknownPrice(configuration.architecture)).help(
            "give it with `--price environment-gb=USD`: what one environment costs for each GB of \
             memory",
        )
    })?;
    let cost = |usage: Usage| {
        let cost = prices.cost(environment, &usage, configuration.memory_mb);
        PricedUsage { usage, cost }
    };
    let all = used.values().copied().fold(Usage::default(), Usage::plus);
    let tenants = used.into_iter().map(|(tenant, usage)| (tenant, cost(usage))).collect();
    Ok(FunctionCosts { function, tenants, total: cost(all) })
}
