//! Whether the caller of an invocation waits for its answer, in AWS's words.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>

/// Whether the answer of an invocation is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum InvocationType {
    /// The caller waits for the answer.
    #[default]
    RequestResponse,
    /// The event is queued; the caller gets 202.
    Event,
    /// Everything is checked and nothing runs; the caller gets 204.
    DryRun,
}

impl InvocationType {
    /// The type as AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        }
    }
}
