//! A plot of values over time, as wide as the terminal.

use jiff::Timestamp;

use super::number::short;
use super::sparkline::{fitted, level};

/// How many lines the bars have.
const LINES: usize = 6;

/// The parts of a line that a bar can fill.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for each value, with the greatest value and the times at the edges.
#[must_use]
pub(crate) fn plot(
    values: &[Option<f64>],
    from: Timestamp,
    to: Timestamp,
    columns: usize,
) -> String {
    let widest = short(values.iter().flatten().copied().fold(0.0, f64::max)).chars().count();
    let room = columns.saturating_sub(widest + 3).max(10);
    // If there are too many, several are added up, as in a sparkline.
    let bars = fitted(values, room);
    let greatest = bars.iter().flatten().copied().fold(0.0, f64::max);
    let label = short(greatest);
    let margin = label.chars().count();
    let levels: Vec<usize> =
        bars.iter().map(|bar| bar.map_or(0, |bar| at_least_visible(bar, greatest))).collect();
    let mut text = String::new();
    for line in (0..LINES).rev() {
        let left = if line == LINES - 1 { label.as_str() } else { "" };
        let bars = (0..room).filter_map(|column| levels.get(column * levels.len() / room));
        let bars = bars.map(|level| EIGHTHS[level.saturating_sub(line * 8).min(8)]);
        let bars: String = bars.collect();
        text += format!("{left:>margin$} ┤{bars}").trim_end();
        text.push('\n');
    }
    text += &format!("{:>margin$} └{}\n", "0", "─".repeat(room));
    let (from, to) = (clock(from), clock(to));
    let gap = room.saturating_sub(from.len() + to.len()).max(1);
    text + &format!("{:margin$}  {from}{}{to}\n", "", " ".repeat(gap))
}

/// How high a bar is. That of a value above zero is always seen.
fn at_least_visible(value: f64, greatest: f64) -> usize {
    level(value, greatest, LINES * 8).max(usize::from(value > 0.0))
}

/// The day and the time of day, in UTC as in CloudWatch.
fn clock(time: Timestamp) -> String {
    time.strftime("%m-%d %H:%MZ").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::plot;

    #[test]
    fn a_plot_has_bars_and_its_edges() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let plot = plot(&[Some(1.0), None, Some(48.0)], at(0), at(180), 40);
        let lines: Vec<&str> = plot.lines().collect();
        assert_eq!(lines[0], "48 ┤                        ███████████");
        assert!(lines[5].starts_with("   ┤▁▁▁"), "{plot}");
        assert!(lines[7].contains("01-01 00:00Z") && lines[7].ends_with("01-01 00:03Z"), "{plot}");
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{plot}");
    }
}
