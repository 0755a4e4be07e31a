//! What `serve` says while it runs when something keeps a function from running. Each thing is said
//! once: the same failure may come with every request.

use std::collections::HashSet;

use crate::cli::serve::advice_text::{NoStartText, no_start_text, text};
use crate::environment::advice::{Advice, NotStarted};
use crate::lambda::invocation::failure::Failure;

/// How many things are remembered to have been said; what many requests cause may be said again.
const REMEMBERED: usize = 1_000;

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct AdviceLog {
    said: HashSet<String>,
    /// Why commands can't be started, as it was said at the start.
    unstartable: HashSet<String>,
    /// Whether functions must be told apart.
    has_several: bool,
}

impl AdviceLog {
    /// On so many functions, after these reasons were given why a command can't be started.
    #[must_use]
    pub(crate) fn new(functions: usize, unstartable: HashSet<String>) -> Self {
        Self { said: HashSet::new(), unstartable, has_several: functions > 1 }
    }

    /// What to say now; nothing when it was said before.
    pub(crate) fn new_text(&mut self, advice: &Advice) -> Option<String> {
        if self.said.len() > REMEMBERED {
            self.said.clear();
        }
        if let Advice::NotStarted(not_started) = advice {
            return self.new_no_start_text(not_started);
        }
        let text = text(advice)?;
        self.said.insert(text.clone()).then_some(text)
    }

    fn new_no_start_text(&mut self, not_started: &NotStarted) -> Option<String> {
        if let Failure::InvalidEntrypoint { plain, .. } = &not_started.failure
            && self.unstartable.contains(plain)
        {
            return None;
        }
        let NoStartText { what, help } = no_start_text(not_started)?;
        let whose = self.has_several.then(|| format!("{}: ", not_started.function));
        let whose = whose.unwrap_or_default();
        // The help tells one thing from another: what happened has ports and times, which differ from
        // one environment to the next.
        let is_new = self.said.insert(format!("{whose}{help}"));
        is_new.then(|| format!("{whose}{what}\nhelp: {help}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::AdviceLog;
    use crate::environment::advice::{Advice, NotStarted};
    use crate::lambda::invocation::failure::Failure;

    fn said(command: &[&str], failure: Failure, ports: &[u16]) -> String {
        let mut log = AdviceLog::default();
        let command: Vec<_> = command.iter().map(Into::into).collect();
        let again = failure.clone();
        let after = Duration::from_secs(10);
        let first = NotStarted {
            function: "function".to_owned(),
            handler: None,
            extension: None,
            command: command.clone(),
            failure,
            after,
            ports: ports.to_vec(),
        };
        let text = log.new_text(&Advice::NotStarted(first.clone())).unwrap();
        let (after, ports) = (Duration::from_secs(3), ports.iter().map(|port| port + 1).collect());
        let again = NotStarted { failure: again, after, ports, ..first };
        assert_eq!(log.new_text(&Advice::NotStarted(again)), None, "it is said once");
        text
    }

    #[test]
    fn a_command_that_is_a_handler_is_told_so_unless_it_was_warned_of() {
        let plain = "failed to find the program `app.py`".to_owned();
        let reason = "exec: \"app.py\": executable file not found in $PATH".to_owned();
        let failure = Failure::InvalidEntrypoint { reason, plain: plain.clone(), remedy: None };
        let text = said(&["app.py"], failure.clone(), &[]);
        assert!(text.contains(&plain) && text.contains("--handler app.handler"), "{text}");
        let mut log = AdviceLog::new(1, [plain].into());
        let advice = Advice::NotStarted(NotStarted {
            function: "function".to_owned(),
            handler: None,
            extension: None,
            command: vec!["app.py".into()],
            failure,
            after: Duration::ZERO,
            ports: vec![],
        });
        assert_eq!(log.new_text(&advice), None);
    }

    #[test]
    fn the_usual_first_mistakes_are_told_apart() {
        let silent = || Failure::TimedOut(Duration::from_secs(10));
        let ended = || Failure::Exited(ExitStatus::from_raw(0));
        let server = said(&["./server"], silent(), &[8080]);
        assert!(server.contains("listens on port 8080"), "{server}");
        assert!(server.contains("Lambda Web Adapter"), "{server}");
        let silent = said(&["./program", "x"], silent(), &[]);
        assert!(silent.starts_with("`./program x` ran for 10.0 s and did not ask"), "{silent}");
        let built = said(&["/usr/bin/cargo", "build"], ended(), &[]);
        assert!(built.contains("build first, and serve what was built"), "{built}");
        let script = said(&["python3", "app.py"], ended(), &[]);
        assert!(script.contains("(exit status 0)") && script.contains("--handler"), "{script}");
    }

    #[test]
    fn an_error_that_the_runtime_posted_is_told_with_its_message() {
        let body = r#"{"errorMessage":"Unable to import module 'app': No module named 'x'"}"#;
        let error_type = "Runtime.ImportModuleError".to_owned();
        let posted = Failure::Posted { error_type, body: body.into() };
        let text = said(&["python3"], posted, &[]);
        assert!(text.contains("No module named 'x'\nhelp: install it for"), "{text}");
    }
}
