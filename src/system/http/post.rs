//! A POST of mtl's own to a server of the user's: a destination of records, a reader of telemetry.
//! Knows no Lambda.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;

/// Why a POST got no answer.
#[derive(Debug, Error)]
pub(crate) enum PostError {
    /// The URL can't be reached.
    #[error("failed to connect")]
    Connect(#[source] io::Error),
    /// The URL does not answer as HTTP.
    #[error("failed to post")]
    Send(#[source] hyper::Error),
}

/// Posts JSON to an `http://` URL, on a connection of its own.
///
/// # Errors
///
/// When there is no answer. An answer with an error status is one.
pub(crate) async fn post_json(url: &Uri, json: Bytes) -> Result<StatusCode, PostError> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let connecting = TcpStream::connect((host, url.port_u16().unwrap_or(80)));
    let stream = connecting.await.map_err(PostError::Connect)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(PostError::Send)?;
    tokio::spawn(connection);
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(HOST, url.authority().map_or("", |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(json))
        .map_err(|error| PostError::Connect(io::Error::other(error)))?;
    Ok(sender.send_request(request).await.map_err(PostError::Send)?.status())
}
