//! One invocation on AWS, through the SDK, and the SDKs' configuration, which is the same for all
//! services. Errors of Lambda's SDK leave this file as an [`InvokeError`].

use std::error::Error as StdError;
use std::iter;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::config::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId as _;
use aws_sdk_lambda::operation::invoke::{InvokeError as ServiceError, InvokeOutput};
use aws_sdk_lambda::operation::invoke_with_response_stream::InvokeWithResponseStreamError as StreamServiceError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::error::TooManyRequestsException;
use aws_sdk_lambda::types::{InvokeWithResponseStreamResponseEvent as StreamEvent, LogType};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bytes::Bytes;
use http::StatusCode;

use crate::client::answer::InvokeAnswer;
use crate::client::endpoint::Endpoint;
use crate::client::error::{BoxError, InvokeError, excerpt};
use crate::client::input::InvokeInput;
use crate::client::stream::Complete;
use crate::system::text::one_line;

/// How the SDK is configured beyond what it finds in the environment and the profile files.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwsOptions {
    /// The Region, before that of the environment and the profile.
    pub(crate) region: Option<String>,
    /// The profile, whose credentials then go before those of the environment, as in the AWS CLI.
    pub(crate) profile: Option<String>,
    /// How often the SDK tries again after a throttle or a failure of the service. At 0 a throttle
    /// is seen when it happens; the SDK's own default would hide two.
    pub(crate) retries: u32,
}

/// A client of AWS Lambda in one Region, with credentials.
#[derive(Clone, Debug)]
pub(crate) struct LambdaClient {
    client: Client,
    region: String,
}

impl LambdaClient {
    /// Finds Region, credentials and endpoint as every AWS SDK does.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn load(options: &AwsOptions) -> Result<Self, InvokeError> {
        let (config, region) = authenticated(options).await?;
        Ok(Self { client: Client::new(&config), region })
    }

    /// The Region that is called.
    #[must_use]
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Invokes the function, or the version or alias that `qualifier` names, and waits for its
    /// answer as long as it takes.
    ///
    /// # Errors
    ///
    /// When AWS can't be reached or refuses the invocation.
    pub(crate) async fn invoke(
        &self,
        input: InvokeInput,
        qualifier: Option<String>,
    ) -> Result<InvokeAnswer, InvokeError> {
        let result = self
            .client
            .invoke()
            .function_name(input.function_name)
            .set_tenant_id(input.tenant_id.map(|tenant_id| tenant_id.to_string()))
            .set_qualifier(qualifier)
            .invocation_type(input.invocation_type.as_str().into())
            .set_log_type(input.log_tail.then_some(LogType::Tail))
            .set_client_context(input.client_context)
            .payload(Blob::new(input.payload))
            .send()
            .await;
        result.map(answer).map_err(|error| self.invoke_error(error))
    }

    /// Invokes as [`Self::invoke`] does, and passes the answer on piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Self::invoke`], and when the stream breaks off.
    pub(crate) async fn invoke_with_response_stream(
        &self,
        input: InvokeInput,
        qualifier: Option<String>,
        mut pass_on: impl FnMut(&[u8]),
    ) -> Result<InvokeAnswer, InvokeError> {
        let result = self
            .client
            .invoke_with_response_stream()
            .function_name(input.function_name)
            .set_tenant_id(input.tenant_id.map(|tenant_id| tenant_id.to_string()))
            .set_qualifier(qualifier)
            .set_log_type(input.log_tail.then_some(LogType::Tail))
            .set_client_context(input.client_context)
            .payload(Blob::new(input.payload))
            .send()
            .await;
        let mut output = result.map_err(|error| self.invoke_error(error))?;
        let status = u16::try_from(output.status_code).unwrap_or_default();
        let version = output.executed_version().map(one_line);
        let broken =
            |source: BoxError| InvokeError::AwsCall { region: self.region.clone(), source };
        while let Some(event) = output.event_stream.recv().await.map_err(|e| broken(e.into()))? {
            match event {
                StreamEvent::PayloadChunk(chunk) => {
                    pass_on(chunk.payload().map(AsRef::as_ref).unwrap_or_default());
                }
                StreamEvent::InvokeComplete(end) => {
                    let complete = Complete {
                        error_code: end.error_code().map(one_line),
                        error_details: end.error_details().map(str::to_owned),
                        log_result: end.log_result().map(one_line),
                    };
                    return Ok(complete.answer(status, version));
                }
                _ => {}
            }
        }
        Err(InvokeError::StreamEnded { endpoint: self.region.clone() })
    }

    fn invoke_error<E>(&self, error: SdkError<E, HttpResponse>) -> InvokeError
    where
        E: StdError + ProvideErrorMetadata + Throttle + Send + Sync + 'static,
    {
        let region = self.region.clone();
        match error {
            SdkError::ServiceError(error) => service_error(error.err(), error.raw()),
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
                InvokeError::AwsUnreachable { region, source: innermost(&error) }
            }
            _ => InvokeError::AwsCall { region, source: error.into() },
        }
    }
}

/// The two operations have an error type each, with the same throttle in both.
trait Throttle {
    fn throttle(&self) -> Option<&TooManyRequestsException>;
}

impl Throttle for ServiceError {
    fn throttle(&self) -> Option<&TooManyRequestsException> {
        match self {
            Self::TooManyRequestsException(throttle) => Some(throttle),
            _ => None,
        }
    }
}

impl Throttle for StreamServiceError {
    fn throttle(&self) -> Option<&TooManyRequestsException> {
        match self {
            Self::TooManyRequestsException(throttle) => Some(throttle),
            _ => None,
        }
    }
}

/// The configuration for a local server. It has no TLS, no profile and no credentials to look for.
pub(super) fn local(endpoint: &Endpoint) -> SdkConfig {
    let credentials = Credentials::new("mtl", "mtl", None, None, "mtl");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint.to_string())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build()
}

/// Finds Region, credentials and endpoint as every AWS SDK does. Returns the configuration and the Region.
///
/// # Errors
///
/// When there is no Region, or there are no credentials.
pub(super) async fn authenticated(
    options: &AwsOptions,
) -> Result<(SdkConfig, String), InvokeError> {
    let config = config(options).await;
    let region = config.region().ok_or(InvokeError::NoRegion)?.to_string();
    let provider = config
        .credentials_provider()
        .ok_or_else(|| credentials_error(&CredentialsError::not_loaded_no_source()))?;
    // Asked for here and not by the client, which would hide what the providers say behind its own errors.
    let credentials =
        provider.provide_credentials().await.map_err(|error| credentials_error(&error))?;
    let credentials = SharedCredentialsProvider::new(credentials);
    Ok((config.to_builder().credentials_provider(credentials).build(), region))
}

/// The SDK's default client of HTTP, but with `ring` below TLS: `aws-lc`, which the SDK has there,
/// takes longer to compile than any crate of mtl's but the SDK itself.
fn https_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

async fn config(options: &AwsOptions) -> SdkConfig {
    let retries = match options.retries {
        0 => RetryConfig::disabled(),
        retries => RetryConfig::standard().with_max_attempts(retries.saturating_add(1)),
    };
    let http = https_client();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .retry_config(retries)
        // A function may be silent for 15 minutes.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let Some(profile) = &options.profile else { return loader.load().await };
    let config = loader.profile_name(profile).load().await;
    let provider_config = ProviderConfig::default().with_region(config.region().cloned());
    let provider_config = provider_config.with_http_client(http);
    let provider = ProfileFileCredentialsProvider::builder()
        .configure(&provider_config)
        .profile_name(profile)
        .build();
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

fn answer(output: InvokeOutput) -> InvokeAnswer {
    InvokeAnswer {
        status: u16::try_from(output.status_code).unwrap_or_default(),
        function_error: output.function_error().map(one_line),
        executed_version: output.executed_version().map(one_line),
        request_id: output.request_id().map(one_line),
        log_result: output.log_result().map(one_line),
        payload: output.payload.map(Blob::into_inner).map(Bytes::from).unwrap_or_default(),
    }
}

fn service_error<E>(error: &E, response: &HttpResponse) -> InvokeError
where
    E: ProvideErrorMetadata + Throttle,
{
    let status = StatusCode::from_u16(response.status().as_u16())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = response.body().bytes().unwrap_or_default();
    let Some(error_type) = error.code().map(one_line) else {
        return InvokeError::not_an_answer(status, Bytes::copy_from_slice(body));
    };
    let message = error.message().map_or_else(|| excerpt(body), one_line);
    if status != StatusCode::TOO_MANY_REQUESTS {
        return InvokeError::Refused { status, error_type, message };
    }
    let throttle = error.throttle();
    let reason = throttle.and_then(|throttle| Some(one_line(throttle.reason()?.as_str())));
    InvokeError::Throttled {
        reason: reason.unwrap_or(error_type),
        message,
        retry_after: throttle.and_then(|throttle| throttle.retry_after_seconds().map(one_line)),
    }
}

fn credentials_error(error: &CredentialsError) -> InvokeError {
    // The errors of the SSO provider have no public type. These are its own two texts, the folder of
    // the cached logins, and the answer of the SSO service to a login that it has ended.
    const SSO: [&str; 4] =
        ["SSO token has expired", "cached SSO token", ".aws/sso/cache", "UnauthorizedException"];
    let says = |text: &str| causes(error).any(|cause| cause.to_string().contains(text));
    let login_is_over = SSO.into_iter().any(says);
    let source = innermost(error);
    match error {
        _ if login_is_over => InvokeError::SsoLogin { source },
        CredentialsError::CredentialsNotLoaded(_) => InvokeError::NoCredentials { source },
        _ => InvokeError::Credentials { source },
    }
}

type Cause = dyn StdError + 'static;

fn causes(error: &Cause) -> impl Iterator<Item = &Cause> {
    iter::successors(Some(error), |&error| error.source())
}

/// The last cause alone: those before it say only which layer of the SDK passed it on.
pub(super) fn innermost(error: &Cause) -> BoxError {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string).into()
}
