//! The configuration of a function, as the service model has it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>

use std::ffi::OsString;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::lambda::function::{Function, LATEST, LogFormat, TenantIsolationMode};
use crate::lambda::quotas;
use crate::system::random::random_uuid;

/// What the account of the functions is limited to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountLimit {
    /// Concurrent executions.
    pub(crate) concurrency: u32,
}

/// What the calls tell of a function besides its configuration for the environments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ManagedSettings {
    /// How long one invocation may take, if that is limited.
    pub(crate) timeout: Option<Duration>,
    /// Concurrent executions that are reserved for the function.
    pub(crate) reserved_concurrency: Option<u32>,
}

/// The size of the deployment package, in bytes. There is none: mtl starts a command.
pub(crate) const CODE_BYTES: u64 = 0;

/// The SHA-256 of a package without a byte, in base64.
const CODE_SHA256: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// Members that a list of functions leaves out.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>
const NOT_LISTED: [&str; 2] = ["State", "LastUpdateStatus"];

/// When the functions were deployed: at the start of mtl, since a change needs another start.
#[derive(Debug)]
pub(crate) struct Revision {
    revision_id: Uuid,
    last_modified: String,
}

impl Revision {
    /// A revision of this moment.
    #[must_use]
    pub(crate) fn now() -> Self {
        let last_modified = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
        Self { revision_id: random_uuid(), last_modified }
    }

    /// The configuration under this ARN, qualified or not.
    #[must_use]
    pub(crate) fn configuration(
        &self,
        function: &Function,
        settings: ManagedSettings,
        arn: &str,
    ) -> Value {
        let mut configuration = json!({
            "FunctionName": function.name,
            "FunctionArn": arn,
            "Version": LATEST,
            "Description": "",
            "Role": format!("arn:aws:iam::{}:role/mtl", function.owner.account_id),
            "PackageType": "Zip",
            "Runtime": function.program.runtime.as_deref().unwrap_or("provided.al2023"),
            "Handler": function.handler().to_string_lossy(),
            "Architectures": [function.architecture.as_str()],
            "CodeSize": CODE_BYTES,
            "CodeSha256": CODE_SHA256,
            "Timeout": timeout_seconds(settings),
            "MemorySize": function.memory.mb,
            "EphemeralStorage": { "Size": quotas::DEFAULT_EPHEMERAL_STORAGE_MB },
            "TracingConfig": { "Mode": "PassThrough" },
            "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
            "LoggingConfig": logging(function),
            "LastModified": self.last_modified,
            "RevisionId": self.revision_id,
            "State": "Active",
            "LastUpdateStatus": "Successful",
        });
        if function.tenant_isolation_mode == TenantIsolationMode::PerTenant {
            configuration["TenancyConfig"] = json!({ "TenantIsolationMode": "PER_TENANT" });
        }
        if !function.variables.is_empty() {
            configuration["Environment"] = json!({ "Variables": variables(function) });
        }
        configuration
    }
}

/// The configuration as a list of functions has it.
#[must_use]
pub(crate) fn listed(mut configuration: Value) -> Value {
    if let Some(members) = configuration.as_object_mut() {
        members.retain(|name, _| !NOT_LISTED.contains(&name.as_str()));
    }
    configuration
}

/// In whole seconds, rounded up. A function without a limit is shown with the longest that AWS
/// has.
fn timeout_seconds(settings: ManagedSettings) -> u64 {
    let timeout = settings.timeout.unwrap_or(quotas::MAXIMUM_TIMEOUT);
    timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)
}

fn logging(function: &Function) -> Value {
    let group = function.log_group();
    match function.log_format {
        LogFormat::Text => json!({ "LogFormat": "Text", "LogGroup": group }),
        LogFormat::Json(levels) => json!({
            "LogFormat": "JSON",
            "ApplicationLogLevel": levels.application.as_str(),
            "SystemLogLevel": levels.system.as_str(),
            "LogGroup": group,
        }),
    }
}

/// The variables that were given with options; of two with the same name the later one counts.
/// Variables of the shell belong to the machine and not to the function.
fn variables(function: &Function) -> Map<String, Value> {
    let lossy = |text: &OsString| text.to_string_lossy().into_owned();
    let variables = function.variables.iter();
    variables.map(|(name, value)| (lossy(name), lossy(value).into())).collect()
}
