//! A row of bars as high as its values.

/// The fewest columns that a sparkline is worth.
pub(crate) const FEWEST_COLUMNS: usize = 8;

/// How many columns it gets where nothing says how wide the text may be.
pub(crate) const PIPED_COLUMNS: usize = 60;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for each value. If there are more values than columns, a bar is the sum of several. Where there
/// is no value there is a space.
#[must_use]
pub(crate) fn sparkline(values: &[Option<f64>], columns: usize) -> String {
    let values = fitted(values, columns);
    let greatest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) => BARS[level(*value, greatest, BARS.len() - 1)],
    };
    values.iter().map(bar).collect()
}

/// The values in so many columns at most. If there are more, several are added up.
#[must_use]
pub(crate) fn fitted(values: &[Option<f64>], columns: usize) -> Vec<Option<f64>> {
    let each = values.len().div_ceil(columns.max(1)).max(1);
    let sum = |values: &[Option<f64>]| values.iter().flatten().copied().reduce(|a, b| a + b);
    values.chunks(each).map(sum).collect()
}

/// How high the bar of a value is, from 0 to `highest`, where the greatest value is as high as that.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "it is between 0 and a small number"
)]
pub(crate) fn level(value: f64, greatest: f64, highest: usize) -> usize {
    if greatest <= 0.0 || !value.is_finite() {
        return 0;
    }
    ((value.max(0.0) / greatest * highest as f64).round() as usize).min(highest)
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn bars_are_as_high_as_their_values() {
        let values = [Some(0.0), None, Some(4.0), Some(8.0)];
        assert_eq!(sparkline(&values, 10), "▁ ▅█");
        assert_eq!(sparkline(&values, 2), "▁█");
        assert_eq!(sparkline(&[], 10), "");
        assert_eq!(sparkline(&[Some(0.0)], 10), "▁");
    }
}
