//! How numbers are written.

/// What stands where there is no value.
pub(crate) const NONE: &str = "–";

/// A count, with as many decimals as it has and two at most.
#[must_use]
pub(crate) fn count(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), short)
}

/// Milliseconds with three digits; of a second or more all digits before the point.
#[must_use]
pub(crate) fn milliseconds(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(value) if value < 10.0 => format!("{value:.2}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

/// A percentage.
#[must_use]
pub(crate) fn percent(value: Option<f64>) -> String {
    match value {
        None => NONE.to_owned(),
        Some(0.0) => "0%".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.1}%"),
        Some(value) => format!("{value:.0}%"),
    }
}

/// A number with two decimals at most and without zeros at its end.
#[must_use]
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number for programs, with all of its digits. Where there is none the text is empty.
#[must_use]
pub(crate) fn exact(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// US dollars, with cents. Less than a dollar has as many decimals as it takes to see three digits.
#[must_use]
pub(crate) fn dollars(value: f64) -> String {
    if value >= 1.0 || value <= 0.0 {
        return format!("{value:.2}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 1 to 15")]
    let zeros = (-value.log10().floor()).clamp(1.0, 15.0) as usize;
    format!("{value:.*}", zeros + 2)
}

#[cfg(test)]
mod tests {
    use super::{count, dollars, milliseconds, percent};

    #[test]
    fn numbers_are_as_exact_as_is_of_use() {
        assert_eq!(count(Some(1_200.0)), "1200");
        assert_eq!(count(Some(0.5)), "0.5");
        assert_eq!(count(None), "–");
        assert_eq!(milliseconds(Some(1.234)), "1.23");
        assert_eq!(milliseconds(Some(12.34)), "12.3");
        assert_eq!(milliseconds(Some(1_234.5)), "1234");
        assert_eq!(percent(Some(0.0)), "0%");
        assert_eq!(percent(Some(12.5)), "12%");
        assert_eq!(percent(Some(0.25)), "0.2%");
        assert_eq!(dollars(1_234.567), "1234.57");
        assert_eq!(dollars(0.5), "0.500");
        assert_eq!(dollars(0.000_001_875), "0.00000188");
        assert_eq!(dollars(0.0), "0.00");
    }
}
