//! The figures of a tenant, or of all, over some time: which metrics and statistics they are, and how
//! they follow from the answers. Knows no requests.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{AWS_NAMESPACE, FUNCTION_NAME, OWN_NAMESPACE, TENANT_ID};
use crate::client::cloudwatch::{Metric, Points, Query};

/// What is told of some time. What is absent was not published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// How often the function ran, successfully or not.
    pub(crate) invocations: Option<f64>,
    /// How often it failed.
    pub(crate) errors: Option<f64>,
    /// How often it could not run.
    pub(crate) throttles: Option<f64>,
    /// How long it ran on average, in milliseconds.
    pub(crate) average: Option<f64>,
    /// What half of the invocations took at most, in milliseconds.
    pub(crate) p50: Option<f64>,
    /// What 99 % of them took at most, in milliseconds.
    pub(crate) p99: Option<f64>,
    /// How often an environment was started for an invocation.
    pub(crate) cold_starts: Option<f64>,
}

impl Figures {
    /// How many of the invocations failed, in percent.
    #[must_use]
    pub(crate) fn error_rate(&self) -> Option<f64> {
        let invocations = self.invocations.filter(|invocations| *invocations > 0.0)?;
        Some(self.errors? / invocations * 100.0)
    }
}

/// Of which function, and of which tenant or all together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimensions<'a> {
    /// The function.
    pub(crate) function: &'a str,
    /// The tenant.
    pub(crate) tenant: Option<&'a str>,
}

/// Namespace, metric and statistic of each figure, those of mtl's own last.
const FIGURES: [Figure; 7] = [
    figure(AWS_NAMESPACE, "Invocations", "Sum"),
    figure(AWS_NAMESPACE, "Errors", "Sum"),
    figure(AWS_NAMESPACE, "Throttles", "Sum"),
    figure(AWS_NAMESPACE, "Duration", "Average"),
    figure(AWS_NAMESPACE, "Duration", "p50"),
    figure(AWS_NAMESPACE, "Duration", "p99"),
    figure(OWN_NAMESPACE, "ColdStarts", "Sum"),
];

/// A statistic of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    /// The metric's namespace.
    pub(crate) namespace: &'static str,
    /// The metric's name.
    pub(crate) name: &'static str,
    /// The statistic, as CloudWatch spells it.
    pub(crate) statistic: &'static str,
}

/// A figure in one line.
#[must_use]
pub(crate) const fn figure(
    namespace: &'static str,
    name: &'static str,
    statistic: &'static str,
) -> Figure {
    Figure { namespace, name, statistic }
}

/// Whose metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metrics {
    /// Those that Lambda publishes.
    Lambdas,
    /// Also those that only mtl publishes.
    WithOwn,
}

/// How many queries the figures take.
#[must_use]
pub(crate) fn count(metrics: Metrics) -> usize {
    match metrics {
        Metrics::WithOwn => FIGURES.len(),
        Metrics::Lambdas => FIGURES.len() - 1,
    }
}

/// The queries for the figures by period.
#[must_use]
pub(crate) fn queries(dimensions: Dimensions<'_>, metrics: Metrics, period: u32) -> Vec<Query> {
    let figures = &FIGURES[..count(metrics)];
    figures.iter().map(|figure| query(dimensions, *figure, period)).collect()
}

/// The query for the invocations alone.
#[must_use]
pub(crate) fn invocations(dimensions: Dimensions<'_>, period: u32) -> Query {
    query(dimensions, FIGURES[0], period)
}

/// A query for a statistic of one of a function's metrics.
#[must_use]
pub(crate) fn query(
    Dimensions { function, tenant }: Dimensions<'_>,
    Figure { namespace, name, statistic }: Figure,
    period: u32,
) -> Query {
    let mut dimensions = vec![(FUNCTION_NAME.to_owned(), function.to_owned())];
    dimensions.extend(tenant.map(|tenant| (TENANT_ID.to_owned(), tenant.to_owned())));
    let metric = Metric { namespace: namespace.to_owned(), name: name.to_owned(), dimensions };
    Query { metric, statistic: statistic.to_owned(), period }
}

/// The figures of a window that is one period. Should CloudWatch split it, what counts is added up,
/// and of durations the longest is told.
#[must_use]
pub(crate) fn of(answers: &[Points]) -> Figures {
    let values = |index: usize| answers.get(index).into_iter().flatten().map(|(_, value)| *value);
    let sum = |index| values(index).reduce(|one, other| one + other);
    let longest = |index| values(index).reduce(f64::max);
    Figures {
        invocations: sum(0),
        errors: sum(1),
        throttles: sum(2),
        average: longest(3),
        p50: longest(4),
        p99: longest(5),
        cold_starts: sum(6),
    }
}

/// The figures of each period.
#[must_use]
pub(crate) fn by_period(answers: &[Points]) -> BTreeMap<Timestamp, Figures> {
    let mut periods: BTreeMap<Timestamp, Figures> = BTreeMap::new();
    for (index, points) in answers.iter().enumerate() {
        for (time, value) in points {
            let figures = periods.entry(*time).or_default();
            let figure = match index {
                0 => &mut figures.invocations,
                1 => &mut figures.errors,
                2 => &mut figures.throttles,
                3 => &mut figures.average,
                4 => &mut figures.p50,
                5 => &mut figures.p99,
                _ => &mut figures.cold_starts,
            };
            *figure = Some(*value);
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Figures, by_period, of};

    #[test]
    fn what_was_not_published_is_absent_and_not_zero() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let answers = [vec![(at(0), 2.0), (at(60), 2.0)], vec![(at(60), 1.0)]];
        let figures = of(&answers);
        assert_eq!((figures.invocations, figures.errors), (Some(4.0), Some(1.0)));
        assert_eq!((figures.throttles, figures.cold_starts), (None, None));
        assert_eq!(figures.error_rate(), Some(25.0));
        let periods = by_period(&answers);
        assert_eq!(periods[&at(0)].errors, None);
        assert_eq!(periods[&at(60)].errors, Some(1.0));
        assert_eq!(Figures::default().error_rate(), None);
    }
}
