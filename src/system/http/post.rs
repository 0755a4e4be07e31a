//! A POST of mtl's own to a server of the user's: a destination of records, a reader of telemetry.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;

use crate::system::http::call::{CallError, ClientConnection};

/// Posts JSON to an `http://` URL, on a connection of its own, and waits for the answer for `limit`
/// at most.
///
/// # Errors
///
/// When there is no answer. An answer with an error status is one.
pub(crate) async fn post_json(
    url: &Uri,
    json: Bytes,
    limit: Duration,
) -> Result<StatusCode, CallError> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(HOST, url.authority().map_or("", |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(json))
        .map_err(|error| CallError::Connect(io::Error::other(error)))?;
    let mut connection = ClientConnection::connect((host, url.port_u16().unwrap_or(80))).await?;
    Ok(connection.call_for_head(request, limit).await?.status())
}
