//! The address of a local server, as a person gives it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, InvalidUri, PathAndQuery};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

/// What the SDKs leave as it is in a function name: the unreserved characters of RFC 3986.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `http://HOST[:PORT][/PATH]`. Without a path it is a server with AWS's own route; a path is where
/// the payload is posted to as it stands, and may have a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    authority: Authority,
    path: Option<PathAndQuery>,
}

/// Why a text is no [`Endpoint`].
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    /// It would need TLS, which no local server has.
    #[error("a local endpoint is plain http; `--remote` is what invokes on AWS")]
    Https,
    /// It has no scheme, or one that nothing here speaks.
    #[error("an endpoint begins with `http://`, such as `http://127.0.0.1:7000`")]
    Scheme,
    /// It has a user name or a password, which no local server asks for.
    #[error("an endpoint has no user name or password")]
    UserInfo,
    /// Its port is not one.
    #[error("a port is a number up to 65535")]
    Port,
    /// It is no URL.
    #[error("this is not a URL")]
    Url(#[from] InvalidUri),
}

impl Endpoint {
    /// Host and port as the `Host` header has them.
    #[must_use]
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The host to connect to; an IPv6 address is without its brackets.
    #[must_use]
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    /// The port to connect to, 80 where none was given.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// Whether the endpoint has a path of its own, where the payload is posted to.
    #[must_use]
    pub(crate) fn has_path(&self) -> bool {
        self.path.is_some()
    }

    /// What an invocation of `function_name` is posted to: the path of its own, or AWS's route.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
    #[must_use]
    pub(crate) fn target(&self, function_name: &str) -> String {
        self.route(function_name, "2015-03-31", "invocations")
    }

    /// What an invocation is posted to whose answer is streamed.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>
    #[must_use]
    pub(crate) fn streaming_target(&self, function_name: &str) -> String {
        self.route(function_name, "2021-11-15", "response-streaming-invocations")
    }

    fn route(&self, function_name: &str, version: &str, operation: &str) -> String {
        if let Some(path) = &self.path {
            // A URL may leave out the `/` before its query, but a request must have it.
            return path.to_string();
        }
        let name = utf8_percent_encode(function_name, &ENCODED);
        format!("/{version}/functions/{name}/{operation}")
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        // A URI may also be `localhost:7000`, so the scheme is looked at before anything else.
        match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(EndpointError::Https);
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {}
            _ => return Err(EndpointError::Scheme),
        }
        let parts = text.parse::<Uri>()?.into_parts();
        let authority = parts.authority.ok_or(EndpointError::Scheme)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none() {
            return Err(EndpointError::Port);
        }
        Ok(Self { authority, path: parts.path_and_query.filter(|path| path.as_str() != "/") })
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let path = self.path.as_ref().map_or("", PathAndQuery::as_str);
        write!(f, "http://{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn without_a_path_the_target_is_the_route_of_aws() {
        for (url, host, port) in [
            ("http://127.0.0.1:7000", "127.0.0.1", 7000),
            ("http://127.0.0.1:7000/", "127.0.0.1", 7000),
            ("HTTP://localhost", "localhost", 80),
            ("http://[::1]:9000", "::1", 9000),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!((endpoint.host(), endpoint.port()), (host, port), "{url}");
            assert!(!endpoint.has_path(), "{url}");
            assert_eq!(
                endpoint.target("arn:aws:lambda:a b/$X_-.~"),
                "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aa%20b%2F%24X_-.~/invocations"
            );
        }
    }

    #[test]
    fn a_path_is_the_target_as_it_stands() {
        for (url, target) in [
            ("http://h:7000/invoke", "/invoke"),
            ("http://h/a%20b/?tenant=x", "/a%20b/?tenant=x"),
            ("http://h?x=1", "/?x=1"),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert!(endpoint.has_path(), "{url}");
            assert_eq!(endpoint.target("function"), target, "{url}");
        }
    }

    #[test]
    fn it_is_shown_as_it_was_given() {
        for url in ["http://127.0.0.1:7000", "http://[::1]:9000", "http://h:7000/invoke?a=b"] {
            assert_eq!(url.parse::<Endpoint>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, message) in [
            ("https://h", "a local endpoint is plain http; `--remote` is what invokes on AWS"),
            (
                "localhost:7000",
                "an endpoint begins with `http://`, such as `http://127.0.0.1:7000`",
            ),
            ("", "an endpoint begins with `http://`, such as `http://127.0.0.1:7000`"),
            ("ftp://h", "an endpoint begins with `http://`, such as `http://127.0.0.1:7000`"),
            ("http://me:x@h", "an endpoint has no user name or password"),
            ("http://", "this is not a URL"),
            ("http://a b", "this is not a URL"),
            ("http://h:99999", "a port is a number up to 65535"),
            ("http://[::1]:", "a port is a number up to 65535"),
        ] {
            let error = url.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.to_string(), message, "{url}");
        }
    }
}
