//! What a function answered.

use std::borrow::Cow;

use crate::client::answer::InvokeAnswer;

/// What a function answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeResponse(InvokeAnswer);

impl InvokeResponse {
    /// The answer of the client.
    #[must_use]
    pub(crate) fn new(answer: InvokeAnswer) -> Self {
        Self(answer)
    }

    /// What the function returned, in general JSON. Of a function that failed it describes the error.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// The payload as text. What is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0.payload)
    }

    /// `Unhandled` or `Handled` when the function failed: what AWS has in `X-Amz-Function-Error`.
    #[must_use]
    pub fn function_error(&self) -> Option<&str> {
        self.0.function_error.as_deref()
    }
}
