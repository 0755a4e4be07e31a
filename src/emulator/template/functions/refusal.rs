//! Why a function of a template can't be served: one reason for each, and its sentence.

use thiserror::Error;

use crate::emulator::template::document::Problem;

/// A function that can't be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefusedFunction {
    /// The name of its resource.
    pub(crate) logical_id: String,
    /// Why.
    pub(crate) reason: FunctionRefusal,
}

/// Why a function can't be served. Its text follows the name of the function in a warning.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FunctionRefusal {
    /// What the template says of its tenants.
    #[error(transparent)]
    Tenancy(#[from] TenancyRefusal),
    /// Its code isn't on this machine.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// A value that AWS refuses.
    #[error(transparent)]
    Setting(#[from] SettingRefusal),
}

/// What is wrong with tenant isolation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TenancyRefusal {
    /// A property that looks like `TenancyConfig` and has another name.
    #[error("`{property}` is no property of functions; tenancy is `TenancyConfig`")]
    Misspelt {
        /// The name in the template.
        property: String,
    },
    /// The value of `TenancyConfig` isn't known.
    #[error("its `TenancyConfig`: {0}")]
    Unknown(#[source] Problem),
    /// Another value than the one that AWS takes.
    #[error(
        "its `TenancyConfig` is not `TenantIsolationMode: PER_TENANT`, and AWS takes nothing else"
    )]
    Mode,
    /// A feature that AWS refuses together with tenant isolation.
    #[error("{feature} is not supported for functions enabled with tenancy configuration")]
    Feature {
        /// The feature, with its article.
        feature: &'static str,
    },
    /// An event source other than a REST API.
    #[error(
        "its event `{event}`, the event source `{kind}`, is not supported for functions enabled \
         with tenancy configuration"
    )]
    EventSource {
        /// The name of the event.
        event: String,
        /// Its `Type`.
        kind: String,
    },
    /// An HTTP API.
    #[error(
        "its event `{event}` is an HTTP API, which can't tell Lambda the tenant: only a REST API \
         can map one"
    )]
    HttpApi {
        /// The name of the event.
        event: String,
    },
}

/// Where the code is, if it isn't in a folder of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum CodeRefusal {
    /// There is no such folder.
    #[error("its code is not in a folder of this machine: there is no `{path}`")]
    NoFolder {
        /// The path in the template.
        path: String,
    },
    /// `PackageType: Image`.
    #[error("its code is a container image")]
    Image,
    /// In a bucket.
    #[error("its code is in S3: `{uri}`")]
    S3 {
        /// Where in S3.
        uri: String,
    },
    /// An object that names a bucket or an image.
    #[error("its code is in S3 or an image")]
    S3OrImage,
}

/// A value that AWS refuses to deploy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum SettingRefusal {
    /// `Timeout`.
    #[error("its `Timeout` is not 1 to 900 seconds")]
    Timeout,
    /// `MemorySize`.
    #[error("its `MemorySize` is not 128 to 10240 MB")]
    MemorySize,
    /// A log level that there isn't, or not for this kind of log.
    #[error("its `{property}` can't be `{level}`")]
    LogLevel {
        /// `SystemLogLevel` or `ApplicationLogLevel`.
        property: &'static str,
        /// The level in the template.
        level: String,
    },
    /// Log levels for a log of plain text.
    #[error("its `LoggingConfig` has log levels, which only `LogFormat: JSON` has")]
    LevelsOfText,
}
