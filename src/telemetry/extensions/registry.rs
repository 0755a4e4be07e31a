//! Which extensions have registered, for which events, and which of them are done with the event that
//! they got.

use uuid::Uuid;

use crate::lambda::quotas;
use crate::system::random::random_uuid;
use crate::telemetry::extensions::call::{
    ExtensionAnswer, ExtensionEvent, ExtensionRefusal, Identifier,
};
use crate::telemetry::extensions::registration::{
    ExtensionOrigin, RegisteredEvents, requested_events,
};

/// The extensions of one environment.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    /// The names of the external ones.
    external: Vec<String>,
    registered: Vec<RegisteredExtension>,
    /// The runtime has asked for its first invocation: no more may register.
    closed: bool,
    /// The SHUTDOWN event, once it is time for it.
    shutdown: Option<ExtensionEvent>,
}

#[derive(Debug)]
struct RegisteredExtension {
    id: Uuid,
    name: String,
    events: RegisteredEvents,
    /// The `/event/next` that is held: the extension is done with what it got before.
    waiting: Option<ExtensionAnswer<ExtensionEvent>>,
}

impl Extensions {
    /// None has registered yet; these are started for the environment.
    #[must_use]
    pub(crate) fn new(external: Vec<String>) -> Self {
        Self { external, ..Self::default() }
    }

    /// Registers an extension and returns its identifier and what it asked for.
    ///
    /// # Errors
    ///
    /// With AWS's error for what is wrong with the request.
    pub(crate) fn register(
        &mut self,
        name: &str,
        body: &[u8],
    ) -> Result<(Uuid, RegisteredEvents), ExtensionRefusal> {
        if name.is_empty() {
            let message = "Empty extension name";
            return Err(ExtensionRefusal::new("Extension.InvalidExtensionName", message));
        }
        let events = requested_events(body, self.origin(name))?;
        if self.registered.iter().any(|known| known.name == name) {
            let message = "Extension with this name already registered";
            return Err(ExtensionRefusal::new("Extension.InvalidExtensionState", message));
        }
        if self.closed {
            let message = "Extension registration closed already";
            return Err(ExtensionRefusal::new("Extension.RegistrationClosed", message));
        }
        if self.registered.len() >= quotas::EXTENSIONS {
            let message = format!("Extension limit ({}) reached", quotas::EXTENSIONS);
            return Err(ExtensionRefusal::new("Extension.TooManyExtensions", message));
        }
        let id = random_uuid();
        self.registered.push(RegisteredExtension {
            id,
            name: name.to_owned(),
            events,
            waiting: None,
        });
        Ok((id, events))
    }

    fn origin(&self, name: &str) -> ExtensionOrigin {
        if self.external.iter().any(|external| external == name) {
            ExtensionOrigin::External
        } else {
            ExtensionOrigin::Internal
        }
    }

    /// Whether every external extension has registered, so that the runtime may be started.
    #[must_use]
    pub(crate) fn all_registered(&self) -> bool {
        self.unregistered().is_none()
    }

    /// An external extension that has not registered.
    #[must_use]
    pub(crate) fn unregistered(&self) -> Option<&str> {
        let is_known = |name: &&String| self.registered.iter().any(|known| known.name == **name);
        self.external.iter().find(|name| !is_known(name)).map(String::as_str)
    }

    /// An extension that has registered and does not wait for an event.
    #[must_use]
    pub(crate) fn busy(&self) -> Option<&str> {
        let busy = self.registered.iter().find(|extension| extension.waiting.is_none());
        busy.map(|extension| extension.name.as_str())
    }

    /// The runtime asks for its first invocation.
    pub(crate) fn close_registration(&mut self) {
        self.closed = true;
    }

    /// Whether none has registered.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.registered.is_empty()
    }

    /// Holds an extension's `/event/next` until there is an event for it.
    pub(crate) fn next(
        &mut self,
        identifier: &Identifier,
        answer: ExtensionAnswer<ExtensionEvent>,
    ) {
        match self.find(identifier) {
            Ok(extension) => extension.waiting = Some(answer),
            // Whoever hung up gets no answer, here and below.
            Err(refused) => drop(answer.send(Err(refused))),
        }
        self.tell_shutdown();
    }

    /// Whether all that have registered wait for an event: they are done with the one before.
    #[must_use]
    pub(crate) fn all_ready(&self) -> bool {
        self.busy().is_none()
    }

    /// Sends the event of an invocation to the extensions that asked for INVOKE.
    pub(crate) fn invoke(&mut self, event: impl Fn() -> ExtensionEvent) {
        for extension in self.registered.iter_mut().filter(|extension| extension.events.invoke) {
            if let Some(waiting) = extension.waiting.take() {
                let _ = waiting.send(Ok(event()));
            }
        }
    }

    /// Sends the event of the end of the environment to the extensions that asked for SHUTDOWN: at once
    /// where one waits for an event, and otherwise when it asks for the next.
    pub(crate) fn shutdown(&mut self, event: ExtensionEvent) {
        self.shutdown = Some(event);
        self.tell_shutdown();
    }

    fn tell_shutdown(&mut self) {
        let Some(event) = &self.shutdown else { return };
        for extension in self.registered.iter_mut().filter(|extension| extension.events.shutdown) {
            if let Some(waiting) = extension.waiting.take() {
                let _ = waiting.send(Ok(event.clone()));
            }
        }
    }

    /// Whether the extension of this name asked for SHUTDOWN.
    #[must_use]
    pub(crate) fn is_told_of_shutdown(&self, name: &str) -> bool {
        self.registered.iter().any(|known| known.name == name && known.events.shutdown)
    }

    /// The name of the extension that calls.
    ///
    /// # Errors
    ///
    /// With AWS's error when its identifier is missing, is none, or is unknown.
    pub(crate) fn name(&mut self, identifier: &Identifier) -> Result<String, ExtensionRefusal> {
        self.find(identifier).map(|extension| extension.name.clone())
    }

    fn find(
        &mut self,
        identifier: &Identifier,
    ) -> Result<&mut RegisteredExtension, ExtensionRefusal> {
        let Some(identifier) = identifier else {
            let message = "Missing Lambda-Extension-Identifier header";
            return Err(ExtensionRefusal::new("Extension.MissingExtensionIdentifier", message));
        };
        let Ok(id) = identifier.parse::<Uuid>() else {
            let message = "Invalid Lambda-Extension-Identifier";
            return Err(ExtensionRefusal::new("Extension.InvalidExtensionIdentifier", message));
        };
        self.registered.iter_mut().find(|extension| extension.id == id).ok_or_else(|| {
            let message = format!("Unknown extension {id}");
            ExtensionRefusal::new("Extension.UnknownExtensionIdentifier", message)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use uuid::Uuid;

    use super::Extensions;
    use crate::telemetry::extensions::call::ExtensionEvent;

    fn register(extensions: &mut Extensions, name: &str, events: &str) -> Uuid {
        let body = format!("{{\"events\":{events}}}");
        extensions.register(name, body.as_bytes()).unwrap().0
    }

    fn error(extensions: &mut Extensions, name: &str, body: &str) -> (&'static str, String) {
        let refused = extensions.register(name, body.as_bytes()).unwrap_err();
        (refused.error_type, refused.message)
    }

    fn event(json: &str) -> ExtensionEvent {
        ExtensionEvent { json: json.to_owned() }
    }

    #[test]
    fn only_external_extensions_may_ask_for_shutdown_and_ten_may_register() {
        let mut extensions = Extensions::new(vec!["outer".to_owned()]);
        assert!(!extensions.all_registered());
        let asks = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
        assert_eq!(error(&mut extensions, "inner", asks).0, "Extension.InvalidEventType");
        register(&mut extensions, "outer", r#"["INVOKE","SHUTDOWN"]"#);
        assert!(extensions.all_registered() && extensions.is_told_of_shutdown("outer"));
        for number in 0..9 {
            register(&mut extensions, &format!("inner-{number}"), "null");
        }
        let (error_type, message) = error(&mut extensions, "one-more", "{}");
        assert_eq!(error_type, "Extension.TooManyExtensions");
        assert_eq!(message, "Extension limit (10) reached");
        assert_eq!(error(&mut extensions, "outer", "{}").0, "Extension.InvalidExtensionState");
    }

    #[test]
    fn registration_ends_with_the_first_poll_of_the_runtime() {
        let mut extensions = Extensions::default();
        extensions.close_registration();
        assert_eq!(error(&mut extensions, "late", "{}").0, "Extension.RegistrationClosed");
    }

    #[test]
    fn an_extension_is_ready_when_it_asks_for_the_next_event() {
        let mut extensions = Extensions::new(vec!["outer".to_owned()]);
        let id = Some(register(&mut extensions, "outer", r#"["INVOKE","SHUTDOWN"]"#).to_string());
        assert!(!extensions.all_ready());
        let (answer, mut answered) = oneshot::channel();
        extensions.next(&id, answer);
        assert!(extensions.all_ready() && answered.try_recv().is_err());
        extensions.invoke(|| event("invoke"));
        assert_eq!(answered.try_recv().unwrap().unwrap().json, "invoke");
        assert!(!extensions.all_ready());
        // An extension that is still at work gets the SHUTDOWN event with its next poll.
        extensions.shutdown(event("shutdown"));
        let (answer, mut answered) = oneshot::channel();
        extensions.next(&id, answer);
        assert_eq!(answered.try_recv().unwrap().unwrap().json, "shutdown");
    }

    #[test]
    fn a_caller_that_is_none_is_refused() {
        let mut extensions = Extensions::default();
        for (identifier, error_type) in [
            (None, "Extension.MissingExtensionIdentifier"),
            (Some("x".to_owned()), "Extension.InvalidExtensionIdentifier"),
            (Some(Uuid::nil().to_string()), "Extension.UnknownExtensionIdentifier"),
        ] {
            assert_eq!(extensions.name(&identifier).unwrap_err().error_type, error_type);
        }
    }
}
