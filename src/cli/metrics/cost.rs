//! `mtl metrics --cost`: from what tenants used to what it costs. What AWS's prices are is for
//! [`prices`](crate::report::prices) to know.

use std::collections::BTreeMap;

use super::format::Format;
use super::plan::{CostSubject, Plan};
use super::progress::Progress;
use super::{Report, help, logs};
use crate::cli::failure::{Exit, Failure};
use crate::client::cloudwatch::CloudWatch;
use crate::client::configuration::{self, Configuration};
use crate::report::prices::{Price, PricedUsage, Prices, UnknownPrice, Usage};
use crate::report::render::cost::{self as cost_text, FunctionCosts};
use crate::report::render::tenant_data;
use crate::report::tenant_report::cost::{self, ByTenant};
use crate::report::tenant_report::window::Window;

/// What the tenants of each function cost.
///
/// # Errors
///
/// When there is no answer, or a price is needed that isn't known.
pub(crate) async fn report(
    cloudwatch: &CloudWatch,
    plan: &Plan,
    (subject, given): (&CostSubject, &[Price]),
    window: &Window,
) -> Result<Report, Failure> {
    let (usage, mut notes) = used(cloudwatch, plan, subject, window).await?;
    let mut functions = Vec::new();
    for (function, used) in usage {
        let configuration = configuration::fetch(&plan.target, &function, None).await;
        let configuration = configuration.map_err(|error| plan.failure(error))?;
        let costs = costs(function, used, given, &configuration).map_err(|error| {
            Failure::new(Exit::Usage, error).help(
                "give it with `--price environment-gb=USD`: what one environment costs for each GB \
                 of memory",
            )
        })?;
        functions.push(costs);
    }
    if !functions.is_empty() {
        notes.push(help::PRICES.to_owned());
    }
    Ok(Report { text: text(&functions, plan.format), notes })
}

async fn used(
    cloudwatch: &CloudWatch,
    plan: &Plan,
    subject: &CostSubject,
    window: &Window,
) -> Result<(BTreeMap<String, ByTenant>, Vec<String>), Failure> {
    match subject {
        CostSubject::Metrics(subject) => {
            let progress = Progress::default();
            let show = |answered, all| progress.show(answered, all);
            let used = cost::report(cloudwatch, subject, window, show).await;
            progress.end();
            let used = used.map_err(|error| plan.failure(error))?;
            let notes = if used.is_empty() {
                help::no_data(subject, window, false)
            } else {
                let found = used.values().flat_map(BTreeMap::keys).map(String::as_str);
                help::missing(&subject.tenants, found).into_iter().collect()
            };
            Ok((used, notes))
        }
        CostSubject::Logs(subject) => {
            let logs = logs::read(plan, subject, window).await;
            let logs = logs.map_err(|error| plan.failure(error))?;
            Ok((logs.usage(subject), logs.notes(subject, window)))
        }
    }
}

fn costs(
    function: String,
    used: ByTenant,
    given: &[Price],
    configuration: &Configuration,
) -> Result<FunctionCosts, UnknownPrice> {
    let prices = Prices::new(configuration.architecture, given);
    let environment = prices.environment_gb.ok_or(UnknownPrice(configuration.architecture))?;
    let cost = |usage: Usage| {
        let cost = prices.cost(environment, &usage, configuration.memory_mb);
        PricedUsage { usage, cost }
    };
    let all = used.values().copied().fold(Usage::default(), Usage::plus);
    let tenants = used.into_iter().map(|(tenant, usage)| (tenant, cost(usage))).collect();
    Ok(FunctionCosts { function, tenants, total: cost(all) })
}

fn text(functions: &[FunctionCosts], format: Format) -> String {
    match format {
        Format::Json => cost_text::json(functions).to_string() + "\n",
        Format::Csv => tenant_data::csv(&cost_text::rows(functions)),
        Format::Plain => tenant_data::plain(&cost_text::rows(functions)),
        Format::Table => functions
            .iter()
            .map(|costs| {
                let title = (functions.len() > 1).then(|| format!("function {}\n", costs.function));
                title.unwrap_or_default() + &cost_text::text(costs)
            })
            .collect(),
    }
}
