//! One function of `mtl serve`: what a template describes, or nothing does, with what the arguments say in
//! its place. An argument that was given wins, but for the name.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use crate::cli::failure::Failure;
use crate::cli::serve::args::{EventArgs, ServeArgs};
use crate::cli::serve::extensions::extensions;
use crate::cli::values::DEFAULT_FUNCTION;
use crate::data_plane::event_queue::retry::Schedule;
use crate::emulator::config::{FunctionConfig, Runtime};
use crate::emulator::template::functions::function::{EventInvokeConfig, TemplateLimits};
use crate::endpoints::api_gateway::api::RestApi;
use crate::endpoints::management_api::configuration;
use crate::lambda::function::{
    Architecture, Function, FunctionOwner, FunctionProgram, LogFormat, MemorySize,
    TenantIsolationMode,
};
use crate::{data_plane::event_queue, environment::lifecycle, lambda::quotas};

/// A function as it is described. What is left open has AWS's default.
#[derive(Debug, Default)]
pub(super) struct Description {
    pub(super) name: Option<String>,
    pub(super) logical_id: Option<String>,
    pub(super) managed: Managed,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) architecture: Option<Architecture>,
    pub(super) tenant_isolation_mode: Option<TenantIsolationMode>,
    pub(super) limits: TemplateLimits,
    pub(super) events: EventInvokeConfig,
    pub(super) log_format: Option<LogFormat>,
}

/// What of a function only a managed runtime has a use for.
#[derive(Debug, Default)]
pub(super) struct Managed {
    /// The managed runtime that Lambda would run it on.
    pub(super) runtime: Option<String>,
    pub(super) handler: Option<String>,
}

/// What runs a function.
#[derive(Debug)]
pub(super) struct RuntimeProgram {
    pub(super) runtime: Runtime,
    pub(super) command: Vec<OsString>,
    /// Where it differs from what the command says.
    pub(super) argv0: Option<OsString>,
    /// The folder in which it starts.
    pub(super) task_root: PathBuf,
}

/// What is served.
#[derive(Debug, Default)]
pub(crate) struct FunctionsToServe {
    pub(super) functions: Vec<FunctionConfig>,
    /// The APIs of a template.
    pub(super) apis: Vec<RestApi>,
    /// What it is, for a person.
    pub(super) sentence: String,
    /// The folders of code that stands in a template.
    pub(super) inline: Vec<TempDir>,
    pub(super) warnings: Vec<String>,
}

impl ServeArgs {
    /// The function with all that is its own.
    pub(super) fn configure(
        &self,
        described: Description,
        program: RuntimeProgram,
    ) -> Result<FunctionConfig, Failure> {
        let timeout = self.timeout(described.limits.timeout);
        let reserved = self.limits.reserved_concurrency.or(described.limits.reserved_concurrency);
        let schedule = schedule(&self.events, described.events);
        let RuntimeProgram { runtime, command, argv0, task_root } = program;
        let function = self.deployed(described, command, argv0)?;
        Ok(FunctionConfig {
            management: configuration::ManagedSettings { timeout, reserved_concurrency: reserved },
            lifecycle: self.lifecycle_limits(timeout),
            limits: self.function_limits(reserved, function.tenant_isolation_mode),
            events: event_queue::EventQueueSettings {
                schedule,
                never_runs: reserved == Some(0),
                on_success: self.events.on_success.clone(),
                on_failure: self.events.on_failure.clone(),
            },
            extensions: extensions(&self.function.extensions)?,
            function,
            runtime,
            task_root,
        })
    }

    /// The function as it would have been deployed.
    fn deployed(
        &self,
        described: Description,
        command: Vec<OsString>,
        argv0: Option<OsString>,
    ) -> Result<Function, Failure> {
        let given = &self.function;
        let memory_mb = given.memory_size.or(described.limits.memory_mb);
        let mut variables = described.variables;
        variables.extend(given.given_variables()?);
        Ok(Function {
            name: described
                .name
                .or_else(|| given.function_name.clone())
                .unwrap_or_else(|| DEFAULT_FUNCTION.to_owned()),
            logical_id: described.logical_id,
            owner: FunctionOwner { region: given.region(), account_id: given.account_id.clone() },
            program: FunctionProgram {
                command,
                argv0,
                handler: described.managed.handler,
                runtime: described.managed.runtime,
            },
            variables,
            architecture: given
                .architecture
                .map(Architecture::from)
                .or(described.architecture)
                .unwrap_or(Architecture::HERE),
            memory: MemorySize {
                mb: memory_mb.unwrap_or(quotas::DEFAULT_MEMORY_MB),
                enforced: memory_mb.is_some(),
            },
            tenant_isolation_mode: given
                .tenant_isolation_mode
                .map(TenantIsolationMode::from)
                .or(described.tenant_isolation_mode)
                .unwrap_or(TenantIsolationMode::PerTenant),
            log_format: self
                .log_format
                .map(LogFormat::from)
                .or(described.log_format)
                .unwrap_or(LogFormat::Text),
        })
    }

    /// How long one invocation may take, if that is limited.
    fn timeout(&self, described: Option<Duration>) -> Option<Duration> {
        let given = &self.function;
        let unlimited = given.no_timeout || given.inspect || given.attach.is_some();
        let default = described.unwrap_or(quotas::DEFAULT_TIMEOUT);
        given.timeout.or((!unlimited).then_some(default))
    }

    fn lifecycle_limits(&self, timeout: Option<Duration>) -> lifecycle::PhaseLimits {
        let limited = !(self.function.no_timeout || self.function.inspect);
        // Who starts a runtime ends it.
        let attached = self.function.attach.is_some();
        lifecycle::PhaseLimits {
            init: limited.then_some(self.limits.init_timeout),
            init_again: !attached,
            invoke: timeout,
            idle: (!attached).then_some(self.limits.idle_timeout),
            life: self.limits.max_lifetime.filter(|_| !attached),
        }
    }
}

/// How an event is tried again.
fn schedule(given: &EventArgs, described: EventInvokeConfig) -> Schedule {
    let attempts = given.maximum_retry_attempts.or(described.maximum_retry_attempts);
    let age = given.maximum_event_age.or(described.maximum_event_age);
    Schedule {
        maximum_retry_attempts: attempts.unwrap_or(quotas::EVENT_RETRY_ATTEMPTS),
        maximum_event_age: age.unwrap_or(quotas::EVENT_AGE),
        retry_delay: given.retry_delay,
    }
}
