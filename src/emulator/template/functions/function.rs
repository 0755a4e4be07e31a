//! A function of a template, as it is served.

use std::path::PathBuf;
use std::time::Duration;

use crate::lambda::function::{Architecture, LogFormat, TenantIsolationMode};

/// A function of a template.
#[derive(Clone, Debug)]
pub(crate) struct TemplateFunction {
    /// The name of its resource.
    pub(crate) logical_id: String,
    /// Its name: what `FunctionName` says, or the logical id.
    pub(crate) name: String,
    /// What runs.
    pub(crate) program: TemplateProgram,
    /// How much it may use.
    pub(crate) limits: TemplateLimits,
    /// The variables whose values are known.
    pub(crate) variables: Vec<(String, String)>,
    /// The instruction set that it is deployed for.
    pub(crate) architecture: Architecture,
    /// Whether invocations must name a tenant.
    pub(crate) tenant_isolation_mode: TenantIsolationMode,
    /// How its events are treated.
    pub(crate) events: EventInvokeConfig,
    /// The format of its log.
    pub(crate) log_format: Option<LogFormat>,
}

/// What runs a function.
#[derive(Clone, Debug)]
pub(crate) struct TemplateProgram {
    /// The managed runtime, such as `python3.12`.
    pub(crate) runtime: Option<String>,
    /// The handler.
    pub(crate) handler: Option<String>,
    /// Its code.
    pub(crate) code: Code,
}

/// How much a function may use, where the template says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TemplateLimits {
    /// How long one invocation may take.
    pub(crate) timeout: Option<Duration>,
    /// The memory size in MB.
    pub(crate) memory_mb: Option<u32>,
    /// Concurrent executions that are reserved for it.
    pub(crate) reserved_concurrency: Option<u32>,
}

/// How the events of a function are treated, where the template says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventInvokeConfig {
    /// How often an event is tried again.
    pub(crate) maximum_retry_attempts: Option<u32>,
    /// How old an event may become.
    pub(crate) maximum_event_age: Option<Duration>,
}

/// Where the code of a function is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// In this folder.
    Folder(PathBuf),
    /// In this one, where `sam build` has put it.
    Built(PathBuf),
    /// Here: the text of its one file, whose name Lambda makes `index`.
    Inline(String),
}
