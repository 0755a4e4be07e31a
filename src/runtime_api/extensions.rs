//! The Extensions API of one environment, as far as internal extensions meet it: they register from
//! inside the runtime, and the ones that the Go and Rust clients have, so that Lambda sends SIGTERM,
//! ask for no events. Knows no HTTP connection.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use uuid::Uuid;

/// How many extensions an environment takes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
const MAXIMUM: usize = 10;

/// The extensions that have registered, with their names.
#[derive(Debug, Default)]
pub struct Extensions {
    registered: Mutex<HashMap<Uuid, String>>,
}

/// A refusal; all of them are answered with status 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The error type.
    pub error_type: &'static str,
    /// The message.
    pub message: String,
}

impl Extensions {
    /// Registers an extension and returns its identifier.
    ///
    /// # Errors
    ///
    /// With AWS's error for what is wrong with the request.
    pub fn register(&self, headers: &HeaderMap, body: &[u8]) -> Result<Uuid, Refused> {
        let name = text(headers, "Lambda-Extension-Name").unwrap_or_default();
        if name.is_empty() {
            return refuse("Extension.InvalidExtensionName", "Empty extension name");
        }
        check_events(body)?;
        let mut registered = self.registered();
        if registered.values().any(|known| known == name) {
            let message = "Extension with this name already registered";
            return refuse("Extension.InvalidExtensionState", message);
        }
        if registered.len() >= MAXIMUM {
            return refuse("Extension.TooManyExtensions", "Extension limit (10) reached");
        }
        let identifier = Uuid::new_v4();
        registered.insert(identifier, name.to_owned());
        Ok(identifier)
    }

    /// Checks that a request comes from a registered extension.
    ///
    /// # Errors
    ///
    /// With AWS's error when its identifier is missing, is none, or is unknown.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Some(identifier) = text(headers, "Lambda-Extension-Identifier") else {
            let message = "Missing Lambda-Extension-Identifier header";
            return refuse("Extension.MissingExtensionIdentifier", message);
        };
        let Ok(identifier) = identifier.parse::<Uuid>() else {
            let message = "Invalid Lambda-Extension-Identifier";
            return refuse("Extension.InvalidExtensionIdentifier", message);
        };
        if self.registered().contains_key(&identifier) {
            return Ok(());
        }
        refuse("Extension.UnknownExtensionIdentifier", &format!("Unknown extension {identifier}"))
    }

    fn registered(&self) -> MutexGuard<'_, HashMap<Uuid, String>> {
        // A map is changed in one step, so there is nothing half done after a panic.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `{"events":[…]}`; Go's client sends `null` for none, Rust's an empty list.
fn check_events(body: &[u8]) -> Result<(), Refused> {
    const FORMAT: &str = "InvalidRequestFormat";
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
        return refuse(FORMAT, "the body must be a JSON object with `events`");
    };
    let events = match request.get("events") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(events)) => events,
        Some(_) => return refuse(FORMAT, "`events` must be a list"),
    };
    for event in events {
        let message = match event.as_str() {
            Some("INVOKE") => continue,
            Some("SHUTDOWN") => {
                "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension".to_owned()
            }
            Some(other) => format!("{other}: ErrorInvalidEventType"),
            None => format!("{event}: ErrorInvalidEventType"),
        };
        return refuse("Extension.InvalidEventType", &message);
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::to_str).and_then(Result::ok)
}

fn refuse<T>(error_type: &'static str, message: &str) -> Result<T, Refused> {
    Err(Refused { error_type, message: message.to_owned() })
}
