//! Where one invocation goes, to a server on this machine or to AWS, and what comes back: the same
//! [`Answer`](answer::Answer) and the same [`InvokeError`](error::InvokeError) from both. Knows
//! nothing of mtl's own server, which is one local endpoint among others.
//!
//! Only [`aws`], and [`target`], [`cloudwatch`], [`configuration`], [`deployment`] and [`insights`] with their
//! [`query_error`], know the SDKs. A local invocation must not pay for them.

pub mod endpoint;

pub mod error;

pub mod answer;

pub mod local;

pub mod keep_alive;

pub mod stream;

pub mod aws;

pub mod query_error;

pub mod cloudwatch;

pub mod configuration;
pub mod deployment;

pub mod insights;

pub mod target;

use bytes::Bytes;

use crate::function::TenantId;

/// What is invoked, and with what.
#[derive(Clone, Debug)]
pub struct InvokeInput {
    /// The name or ARN of the function. An endpoint with a path of its own has no use for it.
    pub function_name: String,
    /// The tenant; `None` for a function without tenant isolation.
    pub tenant_id: Option<TenantId>,
    /// The event, in general JSON. Only the function knows what it takes, so nothing is checked.
    pub payload: Bytes,
    /// Whether the answer is waited for.
    pub invocation_type: InvocationType,
    /// Whether the end of the log is wanted with the answer.
    pub log_tail: bool,
    /// A JSON object about the caller, in base64.
    pub client_context: Option<String>,
}

/// Whether the answer of an invocation is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvocationType {
    /// It is.
    #[default]
    RequestResponse,
    /// The event is queued.
    Event,
    /// Everything is checked and nothing runs.
    DryRun,
}

impl InvocationType {
    /// The type as AWS spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestResponse => "RequestResponse",
            Self::Event => "Event",
            Self::DryRun => "DryRun",
        }
    }
}
