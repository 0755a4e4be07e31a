//! Where invocation records go: a folder, with a file per record under the key that AWS gives it in
//! S3, or an http URL.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use http::Uri;
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::lambda::function::TenantId;
use crate::system::http::call::CallError;
use crate::system::http::post::post_json;
use crate::system::random::random_uuid;

/// How long a URL may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A place for invocation records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Records are posted to it.
    Url(Uri),
    /// Records are written into it.
    Folder(PathBuf),
}

/// Why a text is no [`Destination`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum DestinationError {
    /// It has a scheme that records can't be sent with.
    #[error("a destination is a folder or an http:// URL")]
    Scheme,
    /// It begins as a URL and is none.
    #[error("the URL is not valid")]
    Url,
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self::Folder(text.into()));
        };
        if scheme != "http" {
            return Err(DestinationError::Scheme);
        }
        let url: Uri = text.parse().map_err(|_| DestinationError::Url)?;
        if url.host().is_none() { Err(DestinationError::Url) } else { Ok(Self::Url(url)) }
    }
}

impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Folder(folder) => folder.display().fmt(f),
        }
    }
}

/// Why a record was not delivered.
#[derive(Debug, Error)]
pub(crate) enum DeliveryError {
    /// The file can't be written.
    #[error("failed to write `{}`", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// The URL can't be reached.
    #[error("failed to connect to `{0}`")]
    Connect(Uri, #[source] io::Error),
    /// The URL does not answer in time, or not as HTTP.
    #[error("failed to post to `{0}`")]
    Post(Uri, #[source] CallError),
    /// The URL answers with an error.
    #[error("failed to post to `{0}`: it answered {1}")]
    Refused(Uri, http::StatusCode),
    /// mtl has stopped before the destination took the record.
    #[error(
        "the record of event {request_id}{} for `{destination}` was not delivered",
        named(tenant.as_ref())
    )]
    Cut {
        /// The event.
        request_id: Uuid,
        /// The tenant it was for.
        tenant: Option<TenantId>,
        /// Where the record was to go.
        destination: Destination,
    },
}

fn named(tenant: Option<&TenantId>) -> String {
    tenant.map(|id| format!(" of tenant `{id}`")).unwrap_or_default()
}

impl Destination {
    /// Delivers a record of the function with this name.
    ///
    /// # Errors
    ///
    /// When the file can't be written, or the URL does not take the record.
    pub(crate) async fn deliver(
        &self,
        function_name: &str,
        record: String,
    ) -> Result<(), DeliveryError> {
        match self {
            Self::Url(url) => post(url, record).await,
            Self::Folder(folder) => {
                let path = folder.join(key(function_name));
                let written = path.clone();
                let writing = tokio::task::spawn_blocking(move || write(&path, &record));
                let result = writing.await.map_err(io::Error::other).and_then(|result| result);
                result.map_err(|error| DeliveryError::Write(written, error))
            }
        }
    }
}

fn key(function_name: &str) -> String {
    let now = Timestamp::now();
    let day = now.strftime("%Y/%m/%d");
    let time = now.strftime("%Y-%m-%dT%H.%M.%S");
    format!("aws/lambda/async/{function_name}/{day}/{time}-{}", random_uuid())
}

/// Under a name that begins with a dot first, so that whoever watches the folder never reads half a
/// record.
fn write(path: &Path, record: &str) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(folder)?;
    let hidden = folder.join(format!(".{}", name.to_string_lossy()));
    fs::write(&hidden, record)?;
    fs::rename(&hidden, path)
}

async fn post(url: &Uri, record: String) -> Result<(), DeliveryError> {
    let status =
        post_json(url, record.into(), ANSWER_TIMEOUT).await.map_err(|error| match error {
            CallError::Connect(error) => DeliveryError::Connect(url.clone(), error),
            error => DeliveryError::Post(url.clone(), error),
        })?;
    if status.is_success() { Ok(()) } else { Err(DeliveryError::Refused(url.clone(), status)) }
}

#[cfg(test)]
mod tests {
    use super::{Destination, DestinationError, key};

    #[test]
    fn a_destination_is_a_folder_or_an_http_url() {
        assert_eq!("./x".parse(), Ok(Destination::Folder("./x".into())));
        assert!(matches!("http://127.0.0.1:1/x?y".parse(), Ok(Destination::Url(_))));
        assert_eq!("https://x".parse::<Destination>(), Err(DestinationError::Scheme));
        assert_eq!("s3://bucket".parse::<Destination>(), Err(DestinationError::Scheme));
        assert_eq!("http://".parse::<Destination>(), Err(DestinationError::Url));
    }

    #[test]
    fn a_record_has_the_key_that_aws_gives_it() {
        let key = key("orders");
        let parts: Vec<_> = key.split('/').collect();
        assert_eq!(parts[..4], ["aws", "lambda", "async", "orders"]);
        let date = parts[4..7].join("-");
        assert!(parts[7].starts_with(&format!("{date}T")) && parts.len() == 8, "{key}");
    }
}
