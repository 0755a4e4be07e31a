//! The X-Ray trace of an invocation whose caller has none.

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use crate::system::random::random_bytes;

/// A trace that is not sampled: `Root=1-<8 hex digits of the time>-<24 random ones>;…`.
///
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
#[must_use]
pub(crate) fn new_trace_id() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let root = u128::from_be_bytes(random_bytes()) >> 32;
    let parent = u64::from_be_bytes(random_bytes());
    let trace = format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0");
    HeaderValue::from_str(&trace).unwrap_or_else(|_| HeaderValue::from_static("Sampled=0"))
}
