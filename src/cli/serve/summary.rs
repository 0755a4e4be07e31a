//! The table per tenant that `serve` prints at its end.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::data_plane::Counts;
use crate::function::TenantId;

/// How many tenants the table shows; the total has all.
const ROWS: usize = 50;

/// The table, or nothing when nothing happened.
pub(super) fn table(counts: &BTreeMap<Option<TenantId>, Counts>) -> Option<String> {
    if counts.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(["tenant", "invocations", "errors", "throttles", "environments"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut total = Counts::default();
    for (row, (tenant, counts)) in counts.iter().enumerate() {
        if row < ROWS {
            let name = tenant.as_ref().map_or("–", TenantId::as_str);
            table.add_row(cells(name, counts));
        }
        total.invocations += counts.invocations;
        total.errors += counts.errors;
        total.throttles += counts.throttles;
        total.environments += counts.environments;
    }
    if counts.len() > ROWS {
        let rest = format!("({} more tenants)", counts.len() - ROWS);
        table.add_row([rest, String::new(), String::new(), String::new(), String::new()]);
    }
    if counts.len() > 1 {
        table.add_row(cells("total", &total));
    }
    Some(table.trim_fmt())
}

fn cells(name: &str, counts: &Counts) -> [String; 5] {
    [
        name.to_owned(),
        counts.invocations.to_string(),
        counts.errors.to_string(),
        counts.throttles.to_string(),
        counts.environments.to_string(),
    ]
}
