//! An answer that the runtime streams: passed on as it comes, and ended by trailers that may say that
//! it failed.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>

use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;

use crate::environment::lifecycle::events::ResponseBody;
use crate::lambda::invocation::Answer;
use crate::lambda::invocation::failure::{Failure, posted};

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY: &str = "Lambda-Runtime-Function-Error-Body";

/// Passes on what the runtime writes until it has written all, and says how that ended. Waits for
/// the reader, so that a slow one holds the runtime up; a reader that has left is not waited for.
pub(crate) async fn forward(
    mut body: Incoming,
    chunks: mpsc::Sender<Bytes>,
    limit: usize,
) -> ResponseBody {
    let began = Instant::now();
    let mut seen = 0;
    let mut trailers = HeaderMap::new();
    let mut held = None;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return ResponseBody::Truncated };
        match frame.into_data() {
            Ok(data) => {
                seen += data.len();
                // What came last may be an error; what comes before something else is none.
                if let Some(data) = held.take() {
                    let _ = chunks.send(data).await;
                }
                if seen > limit {
                    continue;
                }
                match data_trailers(&data) {
                    Some(_) => held = Some(data),
                    None => drop(chunks.send(data).await),
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if seen > limit {
        return ResponseBody::TooLarge;
    }
    let trailers = held.as_deref().and_then(data_trailers).unwrap_or(trailers);
    failed(&trailers).map_or_else(
        || ResponseBody::Complete(Answer { payload: Bytes::new(), began, bytes: seen }),
        ResponseBody::Failed,
    )
}

/// Rust's client writes its trailers into the data, as a piece of its own.
fn data_trailers(data: &[u8]) -> Option<HeaderMap> {
    // Most data is none, and isn't read for it.
    let rest = std::str::from_utf8(data.strip_prefix(ERROR_TYPE.as_bytes())?).ok()?;
    let rest = rest.strip_prefix(": ")?;
    let (error_type, rest) = rest.split_once("\r\n")?;
    let body = rest.strip_prefix(ERROR_BODY)?.strip_prefix(": ")?.strip_suffix("\r\n")?;
    let mut trailers = HeaderMap::new();
    trailers.insert(ERROR_TYPE, error_type.parse().ok()?);
    trailers.insert(ERROR_BODY, body.parse().ok()?);
    Some(trailers)
}

/// The failure that trailers tell of. The body trailer is base64, except from Swift's client, which sends a
/// placeholder.
fn failed(trailers: &HeaderMap) -> Option<Failure> {
    let error_type = trailers.get(ERROR_TYPE).and_then(|value| value.to_str().ok())?;
    let body = trailers.get(ERROR_BODY).and_then(|body| BASE64_STANDARD.decode(body).ok());
    let body = body.map_or_else(
        || json!({ "errorType": error_type, "errorMessage": "" }).to_string().into(),
        Bytes::from,
    );
    Some(posted(Some(error_type), body))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::{ERROR_BODY, ERROR_TYPE, data_trailers, failed};

    fn error_of(data: &str) -> Option<String> {
        let payload = failed(&data_trailers(data.as_bytes())?)?.payload(uuid::Uuid::nil());
        Some(String::from_utf8_lossy(&payload).into_owned())
    }

    #[test]
    fn an_error_in_the_data_is_found_and_nothing_else_is_taken_for_one() {
        let body = BASE64_STANDARD.encode(r#"{"errorType":"x"}"#);
        let error = format!("{ERROR_TYPE}: Runtime.StreamError\r\n{ERROR_BODY}: {body}\r\n");
        assert_eq!(error_of(&error).as_deref(), Some(r#"{"errorType":"x"}"#));
        assert_eq!(error_of(&format!("data {error}")), None);
        assert_eq!(error_of(&format!("{ERROR_TYPE}: Runtime.StreamError\r\n")), None);
    }

    #[test]
    fn a_body_that_is_not_base64_still_leaves_the_error_type() {
        let error = format!("{ERROR_TYPE}: Unhandled\r\n{ERROR_BODY}: Requires base64\r\n");
        assert_eq!(
            error_of(&error).as_deref(),
            Some(r#"{"errorMessage":"","errorType":"Unhandled"}"#)
        );
    }
}
