//! The extensions of one environment, as the Extensions API has them. Their processes are not known
//! here, and of HTTP nothing but the status that AWS gives a refusal.
//!
//! An extension that is started for the environment is *external* and known by its file's name. All
//! others register from inside the runtime and are *internal*: they get no SHUTDOWN.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

mod call;
mod registration;

mod registry;

pub(crate) use call::{
    ExtensionAnswer, ExtensionCall, ExtensionEvent, ExtensionRefusal, Identifier, ReportedError,
    ReportedPhase, TelemetryApi,
};
pub(crate) use registry::Extensions;
