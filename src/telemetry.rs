//! What is recorded and told of invocations: metrics, log streams, and what extensions hear of both. The
//! extensions that have registered are kept here too, since what they hear depends on that.
//! This folder must not know environments, nor who reads what it keeps.

pub(crate) mod extensions;
pub(crate) mod metric_store;

mod embedded_metrics;
pub(crate) mod lambda_metrics;
pub(crate) mod log_time;
pub(crate) mod subscribers;

pub(crate) mod logs;
