//! Where one invocation goes, to a server on this machine or to AWS, and what comes back: the same
//! [`Answer`](answer::Answer) and the same [`InvokeError`](error::InvokeError) from both. Knows
//! nothing of mtl's own server, which is one local endpoint among others.
//!
//! Only [`aws`] knows the SDK. A local call must not pay for it.

pub mod endpoint;

pub mod error;

pub mod answer;

pub mod local;

pub mod aws;

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
}
