//! The call that a request makes, whatever protocol it is in.

use serde_json::Value;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CloudWatchCall {
    /// The operation.
    pub(crate) operation: String,
    /// Its parameters. Timestamps are seconds since 1970 or texts, as they came.
    pub(crate) input: Value,
}
