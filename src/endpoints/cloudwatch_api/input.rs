//! What parameters of several operations have in common: how they are read and what may be in them.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::endpoints::cloudwatch_api::error::{CloudWatchError, CloudWatchErrorKind};
use crate::telemetry::metric_store::metric::{Dimensions, Unit};

/// The most dimensions that a metric can have.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
pub(crate) const MAXIMUM_DIMENSIONS: usize = 30;

/// The most characters of a namespace, of a metric's name, and of a dimension's.
pub(crate) const NAME_CHARACTERS: usize = 255;

/// The most characters of a dimension's value.
const VALUE_CHARACTERS: usize = 1_024;

/// Reads the parameters of an operation.
///
/// # Errors
///
/// When one of them is of another type.
pub(crate) fn read<T: DeserializeOwned>(input: Value) -> Result<T, CloudWatchError> {
    serde_json::from_value(input).map_err(|error| {
        CloudWatchError::new(
            CloudWatchErrorKind::Serialization,
            format!("The request can't be read: {error}."),
        )
    })
}

/// What a scalar may look like on the wire: the query protocol has texts only.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(f64),
    Text(String),
}

/// A number, which may be infinite or NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Number(number) => Ok(Self(number)),
            Scalar::Text(text) => text.parse().map(Self).map_err(D::Error::custom),
            Scalar::Bool(_) => Err(D::Error::custom("a number is expected")),
        }
    }
}

impl Number {
    /// The number, if it is whole and not negative.
    #[must_use]
    pub(crate) fn whole(self) -> Option<u32> {
        let whole = self.0.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&self.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "just checked")]
        whole.then_some(self.0 as u32)
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Scalar::deserialize(deserializer)? {
            Scalar::Bool(flag) => Ok(Self(flag)),
            Scalar::Text(text) => text.parse().map(Self).map_err(D::Error::custom),
            Scalar::Number(_) => Err(D::Error::custom("true or false is expected")),
        }
    }
}

/// A moment: seconds since 1970, or a text as in RFC 3339, in UTC if it doesn't say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
            Scalar::Bool(_) => return Err(D::Error::custom("a timestamp is expected")),
        };
        time(&text).map(Self).ok_or_else(|| D::Error::custom(format!("{text} is no timestamp")))
    }
}

fn time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is out of range is refused next"
        )]
        return Timestamp::from_millisecond((seconds * 1_000.0) as i64).ok();
    }
    let civil = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| Some(civil()?.timestamp()))
}

/// A dimension, or a filter for dimensions.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Dimension {
    /// The name.
    pub(crate) name: Option<String>,
    /// The value.
    pub(crate) value: Option<String>,
}

/// The set of dimensions at this path.
///
/// # Errors
///
/// When one has no name or no value, or when there are too many.
pub(crate) fn dimensions(
    dimensions: Vec<Dimension>,
    path: &str,
) -> Result<Dimensions, CloudWatchError> {
    at_most(dimensions.len(), MAXIMUM_DIMENSIONS, path)?;
    let pair = |(index, Dimension { name, value }): (usize, Dimension)| {
        let path = format!("{path}.member.{}", index + 1);
        let name = limited(name, &format!("{path}.Name"), NAME_CHARACTERS)?;
        let value = limited(value, &format!("{path}.Value"), VALUE_CHARACTERS)?;
        Ok((Arc::from(name), Arc::from(value)))
    };
    let pairs = dimensions.into_iter().enumerate().map(pair);
    let pairs = pairs.collect::<Result<Vec<(Arc<str>, Arc<str>)>, CloudWatchError>>()?;
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one),
        _ => None,
    });
    if let Some(twice) = twice {
        let message = format!("The parameter {path} has the dimension {twice} more than once.");
        return Err(CloudWatchError::new(CloudWatchErrorKind::InvalidParameterValue, message));
    }
    Ok(Dimensions::new(pairs))
}

/// A text that must be there, not blank, and no longer than so many characters.
///
/// # Errors
///
/// When it isn't.
pub(crate) fn limited(
    text: Option<String>,
    path: &str,
    most: usize,
) -> Result<String, CloudWatchError> {
    let text = required(text, path)?;
    if text.trim().is_empty() || text.chars().count() > most {
        return Err(CloudWatchError::invalid(&text, path));
    }
    Ok(text)
}

/// A text that must be there and not empty.
///
/// # Errors
///
/// When it isn't.
pub(crate) fn required(text: Option<String>, path: &str) -> Result<String, CloudWatchError> {
    text.filter(|text| !text.is_empty()).ok_or_else(|| CloudWatchError::missing(path))
}

/// A list may have no more than so many members.
///
/// # Errors
///
/// When it has.
pub(crate) fn at_most(members: usize, most: usize, path: &str) -> Result<(), CloudWatchError> {
    if members <= most {
        return Ok(());
    }
    let message = format!("The collection {path} must not have a size greater than {most}.");
    Err(CloudWatchError::new(CloudWatchErrorKind::InvalidParameterValue, message))
}

/// The unit that a parameter names.
///
/// # Errors
///
/// When there is none of that name.
pub(crate) fn unit(text: Option<&str>, path: &str) -> Result<Option<Unit>, CloudWatchError> {
    text.map(|text| Unit::from_str(text).map_err(|_| CloudWatchError::invalid(text, path)))
        .transpose()
}

/// A period in seconds.
///
/// # Errors
///
/// When it is none that CloudWatch has: 1, 5, 10, 20, 30 or a multiple of 60.
pub(crate) fn period(number: Number, path: &str) -> Result<u32, CloudWatchError> {
    match number.whole() {
        Some(seconds @ (1 | 5 | 10 | 20 | 30)) => Ok(seconds),
        Some(seconds) if seconds > 0 && seconds % 60 == 0 => Ok(seconds),
        _ => Err(CloudWatchError::new(
            CloudWatchErrorKind::InvalidParameterValue,
            format!("The parameter {path} must be a multiple of 60."),
        )),
    }
}

/// The times between which something is asked for.
///
/// # Errors
///
/// When one is missing, or when they are not in order.
pub(crate) fn window(
    start: Option<Time>,
    end: Option<Time>,
) -> Result<Range<Timestamp>, CloudWatchError> {
    let Time(start) = start.ok_or_else(|| CloudWatchError::missing("StartTime"))?;
    let Time(end) = end.ok_or_else(|| CloudWatchError::missing("EndTime"))?;
    if start < end {
        return Ok(start..end);
    }
    Err(CloudWatchError::combination(
        "The parameter StartTime must be less than the parameter EndTime.",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Dimension, Flag, Number, Time, dimensions, period, read};

    #[test]
    fn texts_are_numbers_and_times_where_the_protocol_has_nothing_else() {
        assert_eq!(read::<Number>(json!("1.5")).unwrap(), Number(1.5));
        assert_eq!(read::<Flag>(json!("true")).unwrap(), Flag(true));
        for same in [
            json!(1_760_000_000),
            json!(1_760_000_000.0),
            json!("1760000000"),
            json!("2025-10-09T08:53:20Z"),
            json!("2025-10-09T08:53:20"),
            json!("2025-10-09T10:53:20+02:00"),
        ] {
            assert_eq!(read::<Time>(same).unwrap().0.as_second(), 1_760_000_000);
        }
        for wrong in [json!("soon"), json!(true), json!(1e300), json!({})] {
            assert!(read::<Time>(wrong).is_err());
        }
    }

    #[test]
    fn dimensions_have_a_name_each_and_a_value() {
        let of = |pairs: &[(&str, &str)]| {
            let pair = |(name, value): &(&str, &str)| Dimension {
                name: Some((*name).to_owned()),
                value: Some((*value).to_owned()),
            };
            dimensions(pairs.iter().map(pair).collect(), "Dimensions")
        };
        assert_eq!(of(&[("a", "1"), ("b", "1")]).unwrap().iter().count(), 2);
        let long = "x".repeat(1_025);
        for wrong in [&[("a", "1"), ("a", "2")][..], &[("a", " ")], &[("", "1")], &[("a", &long)]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn periods_are_those_of_cloudwatch() {
        for good in [1.0, 5.0, 30.0, 60.0, 86_400.0] {
            assert!(period(Number(good), "Period").is_ok(), "{good}");
        }
        for wrong in [0.0, 2.0, 61.0, 60.5, -60.0, f64::NAN, f64::INFINITY] {
            assert!(period(Number(wrong), "Period").is_err(), "{wrong}");
        }
    }
}
