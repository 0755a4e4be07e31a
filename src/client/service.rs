//! A client of one AWS service for the few calls that mtl makes of it, in AWS's JSON protocol. What the
//! services have in common is that of the SDKs: credentials, signing, retries, time limits and
//! connections. Only the code that the SDK's crate of the service generates from its model is missing,
//! which takes minutes to compile.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

mod endpoint;

use aws_config::SdkConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, SharedEndpointResolver};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::client::query_error::QueryError;
use crate::client::service::endpoint::ServiceEndpoint;

/// What makes a service another than its siblings.
#[derive(Debug)]
pub(super) struct ServiceModel {
    /// Its name in the variables and in the `services` sections of AWS's configuration files.
    pub(super) id: &'static str,
    /// Its name in the user agent.
    pub(super) agent: &'static str,
    /// Its name in signatures and in the names of its hosts.
    pub(super) host: &'static str,
    /// What the names of its operations begin with.
    pub(super) target: &'static str,
    /// The version of the JSON protocol that it speaks.
    pub(super) content_type: &'static str,
}

/// A client of a service. Its connections are kept between calls.
#[derive(Debug)]
pub(super) struct Service {
    operation: Operation<Call, Bytes, ErrorMetadata>,
    model: &'static ServiceModel,
    place: String,
}

/// One call: the header that names the operation, and the body.
#[derive(Debug)]
struct Call {
    target: String,
    body: Vec<u8>,
}

impl Service {
    /// A client with this configuration; `place` is what the service is called in errors.
    pub(super) fn new(model: &'static ServiceModel, config: &SdkConfig, place: String) -> Self {
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer(model, config).freeze())
            .with_runtime_components(components(model, config));
        let mut builder = Operation::builder().service_name(model.id).operation_name(model.id);
        if let Some(version) = config.behavior_version() {
            builder = builder.behavior_version(version);
        }
        let operation = builder
            .runtime_plugin(plugin)
            .serializer(|call: Call| request(model, call))
            .deserializer(|response| read(response).map_err(OrchestratorError::operation))
            .build();
        Self { operation, model, place }
    }

    /// What the service is called in errors.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Calls an operation.
    ///
    /// # Errors
    ///
    /// When there is no answer, or it is a refusal.
    pub(super) async fn call<Output: DeserializeOwned>(
        &self,
        operation: &str,
        input: &impl Serialize,
    ) -> Result<Output, QueryError> {
        let not_an_answer = |error: serde_json::Error| QueryError::NotAnAnswer {
            place: self.place.clone(),
            source: error.into(),
        };
        let body = serde_json::to_vec(input).map_err(not_an_answer)?;
        let call = Call { target: format!("{}.{operation}", self.model.target), body };
        let answer = self.operation.invoke(call).await;
        let answer = answer.map_err(|error| QueryError::new(&self.place, &error))?;
        serde_json::from_slice(&answer).map_err(not_an_answer)
    }
}

/// What the parts of the SDK look for in their configuration.
fn layer(model: &'static ServiceModel, config: &SdkConfig) -> Layer {
    let mut layer = Layer::new(model.id);
    layer.store_put(EndpointResolverParams::new(()));
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static(model.host));
    layer.store_put(ApiMetadata::new(model.agent, env!("CARGO_PKG_VERSION")));
    layer.store_or_unset(config.region().cloned());
    layer.store_or_unset(config.region().cloned().map(SigningRegion::from));
    layer.store_or_unset(config.app_name().cloned());
    if let Some(retries) = config.retry_config() {
        layer.store_put(retries.clone());
    }
    if let Some(timeouts) = config.timeout_config() {
        layer.store_put(timeouts.clone());
    }
    if let Some(protection) = config.stalled_stream_protection() {
        layer.store_put(protection);
    }
    layer
}

/// The parts of the SDK that a call passes, as its own clients put them together.
fn components(model: &'static ServiceModel, config: &SdkConfig) -> RuntimeComponentsBuilder {
    let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    let endpoint = ServiceEndpoint::new(model, config);
    let mut components = RuntimeComponentsBuilder::new(model.id)
        .with_endpoint_resolver(Some(SharedEndpointResolver::new(endpoint)))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_http_client(config.http_client())
        .with_identity_cache(config.identity_cache())
        .with_sleep_impl(config.sleep_impl())
        .with_time_source(config.time_source())
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new());
    if let Some(credentials) = config.credentials_provider() {
        let credentials = SharedIdentityResolver::new(credentials);
        components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
    }
    components
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(RequestInfoInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(InvocationIdInterceptor::new())
        .with_interceptor(RecursionDetectionInterceptor::new())
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn request(model: &ServiceModel, call: Call) -> Result<HttpRequest, BoxError> {
    let length = call.body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(call.body));
    request.set_method("POST")?;
    let headers = request.headers_mut();
    headers.try_insert("content-type", model.content_type)?;
    headers.try_insert("content-length", length)?;
    headers.try_insert("x-amz-target", call.target)?;
    // Asks a service that had the query protocol for the error codes of that protocol.
    headers.try_insert("x-amzn-query-mode", "true")?;
    Ok(request)
}

/// The body of an answer, or what the service refused the call with.
fn read(response: &HttpResponse) -> Result<Bytes, ErrorMetadata> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Bytes::copy_from_slice(body));
    }
    Err(refusal(response, body))
}

/// The members of a refusal, whose names differ between services and between its causes.
#[derive(Default, Deserialize)]
struct RefusalBody {
    code: Option<String>,
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message", alias = "errorMessage")]
    message: Option<String>,
}

fn refusal(response: &HttpResponse, body: &[u8]) -> ErrorMetadata {
    let body: RefusalBody = serde_json::from_slice(body).unwrap_or_default();
    let header = |name: &str| response.headers().get(name);
    let query_code = header("x-amzn-query-error").and_then(|value| value.split_once(';'));
    let kind = header("x-amzn-errortype").or(body.code.as_deref()).or(body.kind.as_deref());
    let mut refusal = ErrorMetadata::builder();
    if let Some(code) = query_code.map(|(code, _)| code).or_else(|| kind.map(short)) {
        refusal = refusal.code(code);
    }
    if let Some(message) = body.message {
        refusal = refusal.message(message);
    }
    refusal.build()
}

/// The name of an error without the namespace before it and the URL after it.
fn short(kind: &str) -> &str {
    let kind = kind.split_once(':').map_or(kind, |(kind, _)| kind);
    kind.split_once('#').map_or(kind, |(_, kind)| kind)
}
