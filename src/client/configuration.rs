//! What a function is configured with, on AWS or in a local server.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::types;

use crate::client::query_error::QueryError;
use crate::client::target::Target;
use crate::lambda::function::Architecture;
use crate::lambda::quotas;

/// The part of a function's configuration that its costs and its logs depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Its memory in MB.
    pub(crate) memory_mb: u32,
    /// Its instruction set.
    pub(crate) architecture: Architecture,
    /// Where its logs are.
    pub(crate) log_group: String,
    /// Whether they are JSON, and so name the tenant.
    pub(crate) logs_json: bool,
    /// Whether its tenants are isolated.
    pub(crate) isolated: bool,
}

/// Asks what a function, or one of its versions, is configured with.
///
/// # Errors
///
/// When there is no answer, or on AWS no Region or no credentials.
pub(crate) async fn fetch(
    target: &Target,
    function: &str,
    qualifier: Option<&str>,
) -> Result<Configuration, QueryError> {
    let (config, place) = target.service("Lambda").await?;
    let client = Client::new(&config);
    let call = client.get_function_configuration().function_name(function);
    let call = call.set_qualifier(qualifier.map(str::to_owned));
    let output = call.send().await.map_err(|error| QueryError::new(&place, &error))?;
    Ok(configuration(&output, function))
}

fn configuration(output: &GetFunctionConfigurationOutput, function: &str) -> Configuration {
    let logging = output.logging_config();
    let is_arm = output.architectures().contains(&types::Architecture::Arm64);
    let memory = output.memory_size().and_then(|size| u32::try_from(size).ok());
    let log_group = logging.and_then(types::LoggingConfig::log_group);
    Configuration {
        memory_mb: memory.unwrap_or(quotas::DEFAULT_MEMORY_MB),
        architecture: if is_arm { Architecture::Arm64 } else { Architecture::X86_64 },
        log_group: log_group.map_or_else(|| format!("/aws/lambda/{function}"), str::to_owned),
        logs_json: logging.and_then(types::LoggingConfig::log_format)
            == Some(&types::LogFormat::Json),
        isolated: output.tenancy_config().map(types::TenancyConfig::tenant_isolation_mode)
            == Some(&types::TenantIsolationMode::PerTenant),
    }
}
