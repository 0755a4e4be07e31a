//! The report on tenants for people: a table with a row for each tenant, and the course of one tenant over
//! time.

use super::number::{count, milliseconds, percent};
use super::plot::plot;
use super::sparkline::{FEWEST_COLUMNS, PIPED_COLUMNS, sparkline};
use super::table::{name, table, width};
use crate::report::tenant_report::figures::Figures;
use crate::report::tenant_report::window::Window;
use crate::report::tenant_report::{FunctionReport, TenantReport};

const HEAD: [&str; 9] =
    ["TENANT", "INVOCATIONS", "ERRORS", "RATE", "THROTTLES", "AVG ms", "P50 ms", "P99 ms", "COLD"];

/// How wide a plot is where nothing says how wide the text may be.
const PIPED: usize = 80;

/// The fewest columns of a tenant's name.
const NAME: usize = 12;

/// The columns that are left out where a terminal is too narrow, in this order.
const DISPENSABLE: [usize; 5] = [6, 8, 4, 5, 2];

/// A table of these rows without the columns for which there is no room. `first` is the title of the first
/// column.
fn fitting(rows: &[Vec<String>], columns: Option<usize>, first: &str) -> String {
    let with = |shown: &[usize]| {
        let title = |index: &usize| if *index == 0 { first } else { HEAD[*index] };
        let head: Vec<&str> = shown.iter().map(title).collect();
        let rows = rows.iter().map(|row| shown.iter().map(|index| row[*index].clone()).collect());
        table(&head, rows.collect(), &[])
    };
    let mut shown: Vec<usize> = (0..HEAD.len()).collect();
    let mut text = with(&shown);
    for dispensable in DISPENSABLE {
        if columns.is_none_or(|columns| width(&text) <= columns) {
            break;
        }
        shown.retain(|index| *index != dispensable);
        text = with(&shown);
    }
    text
}

/// The table of a function's tenants. If there is room, a sparkline shows the invocations over time;
/// if there is too little, names are cut off, and then columns are left out.
#[must_use]
pub(crate) fn overview(report: &FunctionReport, window: &Window, columns: Option<usize>) -> String {
    let all = || report.tenants.iter().chain(&report.total);
    let longest = all().map(|row| title(row).chars().count()).max().unwrap_or_default();
    let rows = |names: usize| -> Vec<Vec<String>> { all().map(|row| cells(row, names)).collect() };
    let natural = width(&table(&HEAD, rows(longest), &[]));
    let names = match columns {
        Some(columns) if natural > columns => {
            longest.saturating_sub(natural - columns).max(NAME.min(longest))
        }
        _ => longest,
    };
    let taken = natural - (longest - names) + 2;
    let room = columns.map_or(PIPED_COLUMNS, |columns| columns.saturating_sub(taken));
    let has_course = all().any(|row| !row.invocations.is_empty());
    if room < FEWEST_COLUMNS || !has_course {
        return fitting(&rows(names), columns, HEAD[0]);
    }
    let head = [&HEAD[..], &["OVER TIME"]].concat();
    let rows = all().map(|row| {
        let mut cells = cells(row, names);
        cells.push(sparkline(&window.by_period(&row.invocations), room));
        cells
    });
    table(&head, rows.collect(), &[HEAD.len()])
}

/// The course of one tenant: a row for each period that had something, and a plot.
#[must_use]
pub(crate) fn course_of(row: &TenantReport, window: &Window, columns: Option<usize>) -> String {
    let mut rows: Vec<Vec<String>> = row
        .periods
        .iter()
        .map(|(time, figures)| figure_cells(time.strftime("%m-%d %H:%M").to_string(), figures))
        .collect();
    rows.push(figure_cells("all".to_owned(), &row.figures));
    let plot = plot(
        &window.by_period(&row.invocations),
        window.start,
        window.end,
        columns.unwrap_or(PIPED),
    );
    let table = fitting(&rows, columns, "TIME (UTC)");
    format!("{table}\ninvocations per {}\n{plot}", period_text(window.period))
}

/// A period of so many seconds, as people say it.
fn period_text(period: u32) -> String {
    match period {
        day if day % 86_400 == 0 => format!("{} d", day / 86_400),
        hour if hour % 3_600 == 0 => format!("{} h", hour / 3_600),
        minutes => format!("{} min", minutes / 60),
    }
}

fn title(row: &TenantReport) -> &str {
    row.tenant.as_deref().unwrap_or("all")
}

fn cells(row: &TenantReport, columns: usize) -> Vec<String> {
    figure_cells(name(title(row), columns), &row.figures)
}

fn figure_cells(title: String, figures: &Figures) -> Vec<String> {
    vec![
        title,
        count(figures.invocations),
        count(figures.errors),
        percent(figures.error_rate()),
        count(figures.throttles),
        milliseconds(figures.average),
        milliseconds(figures.p50),
        milliseconds(figures.p99),
        count(figures.cold_starts),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{course_of, overview};
    use crate::report::render::table::width;
    use crate::report::tenant_report::figures::Figures;
    use crate::report::tenant_report::window::Window;
    use crate::report::tenant_report::{FunctionReport, TenantReport};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn tenant(name: Option<&str>, invocations: f64) -> TenantReport {
        let figures = Figures {
            invocations: Some(invocations),
            errors: Some(1.0),
            throttles: Some(0.0),
            average: Some(12.34),
            p50: Some(9.5),
            p99: Some(1_234.5),
            cold_starts: None,
        };
        TenantReport {
            tenant: name.map(str::to_owned),
            figures,
            invocations: vec![(at(1), invocations)],
            periods: [(at(1), figures)].into(),
        }
    }

    fn report() -> (FunctionReport, Window) {
        let tenants = vec![tenant(Some("alice"), 8.0), tenant(Some(&"b".repeat(40)), 2.0)];
        let total = Some(tenant(None, 10.0));
        let report = FunctionReport { function: "f".to_owned(), tenants, total };
        (report, Window { start: at(0), end: at(10), period: 60 })
    }

    #[test]
    fn the_table_is_no_wider_than_the_terminal() {
        let (report, window) = report();
        assert_eq!(
            overview(&report, &window, Some(80)),
            "\
TENANT        INVOCATIONS  ERRORS  RATE  THROTTLES  AVG ms  P50 ms  P99 ms  COLD
alice                   8       1   12%          0    12.3    9.50    1234     –
bbbbbbbbbbb…            2       1   50%          0    12.3    9.50    1234     –
all                    10       1   10%          0    12.3    9.50    1234     –
"
        );
        for columns in [50, 60, 70, 100, 120, 200] {
            let text = overview(&report, &window, Some(columns));
            assert!(width(&text) <= columns, "{columns}:\n{text}");
        }
        let piped = overview(&report, &window, None);
        assert!(piped.contains(&"b".repeat(40)), "{piped}");
        assert!(piped.contains('█'), "{piped}");
    }

    #[test]
    fn the_course_of_a_tenant_has_its_periods_and_a_plot() {
        let (report, window) = report();
        let text = course_of(&report.tenants[0], &window, Some(80));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("TIME (UTC)   INVOCATIONS"), "{text}");
        assert!(lines[1].starts_with("01-15 08:01            8"), "{text}");
        assert!(lines[2].starts_with("all"), "{text}");
        assert_eq!(lines[4], "invocations per 1 min");
        assert!(text.contains("8 ┤"), "{text}");
    }
}
