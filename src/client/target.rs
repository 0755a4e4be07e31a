//! Where functions are, and the configuration with which the SDKs call there.

use aws_config::SdkConfig;

use crate::client::aws;
use crate::client::endpoint::Endpoint;
use crate::client::query_error::QueryError;

/// Where functions are.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// In a local server.
    Local {
        /// Where it is.
        endpoint: Endpoint,
        /// Whether that was given, by option or environment variable.
        given: bool,
    },
    /// On AWS.
    Aws(aws::AwsOptions),
}

impl Target {
    /// Whether it is AWS.
    #[must_use]
    pub(crate) fn is_aws(&self) -> bool {
        matches!(self, Self::Aws(_))
    }

    /// The configuration for the client of this service, and what the service is called in messages.
    ///
    /// # Errors
    ///
    /// When there is no Region, or there are no credentials.
    pub(crate) async fn service(&self, name: &str) -> Result<(SdkConfig, String), QueryError> {
        match self {
            Self::Local { endpoint, .. } => Ok((aws::local(endpoint), endpoint.to_string())),
            Self::Aws(options) => {
                let (config, region) = aws::authenticated(options).await?;
                Ok((config, format!("{name} in `{region}`")))
            }
        }
    }
}
