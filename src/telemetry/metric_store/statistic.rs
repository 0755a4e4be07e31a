//! The statistics that can be asked of a metric, and how they are written.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use thiserror::Error;

/// One number for all that was observed in a period.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Statistic {
    /// How many values were observed.
    SampleCount,
    /// Their sum divided by their number.
    Average,
    /// All of them together.
    Sum,
    /// The least of them.
    Minimum,
    /// The greatest of them.
    Maximum,
    /// The value that this many percent of them don't exceed: 0 to 100.
    Percentile(f64),
}

/// Why a text is no [`Statistic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum StatisticError {
    /// CloudWatch has it, mtl does not.
    #[error("mtl emulates percentiles, and none of the other extended statistics")]
    NotEmulated,
    /// There is none of that name.
    #[error("this is not a statistic of CloudWatch")]
    Unknown,
}

impl FromStr for Statistic {
    type Err = StatisticError;

    fn from_str(text: &str) -> Result<Self, StatisticError> {
        match text {
            "SampleCount" => return Ok(Self::SampleCount),
            "Average" => return Ok(Self::Average),
            "Sum" => return Ok(Self::Sum),
            "Minimum" => return Ok(Self::Minimum),
            "Maximum" => return Ok(Self::Maximum),
            _ => {}
        }
        if let Some(percent) = text.strip_prefix('p').and_then(percent) {
            return Ok(Self::Percentile(percent));
        }
        let trimmed = ["tm", "wm", "tc", "ts", "TM(", "WM(", "TC(", "TS(", "PR("];
        if text == "IQM" || trimmed.iter().any(|opening| text.starts_with(opening)) {
            return Err(StatisticError::NotEmulated);
        }
        Err(StatisticError::Unknown)
    }
}

/// Up to three digits, and up to ten after the point, as in `p99.9`.
fn percent(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 3) || !digits(fraction, 10) {
        return None;
    }
    text.parse().ok().filter(|percent| *percent <= 100.0)
}

impl Display for Statistic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleCount => f.write_str("SampleCount"),
            Self::Average => f.write_str("Average"),
            Self::Sum => f.write_str("Sum"),
            Self::Minimum => f.write_str("Minimum"),
            Self::Maximum => f.write_str("Maximum"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Statistic, StatisticError};

    #[test]
    fn statistics_are_read_as_they_are_written() {
        for text in
            ["SampleCount", "Average", "Sum", "Minimum", "Maximum", "p0", "p50", "p99.9", "p100"]
        {
            assert_eq!(text.parse::<Statistic>().unwrap().to_string(), text);
        }
        assert_eq!("p99.90".parse(), Ok(Statistic::Percentile(99.9)));
        for wrong in ["", "p", "p101", "p-1", "p1e1", "p.5", "p5.", "p1.00000000001", "sum", "P50"]
        {
            assert_eq!(wrong.parse::<Statistic>(), Err(StatisticError::Unknown), "{wrong}");
        }
        for other in ["tm99", "IQM", "PR(:300)", "TM(2%:98%)", "wm90", "tc90", "ts90"] {
            assert_eq!(other.parse::<Statistic>(), Err(StatisticError::NotEmulated), "{other}");
        }
    }
}
