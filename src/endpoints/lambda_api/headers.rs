//! The headers of the Invoke API that every invocation meets. As names that are ready to use: one that is
//! written as a text is checked, and hashed from its text, each time that it is looked for.

use http::HeaderName;

/// Which kind of invocation it is.
pub(crate) static INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
/// Whether the reply has the end of the log.
pub(crate) static LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
/// Who the invocation is for.
pub(crate) static TENANT_ID: HeaderName = HeaderName::from_static("x-amz-tenant-id");
/// What a mobile caller tells of itself.
pub(crate) static CLIENT_CONTEXT: HeaderName = HeaderName::from_static("x-amz-client-context");
/// Who the caller is, to Cognito.
pub(crate) static COGNITO_IDENTITY: HeaderName = HeaderName::from_static("x-amz-cognito-identity");
/// The X-Ray trace.
pub(crate) static TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
/// mtl's own: whether the invocation must run in a new environment.
pub(crate) static COLD: HeaderName = HeaderName::from_static("x-mtl-cold");

/// The id of the request, in every reply.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// The version that ran.
pub(crate) static EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
/// In every reply of a function, and always 0.
pub(crate) static REMAPPED_CONTENT_LENGTH: HeaderName =
    HeaderName::from_static("x-amzn-remapped-content-length");
/// mtl's own: the environment that ran the invocation.
pub(crate) static ENVIRONMENT_ID: HeaderName = HeaderName::from_static("x-mtl-environment-id");
/// mtl's own: whether it was started for the invocation.
pub(crate) static COLD_START: HeaderName = HeaderName::from_static("x-mtl-cold-start");
