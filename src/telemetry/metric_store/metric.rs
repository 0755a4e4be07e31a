//! What a metric is and what is published for it, in CloudWatch's words.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;

/// A metric: everything published in one namespace under one name with exactly one set of dimensions.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct MetricId {
    /// The namespace, such as `AWS/Lambda`.
    pub(crate) namespace: Arc<str>,
    /// The name, such as `Duration`.
    pub(crate) name: Arc<str>,
    /// What it is the metric of.
    pub(crate) dimensions: Dimensions,
}

/// A set of dimensions. Two metrics are the same only if all of their dimensions are; the order in
/// which they are given means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dimensions(Arc<[(Arc<str>, Arc<str>)]>);

impl Dimensions {
    /// The set of these names and values.
    #[must_use]
    pub(crate) fn new(dimensions: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        let mut sorted: Vec<_> = dimensions.into_iter().collect();
        sorted.sort_unstable();
        Self(sorted.into())
    }

    /// The names and values, in the order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one of them.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// What is published at one time for one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Datum {
    /// The metric.
    pub(crate) metric: MetricId,
    /// What its values count.
    pub(crate) unit: Unit,
    /// When it was observed.
    pub(crate) timestamp: Timestamp,
    /// What was observed.
    pub(crate) observation: Observation,
}

/// One or many observed values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observation {
    /// Values, each with how often it was observed.
    Values(Vec<(f64, f64)>),
    /// A summary, from which no percentile can be told.
    Set(StatisticSet),
}

impl Observation {
    /// One value that was observed once.
    #[must_use]
    pub(crate) fn once(value: f64) -> Self {
        Self::Values(vec![(value, 1.0)])
    }
}

/// The summary of many observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StatisticSet {
    /// How many there were.
    pub(crate) sample_count: f64,
    /// All of them together.
    pub(crate) sum: f64,
    /// The least.
    pub(crate) minimum: f64,
    /// The greatest.
    pub(crate) maximum: f64,
}

/// What the values of a metric count.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit(&'static str);

/// A text that is no [`Unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a unit of CloudWatch")]
pub(crate) struct UnknownUnit;

const UNITS: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

impl Unit {
    /// Number of things or events.
    pub(crate) const COUNT: Self = Self("Count");
    /// Megabytes.
    pub(crate) const MEGABYTES: Self = Self("Megabytes");
    /// Thousandths of a second.
    pub(crate) const MILLISECONDS: Self = Self("Milliseconds");
    /// No unit was given.
    pub(crate) const NONE: Self = Self("None");

    /// The unit as CloudWatch spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Self, UnknownUnit> {
        UNITS.iter().find(|unit| **unit == text).map(|unit| Self(unit)).ok_or(UnknownUnit)
    }
}

impl Display for Unit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Dimensions, UNITS, Unit};

    #[test]
    fn dimensions_are_a_set() {
        let pair = |name: &str, value: &str| (name.into(), value.into());
        let one = Dimensions::new([pair("TenantId", "alice"), pair("FunctionName", "f")]);
        let other = Dimensions::new([pair("FunctionName", "f"), pair("TenantId", "alice")]);
        assert_eq!(one, other);
        assert_eq!(one.get("TenantId"), Some("alice"));
        assert_ne!(one, Dimensions::new([pair("FunctionName", "f")]));
    }

    #[test]
    fn units_are_read_as_they_are_written() {
        for unit in UNITS {
            assert_eq!(unit.parse::<Unit>().unwrap().to_string(), unit);
        }
        for known in [Unit::COUNT, Unit::MEGABYTES, Unit::MILLISECONDS, Unit::NONE] {
            assert_eq!(known.as_str().parse(), Ok(known));
        }
        assert!("count".parse::<Unit>().is_err());
    }
}
