//! Option values that several subcommands share, parsed from text. Each parser returns the sentence
//! that clap prints after the option's name.

use std::time::Duration;

/// The name of a function that was given none.
pub(crate) const DEFAULT_FUNCTION: &str = "function";

/// A duration as `500ms`, `3s`, `2m`, `6h`, or a bare number of seconds; fractions are allowed.
///
/// # Errors
///
/// When the text has no number, an unknown unit, or is larger than a clock can hold.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds_per_unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        unit => return Err(format!("`{unit}` is no unit of time; use ms, s, m or h")),
    };
    let number: f64 =
        digits.parse().map_err(|_| "expected a duration such as 500ms, 3s, 2m or 6h".to_owned())?;
    Duration::try_from_secs_f64(number * seconds_per_unit)
        .map_err(|_| "a duration must not be negative or longer than a clock can hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("3s"), Ok(Duration::from_secs(3)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(duration("6h"), Ok(Duration::from_hours(6)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1_500)));
        for wrong in ["", "s", "3 s", "3d", "-1", "1e400", "NaN", "inf"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
