//! The table per tenant, and what became of events, that `serve` prints at its end.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::data_plane::TenantCounts;
use crate::data_plane::event_queue;
use crate::lambda::function::TenantId;

/// How many tenants the table shows; the total has all.
const ROWS: usize = 50;

/// What happened, or nothing when nothing did.
pub(super) fn text(
    counts: &BTreeMap<Option<TenantId>, TenantCounts>,
    events: event_queue::EventCounts,
) -> Option<String> {
    let tenants = (!counts.is_empty()).then(|| table(counts));
    let events = (events.received > 0).then(|| {
        format!(
            "events: {} received, {} dropped; the longest wait for the first attempt was {:.3} s",
            events.received,
            events.dropped,
            events.greatest_age.as_secs_f64()
        )
    });
    let parts: Vec<String> = [tenants, events].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn table(counts: &BTreeMap<Option<TenantId>, TenantCounts>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(["tenant", "invocations", "errors", "throttles", "environments"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut total = TenantCounts::default();
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
    table.trim_fmt()
}

fn cells(name: &str, counts: &TenantCounts) -> [String; 5] {
    [
        name.to_owned(),
        counts.invocations.to_string(),
        counts.errors.to_string(),
        counts.throttles.to_string(),
        counts.environments.to_string(),
    ]
}
