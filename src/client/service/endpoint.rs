//! Where a service is: where the user's configuration says, or AWS's host for it in the Region. Names
//! of hosts differ only in their beginning, so the rules in Lambda's SDK, which know AWS's partitions,
//! serve for every service.

use aws_config::SdkConfig;
use aws_sdk_lambda::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint,
};
use aws_types::service_config::ServiceConfigKey;

use crate::client::service::ServiceModel;

/// The endpoint of one service, as its own SDK finds it.
#[derive(Debug)]
pub(super) struct ServiceEndpoint {
    host: &'static str,
    params: Params,
    is_given: bool,
    lambda: DefaultResolver,
}

impl ServiceEndpoint {
    pub(super) fn new(model: &'static ServiceModel, config: &SdkConfig) -> Self {
        let endpoint = given(model, config);
        let region = config.region().map(ToString::to_string);
        let is_given = endpoint.is_some();
        let dual_stack = config.use_dual_stack() == Some(true);
        // In GovCloud the plain hosts are those of FIPS, and so they are in the rules of both services.
        let is_gov = region.as_ref().is_some_and(|region| region.starts_with("us-gov-"));
        let plain_is_fips = is_gov && !dual_stack && !is_given;
        let params = Params::builder()
            .set_endpoint(endpoint)
            .set_region(region)
            .use_dual_stack(dual_stack)
            .use_fips(config.use_fips() == Some(true) && !plain_is_fips)
            .build();
        // It has no parameter that must be given.
        let params = params.unwrap_or_else(|error| unreachable!("{error}"));
        Self { host: model.host, params, is_given, lambda: DefaultResolver::new() }
    }
}

/// The URL for this service alone goes before the one for all of them, but not before one that mtl
/// itself has set.
fn given(model: &ServiceModel, config: &SdkConfig) -> Option<String> {
    let for_all = config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return for_all;
    }
    let key = ServiceConfigKey::builder()
        .service_id(model.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let for_this = key.ok().and_then(|key| config.service_config()?.load_config(key));
    for_this.or(for_all)
}

impl ResolveEndpoint for ServiceEndpoint {
    fn resolve_endpoint<'a>(&'a self, _: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        let lambda = self.lambda.resolve_endpoint(&self.params);
        if self.is_given {
            return lambda;
        }
        EndpointFuture::new(async move {
            let endpoint = lambda.await?;
            let url = endpoint.url().replacen("//lambda", &format!("//{}", self.host), 1);
            Ok(endpoint.into_builder().url(url).build())
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{Region, SdkConfig};
    use aws_smithy_runtime_api::client::endpoint::{EndpointResolverParams, ResolveEndpoint as _};

    use super::ServiceEndpoint;
    use crate::client::service::ServiceModel;

    const LOGS: ServiceModel = ServiceModel {
        id: "CloudWatch Logs",
        agent: "cloudwatchlogs",
        host: "logs",
        target: "Logs_20140328",
        content_type: "application/x-amz-json-1.1",
    };

    async fn url(config: &SdkConfig) -> String {
        let endpoint = ServiceEndpoint::new(&LOGS, config);
        let params = EndpointResolverParams::new(());
        let endpoint = endpoint.resolve_endpoint(&params).await;
        endpoint.map_or_else(|error| error.to_string(), |endpoint| endpoint.url().to_owned())
    }

    /// From the tests of the SDKs of the two services.
    #[tokio::test]
    async fn hosts_are_those_of_the_partition() {
        for (region, fips, dual_stack, expected) in [
            ("eu-west-1", false, false, "https://logs.eu-west-1.amazonaws.com"),
            ("eu-west-1", true, false, "https://logs-fips.eu-west-1.amazonaws.com"),
            ("eu-west-1", false, true, "https://logs.eu-west-1.api.aws"),
            ("eu-west-1", true, true, "https://logs-fips.eu-west-1.api.aws"),
            ("cn-north-1", false, false, "https://logs.cn-north-1.amazonaws.com.cn"),
            ("cn-north-1", false, true, "https://logs.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-gov-west-1", false, false, "https://logs.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, false, "https://logs.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", true, true, "https://logs-fips.us-gov-west-1.api.aws"),
            ("us-iso-east-1", false, false, "https://logs.us-iso-east-1.c2s.ic.gov"),
            ("eusc-de-east-1", false, false, "https://logs.eusc-de-east-1.amazonaws.eu"),
        ] {
            let config = SdkConfig::builder().region(Region::new(region));
            let config = config.use_fips(fips).use_dual_stack(dual_stack).build();
            assert_eq!(url(&config).await, expected);
        }
    }

    #[tokio::test]
    async fn a_given_url_is_taken_as_it_is() {
        for (fips, expected) in [
            (false, "http://lambda.test:1/a"),
            (true, "Invalid Configuration: FIPS and custom endpoint are not supported"),
        ] {
            let config = SdkConfig::builder().region(Region::new("us-gov-west-1")).use_fips(fips);
            let config = config.endpoint_url("http://lambda.test:1/a").build();
            assert_eq!(url(&config).await, expected);
        }
    }
}
