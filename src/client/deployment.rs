//! How a function and its account are set up, as far as that decides whether tenants are isolated,
//! whether logs name them, and how many of them can be served.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{self, SystemLogLevel, TenantIsolationMode};

use crate::client::query_error::QueryError;
use crate::client::target::Target;

/// The set-up of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployment {
    /// Whether its tenants are isolated.
    pub(crate) isolated: bool,
    /// Whether its logs are JSON, and so name the tenant.
    pub(crate) logs_json: bool,
    /// The least severe of the platform's events that are logged; `None` where nothing was said.
    pub(crate) system_log_level: Option<String>,
    /// Concurrent executions of the account.
    pub(crate) account_concurrency: u32,
    /// Concurrent executions that are reserved for the function.
    pub(crate) reserved_concurrency: Option<u32>,
}

/// Asks how a function and its account are set up.
///
/// # Errors
///
/// When there is no answer, or on AWS no Region or no credentials.
pub(crate) async fn fetch(target: &Target, function: &str) -> Result<Deployment, QueryError> {
    let (config, place) = target.service("Lambda").await?;
    let client = Client::new(&config);
    let configuration = client.get_function_configuration().function_name(function).send().await;
    let configuration = configuration.map_err(|error| QueryError::new(&place, &error))?;
    let reserved = client.get_function_concurrency().function_name(function).send().await;
    let reserved = reserved.map_err(|error| QueryError::new(&place, &error))?;
    let account = client.get_account_settings().send().await;
    let account = account.map_err(|error| QueryError::new(&place, &error))?;
    let logging = configuration.logging_config();
    let mode = configuration.tenancy_config().map(types::TenancyConfig::tenant_isolation_mode);
    let concurrency = account.account_limit().map(types::AccountLimit::concurrent_executions);
    let number = |number: i32| u32::try_from(number).unwrap_or_default();
    Ok(Deployment {
        isolated: mode == Some(&TenantIsolationMode::PerTenant),
        logs_json: logging.and_then(types::LoggingConfig::log_format)
            == Some(&types::LogFormat::Json),
        system_log_level: logging
            .and_then(types::LoggingConfig::system_log_level)
            .map(|level: &SystemLogLevel| level.as_str().to_owned()),
        account_concurrency: concurrency.map(number).unwrap_or_default(),
        reserved_concurrency: reserved.reserved_concurrent_executions().map(number),
    })
}
