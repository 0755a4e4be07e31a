//! An in-memory CloudWatch: what is published, by metric and minute, and the statistics of it. Neither
//! what counts as what nor how it is asked for over HTTP is decided here.
//!
//! It keeps one-minute points of the last 24 hours, and no more than 256 MB of them: beyond that the
//! oldest minutes of all metrics are dropped early.

pub(crate) mod acceptance;
pub(crate) mod metric;
pub(crate) mod statistic;

mod distribution;

mod series;

mod filter;

mod query;

mod lambda_table;
mod published;

mod store;

pub(crate) use filter::MetricFilter;
pub(crate) use lambda_table::FunctionId;
pub(crate) use lambda_table::lambda_metric::LambdaMetric;
pub(crate) use query::{MetricQuery, Point};
pub(crate) use series::minute;
pub(crate) use store::{Concurrency, InvocationRows, MetricStore, Observed};

#[cfg(test)]
pub(crate) use lambda_table::lambda_metric::{AWS_NAMESPACE, OWN_NAMESPACE};

#[cfg(test)]
mod tests;
