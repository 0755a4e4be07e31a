//! The answer to a question, as text in the format that was asked for.

use serde_json::Value;

use super::format::ReportFormat;
use crate::report::render::cost::{self as cost_text, FunctionCosts};
use crate::report::render::{custom as custom_text, tenant_data, tenant_text};
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{FunctionReport, custom};

/// What is printed, and what a person is told besides.
#[derive(Debug)]
pub(super) struct MetricsAnswer {
    /// What goes to stdout.
    pub(super) figures: Figures,
    /// What goes to stderr, a line each.
    pub(super) notes: Vec<String>,
}

/// What was found. There may be nothing.
#[derive(Debug)]
pub(super) enum Figures {
    /// How tenants do.
    Tenants(TenantTables),
    /// Statistics of any metrics, with what was asked for.
    Custom(Vec<custom::MetricValues>, custom::Subject),
    /// What tenants cost.
    Costs(Vec<FunctionCosts>),
}

/// How the tenants of functions do.
#[derive(Debug)]
pub(super) struct TenantTables {
    /// The functions.
    pub(super) functions: Vec<FunctionReport>,
    /// Whether a table shows the figures of each period too.
    pub(super) by_period: bool,
}

impl Figures {
    /// The text for stdout. A table fits into so many columns, if that is known.
    pub(super) fn text(
        &self,
        format: ReportFormat,
        window: &Window,
        columns: Option<usize>,
    ) -> String {
        match format {
            ReportFormat::Table => self.table(window, columns),
            ReportFormat::Plain => tenant_data::plain(&self.rows()),
            ReportFormat::Json => self.json(window).to_string() + "\n",
            ReportFormat::Csv => tenant_data::csv(&self.rows()),
        }
    }

    fn rows(&self) -> Vec<Vec<String>> {
        match self {
            Self::Tenants(TenantTables { functions, .. }) => tenant_data::rows(functions),
            Self::Custom(metrics, subject) => custom_text::rows(metrics, subject),
            Self::Costs(functions) => cost_text::rows(functions),
        }
    }

    fn json(&self, window: &Window) -> Value {
        match self {
            Self::Tenants(TenantTables { functions, .. }) => tenant_data::json(functions, window),
            Self::Custom(metrics, subject) => custom_text::json(metrics, subject, window),
            Self::Costs(functions) => cost_text::json(functions),
        }
    }

    fn table(&self, window: &Window, columns: Option<usize>) -> String {
        match self {
            Self::Tenants(figures) => figures.tables(window, columns),
            Self::Custom(metrics, _) if metrics.is_empty() => String::new(),
            Self::Custom(metrics, subject) => custom_text::text(metrics, subject, window, columns),
            Self::Costs(functions) => {
                let is_one = functions.len() == 1;
                let tables = functions.iter().map(|costs| {
                    let title = if is_one { String::new() } else { title(&costs.function) };
                    title + &cost_text::text(costs)
                });
                tables.collect()
            }
        }
    }
}

impl TenantTables {
    fn tables(&self, window: &Window, columns: Option<usize>) -> String {
        let mut texts = Vec::new();
        for report in &self.functions {
            if self.functions.len() > 1 {
                texts.push(title(&report.function));
            }
            texts.push(tenant_text::overview(report, window, columns));
            for tenant in report.tenants.iter().filter(|_| self.by_period) {
                let name = tenant.tenant.as_deref().unwrap_or_default();
                let course = tenant_text::course_of(tenant, window, columns);
                texts.push(format!("\ntenant {name}\n{course}"));
            }
        }
        texts.concat()
    }
}

fn title(function: &str) -> String {
    format!("function {function}\n")
}
