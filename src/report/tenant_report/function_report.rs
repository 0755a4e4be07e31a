//! How the tenants of a function do: what the questions about figures have for an answer.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::figures::Figures;
use crate::client::cloudwatch::Points;

/// The tenants of one function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionReport {
    /// The function.
    pub(crate) function: String,
    /// Its tenants that have data, in the order of their names.
    pub(crate) tenants: Vec<TenantReport>,
    /// All of them together, unless only some are asked for.
    pub(crate) total: Option<TenantReport>,
}

/// One tenant, or all together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TenantReport {
    /// The tenant; `None` for all.
    pub(crate) tenant: Option<String>,
    /// The whole window.
    pub(crate) figures: Figures,
    /// How many invocations began in each period that had some.
    pub(crate) invocations: Points,
    /// The figures of each period that had some, if they are wanted.
    pub(crate) periods: BTreeMap<Timestamp, Figures>,
}
