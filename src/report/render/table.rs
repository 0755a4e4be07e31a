//! Columns for people: aligned, without lines, as wide as what they hold.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::system::text::one_line;

/// A table with this head. The first column and those of `left` are aligned to the left, all others to
/// the right.
#[must_use]
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>, left: &[usize]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.to_vec());
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index > 0 && !left.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// How wide a text is at its widest line, in columns.
#[must_use]
pub(crate) fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// A name in no more than so many columns: the end of a longer one is cut off. What would control the
/// terminal is escaped.
#[must_use]
pub(crate) fn name(name: &str, columns: usize) -> String {
    let name = one_line(name);
    if name.chars().count() <= columns {
        return name;
    }
    let kept: String = name.chars().take(columns.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::{name, table, width};

    #[test]
    fn columns_are_aligned() {
        let rows = vec![
            vec!["alice".to_owned(), "1".to_owned(), "x".to_owned()],
            vec!["b".to_owned(), "100".to_owned(), "yy".to_owned()],
        ];
        let text = table(&["tenant", "n", "s"], rows, &[2]);
        assert_eq!(text, "tenant    n  s\nalice     1  x\nb       100  yy\n");
        assert_eq!(width(&text), 15);
        assert_eq!(name("abcdef", 4), "abc…");
        assert_eq!(name("a\u{1b}[2J", 40), "a\\u{1b}[2J");
    }
}
