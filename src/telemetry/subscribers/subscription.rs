//! What an extension subscribes to: the body of its request, checked.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use http::{StatusCode, Uri};
use serde_json::{Map, Value};

use crate::telemetry::extensions::ExtensionRefusal;
use crate::telemetry::subscribers::event::TelemetryType;

/// What is delivered, where, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The types of events.
    pub(crate) types: Vec<TelemetryType>,
    /// Where they go.
    pub(crate) destination: SubscriberAddress,
    /// When they go.
    pub(crate) buffering: Buffering,
}

/// A listener of the extension's. On AWS an environment has a network of its own, in which its name
/// is `sandbox.localdomain`; here that is this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubscriberAddress {
    /// It gets a POST with a JSON array.
    Http(Uri),
    /// It gets a JSON object a line.
    Tcp(u16),
}

/// When a batch is delivered: at the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffering {
    /// So many events.
    pub(crate) max_items: usize,
    /// So many bytes.
    pub(crate) max_bytes: usize,
    /// So long after its first event.
    pub(crate) timeout: Duration,
}

const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];

/// A number that may be given.
struct BufferingSetting {
    name: &'static str,
    allowed: RangeInclusive<u64>,
    default: u64,
}

const MAX_ITEMS: BufferingSetting =
    BufferingSetting { name: "maxItems", allowed: 1_000..=10_000, default: 10_000 };

const MAX_BYTES: BufferingSetting =
    BufferingSetting { name: "maxBytes", allowed: 262_144..=1_048_576, default: 262_144 };

const TIMEOUT_MS: BufferingSetting =
    BufferingSetting { name: "timeoutMs", allowed: 25..=30_000, default: 1_000 };

impl Subscription {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// With `ValidationError` and what is wrong with it.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ExtensionRefusal> {
        let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
            return Err(invalid("the body must be a JSON object"));
        };
        if !request.get("schemaVersion").is_none_or(Value::is_string) {
            return Err(invalid("`schemaVersion` must be a text"));
        }
        Ok(Self {
            types: types(request.get("types"))?,
            destination: destination(request.get("destination"))?,
            buffering: buffering(request.get("buffering"))?,
        })
    }
}

fn types(types: Option<&Value>) -> Result<Vec<TelemetryType>, ExtensionRefusal> {
    let Some(types) = types.and_then(Value::as_array).filter(|types| !types.is_empty()) else {
        return Err(invalid("`types` must be a list of platform, function or extension"));
    };
    let of = |name: &Value| {
        let known =
            TelemetryType::ALL.into_iter().find(|known| name.as_str() == Some(known.as_str()));
        known.ok_or_else(|| invalid(&format!("{name} is no type of telemetry")))
    };
    types.iter().map(of).collect()
}

fn destination(destination: Option<&Value>) -> Result<SubscriberAddress, ExtensionRefusal> {
    let Some(destination) = destination.and_then(Value::as_object) else {
        return Err(invalid("`destination` must be an object"));
    };
    match destination.get("protocol").and_then(Value::as_str) {
        Some("HTTP") => http(destination).map(SubscriberAddress::Http),
        Some("TCP") => {
            let port = destination.get("port").and_then(Value::as_u64);
            let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            port.map(SubscriberAddress::Tcp)
                .ok_or_else(|| invalid("`destination.port` must be a port"))
        }
        _ => Err(invalid("`destination.protocol` must be HTTP or TCP")),
    }
}

/// The URL, with this machine for its host.
fn http(destination: &Map<String, Value>) -> Result<Uri, ExtensionRefusal> {
    let uri = destination.get("URI").or_else(|| destination.get("uri")).and_then(Value::as_str);
    let uri = uri.and_then(|uri| uri.parse::<Uri>().ok());
    let Some(uri) = uri.filter(|uri| uri.host().is_some_and(|host| HOSTS.contains(&host))) else {
        return Err(invalid("`destination.URI` must be http://sandbox.localdomain:PORT"));
    };
    let port = uri.port_u16().unwrap_or(80);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let here = format!("http://127.0.0.1:{port}{path}").parse();
    here.map_err(|_| invalid("`destination.URI` is no URI"))
}

fn buffering(buffering: Option<&Value>) -> Result<Buffering, ExtensionRefusal> {
    let setting = |BufferingSetting { name, allowed, default }: BufferingSetting| {
        let given = buffering.and_then(|buffering| buffering.get(name));
        match given.filter(|given| !given.is_null()) {
            None => Ok(default),
            Some(given) => {
                given.as_u64().filter(|given| allowed.contains(given)).ok_or_else(|| {
                    let (low, high) = (allowed.start(), allowed.end());
                    invalid(&format!("`buffering.{name}` must be {low} to {high}"))
                })
            }
        }
    };
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    Ok(Buffering {
        max_items: size(setting(MAX_ITEMS)?),
        max_bytes: size(setting(MAX_BYTES)?),
        timeout: Duration::from_millis(setting(TIMEOUT_MS)?),
    })
}

fn invalid(message: &str) -> ExtensionRefusal {
    let (status, error_type) = (StatusCode::BAD_REQUEST, "ValidationError");
    ExtensionRefusal { status, error_type, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Buffering, SubscriberAddress, Subscription};
    use crate::telemetry::subscribers::event::TelemetryType;

    fn error(body: &str) -> String {
        Subscription::parse(body.as_bytes()).unwrap_err().message
    }

    #[test]
    fn the_request_of_the_rust_client_is_understood() {
        let body = r#"{"schemaVersion":"2022-07-01","types":["platform","function"],
            "buffering":{"timeoutMs":25,"maxBytes":262144,"maxItems":1000},
            "destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:9003"}}"#;
        let subscription = Subscription::parse(body.as_bytes()).unwrap();
        assert_eq!(subscription.types, [TelemetryType::Platform, TelemetryType::Function]);
        let here = "http://127.0.0.1:9003/".parse().unwrap();
        assert_eq!(subscription.destination, SubscriberAddress::Http(here));
        let timeout = Duration::from_millis(25);
        let buffering = Buffering { max_items: 1_000, max_bytes: 262_144, timeout };
        assert_eq!(subscription.buffering, buffering);
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let with = |members: &str| format!(r#"{{"types":["platform"],{members}}}"#);
        assert!(error("[]").contains("JSON object"));
        assert!(error(r#"{"types":["plat"]}"#).contains("\"plat\" is no type"));
        assert!(error(&with(r#""x":1"#)).contains("`destination`"));
        let elsewhere = r#""destination":{"protocol":"HTTP","URI":"http://127.0.0.1:1"}"#;
        assert!(error(&with(elsewhere)).contains("sandbox.localdomain:PORT"));
        let tcp = r#""destination":{"protocol":"TCP","port":0}"#;
        assert!(error(&with(tcp)).contains("`destination.port`"));
        let soon = r#""destination":{"protocol":"TCP","port":1},"buffering":{"timeoutMs":1}"#;
        assert!(error(&with(soon)).contains("`buffering.timeoutMs` must be 25 to 30000"));
    }
}
