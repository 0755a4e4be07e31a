//! The figures of a tenant, or of all together, over some time: from which statistics they come, and how
//! they follow from CloudWatch's answers.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::published_metrics::{MetricOwner, PublishedStatistic};
use crate::client::cloudwatch::{Points, Query};

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

/// Where a figure comes from, and where it is kept.
struct FigureSource {
    published: PublishedStatistic,
    /// The figure.
    field: fn(&mut Figures) -> &mut Option<f64>,
    /// What two values of it come to together.
    together: fn(f64, f64) -> f64,
}

impl FigureSource {
    /// A figure that counts something.
    const fn count(
        published: PublishedStatistic,
        field: fn(&mut Figures) -> &mut Option<f64>,
    ) -> Self {
        Self { published, field, together: |one, other| one + other }
    }

    /// A figure that says how long something takes. The longest is told: no average and no percentile
    /// follows from those of two times.
    const fn duration(
        statistic: &'static str,
        field: fn(&mut Figures) -> &mut Option<f64>,
    ) -> Self {
        Self { published: PublishedStatistic::duration(statistic), field, together: f64::max }
    }
}

/// Where each figure comes from. Those of mtl's own metrics are last.
const SOURCES: [FigureSource; 7] = [
    FigureSource::count(INVOCATIONS, |figures| &mut figures.invocations),
    FigureSource::count(PublishedStatistic::lambda_sum("Errors"), |figures| &mut figures.errors),
    FigureSource::count(PublishedStatistic::lambda_sum("Throttles"), |figures| {
        &mut figures.throttles
    }),
    FigureSource::duration("Average", |figures| &mut figures.average),
    FigureSource::duration("p50", |figures| &mut figures.p50),
    FigureSource::duration("p99", |figures| &mut figures.p99),
    FigureSource::count(PublishedStatistic::own_sum("ColdStarts"), |figures| {
        &mut figures.cold_starts
    }),
];

const INVOCATIONS: PublishedStatistic = PublishedStatistic::lambda_sum("Invocations");

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
        Metrics::WithOwn => SOURCES.len(),
        Metrics::Lambdas => SOURCES.len() - 1,
    }
}

/// The queries for all figures, in periods of so many seconds.
#[must_use]
pub(crate) fn queries(owner: MetricOwner<'_>, metrics: Metrics, period: u32) -> Vec<Query> {
    let sources = &SOURCES[..count(metrics)];
    sources.iter().map(|source| owner.query(source.published, period)).collect()
}

/// The query for the invocations alone.
#[must_use]
pub(crate) fn invocations(owner: MetricOwner<'_>, period: u32) -> Query {
    owner.query(INVOCATIONS, period)
}

/// The figures of a window that is one period, from the answers to [`queries`]. CloudWatch may split the
/// period; then its parts are put together.
#[must_use]
pub(crate) fn of_window(answers: &[Points]) -> Figures {
    let mut figures = Figures::default();
    for (source, points) in SOURCES.iter().zip(answers) {
        let values = points.iter().map(|(_, value)| *value);
        *(source.field)(&mut figures) = values.reduce(source.together);
    }
    figures
}

/// The figures of each period, from the answers to [`queries`].
#[must_use]
pub(crate) fn by_period(answers: &[Points]) -> BTreeMap<Timestamp, Figures> {
    let mut periods: BTreeMap<Timestamp, Figures> = BTreeMap::new();
    for (source, points) in SOURCES.iter().zip(answers) {
        for (time, value) in points {
            *(source.field)(periods.entry(*time).or_default()) = Some(*value);
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Figures, by_period, of_window};

    #[test]
    fn what_was_not_published_is_absent_and_not_zero() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let answers = [vec![(at(0), 2.0), (at(60), 2.0)], vec![(at(60), 1.0)]];
        let figures = of_window(&answers);
        assert_eq!((figures.invocations, figures.errors), (Some(4.0), Some(1.0)));
        assert_eq!((figures.throttles, figures.cold_starts), (None, None));
        assert_eq!(figures.error_rate(), Some(25.0));
        let periods = by_period(&answers);
        assert_eq!(periods[&at(0)].errors, None);
        assert_eq!(periods[&at(60)].errors, Some(1.0));
        assert_eq!(Figures::default().error_rate(), None);
    }
}
