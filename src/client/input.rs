//! What is invoked, and with what: the same for a server on this machine and for AWS.

use bytes::Bytes;

use crate::lambda::function::TenantId;
use crate::lambda::invocation_type::InvocationType;

/// What is invoked, and with what.
#[derive(Clone, Debug)]
pub(crate) struct InvokeInput {
    /// The name or ARN of the function. An endpoint with a path of its own ignores it.
    pub(crate) function_name: String,
    /// The tenant; `None` for a function without tenant isolation.
    pub(crate) tenant_id: Option<TenantId>,
    /// The event, in general JSON. Only the function knows what it takes, so nothing is checked.
    pub(crate) payload: Bytes,
    /// Whether the answer is waited for.
    pub(crate) invocation_type: InvocationType,
    /// Whether the end of the log is wanted with the answer.
    pub(crate) log_tail: bool,
    /// A JSON object about the caller, in base64.
    pub(crate) client_context: Option<String>,
}
