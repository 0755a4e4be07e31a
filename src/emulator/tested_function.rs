//! The function that a test serves, as the test describes it: a configuration with one function and
//! AWS's defaults.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data_plane::event_queue::EventQueueSettings;
use crate::data_plane::event_queue::retry::Schedule;
use crate::data_plane::{AccountLimits, FunctionLimits};
use crate::emulator::config::{
    BindAddress, Config, FunctionConfig, LogConfig, Port, ProcessConfig, Runtime, Watchdog,
};
use crate::emulator::error::FunctionError;
use crate::endpoints::front_door;
use crate::endpoints::management_api::configuration;
use crate::environment::interpreter::Interpreters;
use crate::environment::lifecycle::PhaseLimits;
use crate::environment::runtime_client::RuntimeClient;
use crate::lambda::function::{
    Architecture, FunctionOwner, FunctionProgram, LogFormat, MemorySize, TenantIsolationMode,
};
use crate::lambda::{function, quotas};
use crate::telemetry::logs::Stdout;

/// The route for programs that call without AWS's paths.
const INVOCATION_ENDPOINT: &str = "/invoke";

/// How long the init phase may take.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an environment may be idle.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// The wait before an asynchronous invocation is tried again.
const RETRY_DELAY: Duration = Duration::from_mins(1);

/// A function for [`Emulator::start`](crate::Emulator::start). What isn't said is as on AWS: 3 seconds
/// of timeout, 128 MB of memory (which is enforced only when it is said), and the name `function`.
/// Its tenants are isolated, since that is what mtl is for.
///
/// Its environment has the variables of this process too, except those that only Lambda may set. Its
/// own calls to Lambda and CloudWatch go to the emulator.
#[derive(Clone, Debug)]
pub struct Function {
    name: String,
    program: TestedProgram,
    folder: PathBuf,
    timeout: Duration,
    memory_mb: Option<u32>,
    variables: Vec<(OsString, OsString)>,
    tenant_isolation_mode: TenantIsolationMode,
}

#[derive(Clone, Debug)]
enum TestedProgram {
    Command(Vec<OsString>),
    Handler(String),
}

impl Function {
    /// A function that this program is, with its arguments: a custom runtime, such as what is built
    /// with `lambda_runtime`.
    #[must_use]
    pub fn command(command: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self::new(TestedProgram::Command(command.into_iter().map(Into::into).collect()))
    }

    /// A function that is this handler of Python or Node.js: `app.handler` is `handler` in `app.py`,
    /// or in `app.mjs`, `app.js` or `app.cjs`.
    #[must_use]
    pub fn handler(handler: impl Into<String>) -> Self {
        Self::new(TestedProgram::Handler(handler.into()))
    }

    fn new(program: TestedProgram) -> Self {
        Self {
            name: "function".to_owned(),
            program,
            folder: PathBuf::from("."),
            timeout: quotas::DEFAULT_TIMEOUT,
            memory_mb: None,
            variables: Vec::new(),
            tenant_isolation_mode: TenantIsolationMode::PerTenant,
        }
    }

    /// The folder of its code, in which its processes start. The current one unless it is said.
    #[must_use]
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        folder.as_ref().clone_into(&mut self.folder);
        self
    }

    /// Its name: 1 to 64 letters, digits, hyphens and underscores.
    #[must_use]
    pub fn function_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How long one invocation may take: 1 to 900 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Its memory in MB, 128 to 10240. On Linux an environment that uses more is ended.
    #[must_use]
    pub fn memory_size(mut self, mb: u32) -> Self {
        self.memory_mb = Some(mb);
        self
    }

    /// A variable of its environment. Of two with one name the later one counts.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// An ordinary function: no invocation names a tenant, and one environment serves all callers.
    #[must_use]
    pub fn without_tenant_isolation(mut self) -> Self {
        self.tenant_isolation_mode = TenantIsolationMode::None;
        self
    }

    /// Its name.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long one invocation may take.
    #[must_use]
    pub(crate) fn time(&self) -> Duration {
        self.timeout
    }

    /// The configuration of an emulator that serves only this function.
    ///
    /// # Errors
    ///
    /// When a value is none that Lambda takes, or the handler can't be found.
    pub(crate) fn into_config(self) -> Result<Config, FunctionError> {
        self.check()?;
        let concurrency = quotas::CONCURRENT_EXECUTIONS;
        Ok(Config {
            address: BindAddress { host: "127.0.0.1".to_owned(), port: Port::Asked(0) },
            front_door: front_door::FrontDoorSettings {
                invocation_endpoint: INVOCATION_ENDPOINT.to_owned(),
                allowed_hosts: Vec::new(),
            },
            apis: Vec::new(),
            account: configuration::AccountLimit { concurrency },
            limits: AccountLimits {
                concurrency,
                environments: usize::MAX,
                is_scaling_limited: true,
            },
            functions: vec![self.into_function_config()?],
            local_endpoints: true,
            logs: LogConfig { stdout: Stdout::Lines, folder: None },
            processes: ProcessConfig {
                watchdog: Watchdog::Absent,
                function_file_descriptors: None,
            },
        })
    }

    fn check(&self) -> Result<(), FunctionError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !(1..=64).contains(&self.name.len()) || !self.name.chars().all(allowed) {
            return Err(FunctionError::Name(self.name.clone()));
        }
        if !(quotas::MINIMUM_TIMEOUT..=quotas::MAXIMUM_TIMEOUT).contains(&self.timeout) {
            return Err(FunctionError::Timeout(self.timeout));
        }
        let sizes = quotas::DEFAULT_MEMORY_MB..=quotas::MAXIMUM_MEMORY_MB;
        match self.memory_mb {
            Some(mb) if !sizes.contains(&mb) => Err(FunctionError::MemorySize(mb)),
            _ => Ok(()),
        }
    }

    fn into_function_config(self) -> Result<FunctionConfig, FunctionError> {
        let task_root = std::path::absolute(&self.folder).map_err(FunctionError::Folder)?;
        let (command, runtime) = match &self.program {
            TestedProgram::Command(command) => (command.clone(), Runtime::Command),
            TestedProgram::Handler(handler) => {
                let client =
                    RuntimeClient::find(handler, None, &task_root, &mut Interpreters::default());
                let client = client.map_err(FunctionError::Handler)?;
                // Its command is the client's, which the emulator knows.
                (Vec::new(), Runtime::Handler { client, debugged: false })
            }
        };
        let managed = match &runtime {
            Runtime::Handler { client, .. } => Some(client.runtime().to_owned()),
            Runtime::Command | Runtime::Attached(_) => None,
        };
        Ok(FunctionConfig {
            management: configuration::ManagedSettings {
                timeout: Some(self.timeout),
                reserved_concurrency: None,
            },
            lifecycle: PhaseLimits {
                init: Some(INIT_TIMEOUT),
                init_again: true,
                invoke: Some(self.timeout),
                idle: Some(IDLE_TIMEOUT),
                life: None,
            },
            limits: FunctionLimits {
                reserved_concurrency: None,
                is_isolated: self.tenant_isolation_mode == TenantIsolationMode::PerTenant,
                runtimes: None,
            },
            events: events(),
            extensions: Vec::new(),
            function: self.into_function(command, managed.filter(|name| !name.is_empty())),
            runtime,
            task_root,
        })
    }

    fn into_function(self, command: Vec<OsString>, runtime: Option<String>) -> function::Function {
        function::Function {
            name: self.name,
            logical_id: None,
            owner: FunctionOwner {
                region: "us-east-1".to_owned(),
                account_id: "123456789012".to_owned(),
            },
            program: FunctionProgram { command, argv0: None, handler: None, runtime },
            variables: self.variables,
            architecture: Architecture::HERE,
            memory: MemorySize {
                mb: self.memory_mb.unwrap_or(quotas::DEFAULT_MEMORY_MB),
                enforced: self.memory_mb.is_some(),
            },
            tenant_isolation_mode: self.tenant_isolation_mode,
            log_format: LogFormat::Text,
        }
    }
}

fn events() -> EventQueueSettings {
    EventQueueSettings {
        schedule: Schedule {
            maximum_retry_attempts: quotas::EVENT_RETRY_ATTEMPTS,
            maximum_event_age: quotas::EVENT_AGE,
            retry_delay: RETRY_DELAY,
        },
        never_runs: false,
        on_success: None,
        on_failure: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Function;

    #[test]
    fn values_that_lambda_does_not_take_are_refused() {
        let reason = |function: Function| {
            function.into_config().err().map(|error| error.to_string()).unwrap_or_default()
        };
        let function = || Function::command(["./bootstrap"]);
        assert_eq!(reason(function()), "");
        assert!(reason(function().function_name("a b")).contains("not `a b`"));
        assert!(reason(function().timeout(Duration::ZERO)).contains("not 0ns"));
        assert!(reason(function().memory_size(1)).contains("not 1"));
        assert!(reason(Function::handler("no_such_file.handler")).contains("no_such_file"));
    }
}
