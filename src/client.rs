//! Where one invocation goes, to a server on this machine or to AWS, and what comes back: the same
//! [`Answer`](answer::InvokeAnswer) and the same [`InvokeError`](error::InvokeError) from both. Knows
//! nothing of mtl's own server, which is one local endpoint among others.
//!
//! Only [`aws`], and [`target`], [`cloudwatch`], [`configuration`], [`deployment`] and [`insights`] with their
//! [`query_error`], know the SDKs. A local invocation must not pay for them.

pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod input;

pub(crate) mod answer;

pub(crate) mod local;

mod keep_alive;

pub(crate) mod stream;

pub(crate) mod aws;

pub(crate) mod load;

pub(crate) mod query_error;

pub(crate) mod target;

pub(crate) mod cloudwatch;

pub(crate) mod configuration;
pub(crate) mod deployment;

pub(crate) mod insights;
