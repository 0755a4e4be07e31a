//! A request as it came in, before a method looks at it.

use bytes::Bytes;
use http::HeaderName;
use http::header::{
    CONNECTION, EXPECT, HOST, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use uuid::Uuid;

use crate::endpoints::api_gateway::resource::RequestPath;
use crate::endpoints::lambda_api::trace::new_trace_id;
use crate::system::http::Peer;

/// Headers about the connection only. None of them reaches a function.
const NOT_PASSED_ON: [HeaderName; 7] =
    [CONNECTION, EXPECT, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Received {
    /// Its head.
    pub(crate) head: Parts,
    /// Its body, read to its end.
    pub(crate) body: Bytes,
    /// The path below the stage, with the parameters in it.
    pub(crate) place: RequestPath,
    /// The id that it gets.
    pub(crate) id: Uuid,
}

impl Received {
    /// The address that it comes from.
    #[must_use]
    pub(crate) fn source_ip(&self) -> String {
        let address = self.head.extensions.get::<Peer>().and_then(|peer| peer.address);
        address.map_or_else(|| "127.0.0.1".to_owned(), |address| address.ip().to_string())
    }

    /// The headers that were sent, in their order, and those that API Gateway adds.
    #[must_use]
    pub(crate) fn headers(&self) -> Vec<(String, String)> {
        let head = &self.head;
        let source_ip = &*self.source_ip();
        let sent = head.headers.iter().filter(|(name, _)| !NOT_PASSED_ON.contains(name));
        let mut headers: Vec<(String, String)> = sent
            .map(|(name, value)| {
                (written(name), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let port = head.headers.get(HOST).and_then(|host| host.to_str().ok()?.rsplit_once(':'));
        let port = port.map_or("80", |(_, port)| port);
        let added = [
            ("X-Forwarded-For", source_ip),
            ("X-Forwarded-Port", port),
            ("X-Forwarded-Proto", "http"),
        ];
        for (name, value) in added {
            headers.retain(|(other, _)| other != name);
            headers.push((name.to_owned(), value.to_owned()));
        }
        if !headers.iter().any(|(name, _)| name == "X-Amzn-Trace-Id") {
            let trace = String::from_utf8_lossy(new_trace_id().as_bytes()).into_owned();
            headers.push(("X-Amzn-Trace-Id".to_owned(), trace));
        }
        headers
    }
}

/// The name of a header as HTTP/1.1 usually writes it, such as `Content-Type`. The server has it in lower
/// case only.
fn written(name: &HeaderName) -> String {
    let mut written = String::with_capacity(name.as_str().len());
    let mut begins_word = true;
    for character in name.as_str().chars() {
        written.push(if begins_word { character.to_ascii_uppercase() } else { character });
        begins_word = character == '-';
    }
    written
}
