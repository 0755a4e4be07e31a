//! What tenants cost, for people and programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::number::{count, dollars, exact};
use super::table::{name, table};
use crate::report::prices::PricedUsage;

/// The costs of a function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionCosts {
    /// The function.
    pub(crate) function: String,
    /// Each tenant.
    pub(crate) tenants: BTreeMap<String, PricedUsage>,
    /// All of them together.
    pub(crate) total: PricedUsage,
}

const HEAD: [&str; 8] = [
    "TENANT",
    "REQUESTS",
    "GB-S",
    "ENVIRONMENTS",
    "REQUESTS $",
    "DURATION $",
    "ISOLATION $",
    "TOTAL $",
];

/// The most columns of a tenant's name.
const NAME: usize = 40;

/// A table with a row for each tenant, the most expensive first.
#[must_use]
pub(crate) fn text(costs: &FunctionCosts) -> String {
    let mut tenants: Vec<_> = costs.tenants.iter().collect();
    tenants.sort_by(|(_, one), (_, other)| other.cost.total().total_cmp(&one.cost.total()));
    let rows = tenants.into_iter().map(|(tenant, priced)| cells(name(tenant, NAME), priced));
    let rows = rows.chain([cells("all".to_owned(), &costs.total)]);
    table(&HEAD, rows.collect(), &[])
}

fn cells(title: String, priced: &PricedUsage) -> Vec<String> {
    let PricedUsage { usage, cost } = priced;
    let mut cells = vec![
        title,
        count(Some(usage.requests)),
        format!("{:.3}", cost.gb_seconds),
        count(Some(usage.environments)),
    ];
    cells.extend([cost.requests, cost.duration, cost.isolation, cost.total()].map(dollars));
    cells
}

/// All functions as one JSON document.
#[must_use]
pub(crate) fn json(functions: &[FunctionCosts]) -> Value {
    let functions = functions.iter().map(|costs| {
        let tenants = costs.tenants.iter().map(|(tenant, priced)| {
            let mut value = priced_json(priced);
            value["tenant"] = json!(tenant);
            value
        });
        json!({
            "function": costs.function,
            "tenants": tenants.collect::<Vec<_>>(),
            "total": priced_json(&costs.total),
        })
    });
    json!({ "currency": "USD", "functions": functions.collect::<Vec<_>>() })
}

fn priced_json(priced: &PricedUsage) -> Value {
    let PricedUsage { usage, cost } = priced;
    json!({
        "requests": usage.requests,
        "gbSeconds": cost.gb_seconds,
        "environmentsCreated": usage.environments,
        "cost": {
            "requests": cost.requests,
            "duration": cost.duration,
            "isolation": cost.isolation,
            "total": cost.total(),
        },
    })
}

/// The rows of a file: the names of the fields, then those of each tenant.
#[must_use]
pub(crate) fn rows(functions: &[FunctionCosts]) -> Vec<Vec<String>> {
    let head = [
        "function",
        "tenant",
        "requests",
        "gbSeconds",
        "environments",
        "requestsUsd",
        "durationUsd",
        "isolationUsd",
        "totalUsd",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for costs in functions {
        for (tenant, PricedUsage { usage, cost }) in &costs.tenants {
            let mut row = vec![costs.function.clone(), tenant.clone()];
            row.extend(
                [usage.requests, cost.gb_seconds, usage.environments]
                    .map(|figure| exact(Some(figure))),
            );
            let parts = [cost.requests, cost.duration, cost.isolation, cost.total()];
            row.extend(parts.map(|part| exact(Some(part))));
            rows.push(row);
        }
    }
    rows
}
