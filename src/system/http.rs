//! HTTP/1.1 as mtl serves it and as mtl calls others: the accept loop with a graceful stop, request
//! bodies of any size, responses, and calls that all have a timeout.

mod path;
mod reply;
mod request_body;

mod serve;

pub(crate) mod host;

pub(crate) mod call;

pub(crate) mod post;

pub(crate) use path::path_parameter;
pub(crate) use reply::{Aborted, Reply, ReplyBody, empty, json, stream, text};
pub(crate) use request_body::{DISCARDED_BYTES, RequestBody, discard, read};
pub(crate) use serve::{Connection, Peer, ServeSettings, serve};
