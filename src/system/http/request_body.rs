//! Request bodies, read to their end whatever their size.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

/// A request's body, read to its end.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// All of it.
    Complete(Bytes),
    /// More than was to be kept; how many bytes it had.
    TooLarge(u64),
    /// The connection ended before the body did, or the body is no valid HTTP.
    Truncated,
}

/// Reads a body and keeps it when it has at most `keep` bytes. A larger one is read on, and thrown
/// away, until `limit`: a client that is still sending would see a reset instead of the answer.
pub(crate) async fn read(mut body: Incoming, keep: usize, limit: u64) -> RequestBody {
    let mut kept = BytesMut::new();
    let mut seen = 0_u64;
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if expected <= keep {
        kept.reserve(expected);
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return RequestBody::Truncated };
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        if seen <= keep as u64 {
            kept.extend_from_slice(&data);
        } else if seen > limit {
            break;
        }
    }
    if seen <= keep as u64 {
        RequestBody::Complete(kept.freeze())
    } else {
        RequestBody::TooLarge(seen)
    }
}

/// How much of a body that is too large is read, and thrown away, before the refusal: a caller that is
/// still sending would see a reset instead.
pub(crate) const DISCARDED_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a body that nobody wants, until `limit`.
pub(crate) async fn discard(body: Incoming, limit: u64) {
    read(body, 0, limit).await;
}
