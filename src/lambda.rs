//! Lambda's words and numbers: its quotas, a function, an invocation and what can come of it. This
//! folder uses nothing else of mtl.

pub(crate) mod quotas;

pub(crate) mod function;
pub(crate) mod invocation_type;

pub(crate) mod invocation;
