//! The body of a registration: which events an extension asks for, and may have.

use serde_json::Value;

use crate::telemetry::extensions::call::ExtensionRefusal;

/// What an extension asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RegisteredEvents {
    /// Whether it gets an event for each invocation.
    pub(crate) invoke: bool,
    /// Whether it gets an event at the end of its environment.
    pub(crate) shutdown: bool,
}

impl RegisteredEvents {
    /// The names that AWS has for them.
    #[must_use]
    pub(crate) fn names(self) -> Vec<&'static str> {
        let all = [(self.invoke, "INVOKE"), (self.shutdown, "SHUTDOWN")];
        all.into_iter().filter(|(asked, _)| *asked).map(|(_, name)| name).collect()
    }

    fn add(&mut self, event: &Value, origin: ExtensionOrigin) -> Result<(), ExtensionRefusal> {
        let message = match (event.as_str(), origin) {
            (Some("INVOKE"), _) => {
                self.invoke = true;
                return Ok(());
            }
            (Some("SHUTDOWN"), ExtensionOrigin::External) => {
                self.shutdown = true;
                return Ok(());
            }
            (Some("SHUTDOWN"), ExtensionOrigin::Internal) => {
                "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension".to_owned()
            }
            (Some(other), _) => format!("{other}: ErrorInvalidEventType"),
            (None, _) => format!("{event}: ErrorInvalidEventType"),
        };
        Err(ExtensionRefusal::new("Extension.InvalidEventType", message))
    }
}

/// How an extension comes into its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtensionOrigin {
    /// It is started for the environment, and known by its file's name.
    External,
    /// It registers from inside the runtime, and gets no SHUTDOWN.
    Internal,
}

/// Reads `{"events":[…]}`. For none, Go's client sends `null`, and Rust's an empty list.
///
/// # Errors
///
/// With AWS's error for a body that is not of this form, or an event that there is none of.
pub(crate) fn requested_events(
    body: &[u8],
    origin: ExtensionOrigin,
) -> Result<RegisteredEvents, ExtensionRefusal> {
    let malformed = |message: &str| ExtensionRefusal::new("InvalidRequestFormat", message);
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
        return Err(malformed("the body must be a JSON object with `events`"));
    };
    let mut events = RegisteredEvents::default();
    match request.get("events") {
        None | Some(Value::Null) => {}
        Some(Value::Array(listed)) => {
            listed.iter().try_for_each(|event| events.add(event, origin))?;
        }
        Some(_) => return Err(malformed("`events` must be a list")),
    }
    Ok(events)
}
