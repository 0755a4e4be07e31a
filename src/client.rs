//! Calls of functions, on this machine or on AWS, and questions to the services about them. An
//! invocation has the same [`InvokeAnswer`](answer::InvokeAnswer) or the same
//! [`InvokeError`](error::InvokeError) from both. mtl's own server is one local endpoint among others.
//!
//! Only [`aws`], and [`target`], [`service`], [`configuration`] and [`deployment`] with their
//! [`query_error`], use the SDKs: loading their configuration takes longer than a local call.

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

mod service;

pub(crate) mod cloudwatch;

pub(crate) mod configuration;
pub(crate) mod deployment;

pub(crate) mod insights;
