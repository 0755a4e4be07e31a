//! An in-memory CloudWatch: what is published, by metric and minute, and the statistics of it. Neither
//! what is published nor how it is asked for over HTTP is decided here.
//!
//! It keeps one-minute points of the last 24 hours, and no more than 256 MB of them: beyond that the
//! oldest minutes of all metrics are dropped early.

pub(crate) mod acceptance;
pub(crate) mod metric;
pub(crate) mod statistic;

mod distribution;
mod filter;
mod series;

mod query;

mod store;

pub(crate) use filter::MetricFilter;
pub(crate) use query::{MetricQuery, Point};
pub(crate) use store::MetricStore;
#[cfg(test)]
pub(crate) use store::{CAPACITY_BYTES, METRIC_BYTES};

#[cfg(test)]
mod tests;
