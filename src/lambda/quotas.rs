//! Every number that Lambda publishes, each with the page it comes from.
//!
//! "MB" on AWS's quota page is 1,024 KB.

use std::time::Duration;

/// The largest payload of a synchronous invocation, in bytes (6 MB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const SYNCHRONOUS_REQUEST_BYTES: usize = 6 * 1024 * 1024;

/// The largest answer that the Runtime API takes from a function, in bytes: 6 MB and 100 bytes.
///
/// The number is in the error text that Lambda answers for a larger one,
/// `Response payload size exceeded maximum allowed payload size (6291556 bytes).`
pub(crate) const SYNCHRONOUS_RESPONSE_BYTES: usize = SYNCHRONOUS_REQUEST_BYTES + 100;

/// The largest payload of an asynchronous invocation, in bytes (1 MB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const ASYNCHRONOUS_REQUEST_BYTES: usize = 1024 * 1024;

/// The largest request that API Gateway takes, in bytes (10 MB).
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
pub(crate) const API_REQUEST_BYTES: usize = 10 * 1024 * 1024;

/// How long API Gateway waits for a function, by default.
pub(crate) const API_INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// How often an event is tried again after a function error, at most and by default.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html>
pub(crate) const EVENT_RETRY_ATTEMPTS: u32 = 2;

/// How long Lambda keeps trying an event, at most and by default.
pub(crate) const EVENT_AGE: Duration = Duration::from_hours(6);

/// The first wait after a throttle or an error of the service; each further one is twice as long.
pub(crate) const EVENT_BACKOFF_MINIMUM: Duration = Duration::from_secs(1);

/// The longest wait after a throttle or an error of the service.
pub(crate) const EVENT_BACKOFF_MAXIMUM: Duration = Duration::from_mins(5);

/// The largest answer that a function may stream, in bytes (200 MB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const STREAMED_RESPONSE_BYTES: usize = 200 * 1024 * 1024;

/// How much of an invocation's log `LogType: Tail` returns, in bytes (4 KB).
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseSyntax>
pub(crate) const LOG_TAIL_BYTES: usize = 4 * 1024;

/// The longest client context, in bytes of base64.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>
pub(crate) const CLIENT_CONTEXT_BYTES: usize = 3_583;

/// The longest tenant id, in characters. The shortest is one.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
pub(crate) const TENANT_ID_CHARACTERS: usize = 256;

/// How long a function may run unless it is configured otherwise.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// The shortest timeout that a function can be given.
pub(crate) const MINIMUM_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest timeout that a function can be given: 15 minutes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MAXIMUM_TIMEOUT: Duration = Duration::from_mins(15);

/// The memory that a function has unless it is configured otherwise, in MB.
pub(crate) const DEFAULT_MEMORY_MB: u32 = 128;

/// The most memory that a function can be given, in MB. The least is [`DEFAULT_MEMORY_MB`].
pub(crate) const MAXIMUM_MEMORY_MB: u32 = 10_240;

/// How many invocations an account may run at once in a Region.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const CONCURRENT_EXECUTIONS: u32 = 1_000;

/// What all deployment packages of an account may have together, in bytes (75 GB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const TOTAL_CODE_BYTES: u64 = 75 * 1024 * 1024 * 1024;

/// The largest deployment package with its layers, unzipped, in bytes (250 MB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const UNZIPPED_CODE_BYTES: u64 = 250 * 1024 * 1024;

/// The largest deployment package that is uploaded in a request, in bytes (50 MB).
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const ZIPPED_CODE_BYTES: u64 = 50 * 1024 * 1024;

/// What a function has in `/tmp` unless it is configured otherwise, in MB.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html>
pub(crate) const DEFAULT_EPHEMERAL_STORAGE_MB: u32 = 512;

/// How many environments a function may start within [`SCALING_INTERVAL`].
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>
pub(crate) const SCALING_ENVIRONMENTS: u32 = 1_000;

/// The interval of [`SCALING_ENVIRONMENTS`]. Units come back continuously and don't accrue.
pub(crate) const SCALING_INTERVAL: Duration = Duration::from_secs(10);

/// How many environments, active or idle, a function in tenant isolation mode may have: 2,500 for
/// every 1,000 concurrent executions, rounded up.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>. The page does not say how
/// other numbers scale; mtl takes them as proportional.
#[must_use]
pub(crate) fn tenant_environments(concurrent_executions: u32) -> usize {
    (concurrent_executions as usize * 5).div_ceil(2)
}

/// How long an environment has between SIGTERM and SIGKILL when only internal extensions are
/// registered. Without any extension it has no time at all.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub(crate) const INTERNAL_EXTENSION_SHUTDOWN: Duration = Duration::from_millis(500);

/// How long an environment has to shut down when external extensions are registered.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
pub(crate) const EXTERNAL_EXTENSION_SHUTDOWN: Duration = Duration::from_secs(2);

/// How much of [`EXTERNAL_EXTENSION_SHUTDOWN`] the runtime has between SIGTERM and SIGKILL.
pub(crate) const RUNTIME_SHUTDOWN: Duration = Duration::from_millis(300);

/// How many extensions an environment takes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
pub(crate) const EXTENSIONS: usize = 10;

#[cfg(test)]
mod tests {
    use super::tenant_environments;

    #[test]
    fn the_environment_limit_is_two_and_a_half_times_the_concurrency_rounded_up() {
        assert_eq!(tenant_environments(1_000), 2_500);
        assert_eq!(tenant_environments(1), 3);
        assert_eq!(tenant_environments(3), 8);
        assert_eq!(tenant_environments(0), 0);
    }
}
