//! What metrics and logs tell about the tenants of a function: what is asked for, and the figures that
//! follow from the answers.

// What metrics there are, and for which time.
mod published_metrics;
pub(crate) mod window;

// What comes out.
pub(crate) mod figures;
mod function_report;

// From whom, and how it is asked.
mod answers;
mod subject;

// The questions.
pub(crate) mod cost;
pub(crate) mod custom;
pub(crate) mod logs;
mod tenants;

pub(crate) use function_report::{FunctionReport, TenantReport};
pub(crate) use published_metrics::AWS_NAMESPACE;
pub(crate) use subject::Subject;
pub(crate) use tenants::report;
