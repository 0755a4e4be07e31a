//! What the endpoints that run or describe functions share: how a request names a function, the tenant
//! rule, the payload rule, AWS's typed errors, and the headers of every reply. It must not know which
//! endpoint asks.

pub(crate) mod error;

pub(crate) mod headers;
mod name_parts;

pub(crate) mod name;
pub(crate) mod payload;
pub(crate) mod reply;
pub(crate) mod tenant;
pub(crate) mod trace;
