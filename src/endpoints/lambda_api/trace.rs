//! The X-Ray trace of an invocation whose caller has none.

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use uuid::Uuid;

use crate::system::random::random_bytes;

/// A trace that is not sampled: `Root=1-<8 hex digits of the time>-<24 random ones>;…`.
///
/// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
#[must_use]
pub(crate) fn new_trace_id() -> HeaderValue {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // The hexadecimal digits of ids: those of numbers take five times as long.
    let (mut root, mut parent) = (Uuid::encode_buffer(), Uuid::encode_buffer());
    let root = &Uuid::from_bytes(random_bytes()).simple().encode_lower(&mut root)[..24];
    let parent = &Uuid::from_bytes(random_bytes()).simple().encode_lower(&mut parent)[..16];
    let trace = format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0");
    HeaderValue::from_str(&trace).unwrap_or_else(|_| HeaderValue::from_static("Sampled=0"))
}
