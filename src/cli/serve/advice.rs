//! What `serve` says when something keeps a function from running: what happened, and what to do next.
//! Each thing is said once. Knows no environments.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde_json::Value;

use crate::advice::{Advice, NotStarted};
use crate::function::TenantId;
use crate::invocation::failure::{Failure, how_it_ended};

/// What was said.
#[derive(Debug, Default)]
pub struct Counsel {
    said: HashSet<String>,
}

/// Programs that build others, or start them in a way of their own.
const BUILD_TOOLS: [&str; 14] = [
    "cargo", "go", "swift", "npm", "npx", "yarn", "pnpm", "mvn", "gradle", "make", "dotnet", "tsc",
    "docker", "sam",
];

impl Counsel {
    /// What to say now; nothing when it was said before. The help tells one thing from another: ports
    /// and times differ from one environment to the next.
    pub fn about(&mut self, advice: &Advice) -> Option<String> {
        let text = text(advice)?;
        let help = text.split_once("\nhelp: ").map_or(text.as_str(), |(_, help)| help);
        let is_new = match advice {
            Advice::NotStarted(_) => self.said.insert(help.to_owned()),
            _ => self.said.insert(text.clone()),
        };
        is_new.then_some(text)
    }
}

fn text(advice: &Advice) -> Option<String> {
    Some(match advice {
        Advice::NotStarted(not_started) => not_started_text(not_started)?,
        Advice::AwaitsRuntime(tenant, address) => format!(
            "an invocation{} waits for a runtime: start yours with \
                 AWS_LAMBDA_RUNTIME_API={address}",
            of(tenant.as_ref())
        ),
        Advice::NoRuntimeLeft(tenant) => format!(
            "an invocation{} was throttled: every runtime belongs to another tenant or is \
                 busy\nhelp: restart one of them, or serve with a larger --attach",
            of(tenant.as_ref())
        ),
        Advice::ApiFailed(request, reason) => format!("{request}: {reason}"),
        Advice::Debugger(tenant, address) => {
            format!("the debugger{} listens on {address}", of(tenant.as_ref()))
        }
    })
}

fn not_started_text(NotStarted { command, failure, after, ports }: &NotStarted) -> Option<String> {
    let command = Command(command);

    let (what, help) = match failure {
        Failure::TimedOut(_) => {
            let seconds = after.as_secs_f64();
            let what = match ports.first() {
                Some(port) => format!(
                    "`{command}` listens on port {port}, but did not ask for an invocation in \
                         {seconds:.1} s"
                ),
                None => {
                    format!("`{command}` ran for {seconds:.1} s and did not ask for an invocation")
                }
            };
            (what, command.help_for_silence(!ports.is_empty()))
        }
        Failure::Exited(status) => {
            let how = how_it_ended(*status);
            let what = format!("`{command}` ended ({how}) before it asked for an invocation");
            (what, command.help_for_an_end())
        }
        Failure::Posted { error_type, body } => {
            let message = message(body);
            let help = help_for_an_error(error_type, &message);
            (format!("the function can't be loaded: {error_type}: {message}"), help)
        }
        Failure::OutOfMemory => (
            "the function needs more memory to start than it has".to_owned(),
            "--memory-size gives it more".to_owned(),
        ),
        Failure::Extension(error_type, reason) => {
            let help = "its output is in the log; --extension names it".to_owned();
            (format!("an extension failed: {error_type}: {reason}"), help)
        }
        Failure::InvalidEntrypoint(reason) => {
            let help = "what comes after `--` is started for each environment".to_owned();
            (format!("the function can't be started: {reason}"), help)
        }
        Failure::ResponseTooLarge | Failure::TruncatedResponse | Failure::Service(_) => {
            return None;
        }
    };
    Some(format!("{what}\nhelp: {help}"))
}

/// The command of a function, for what its program tells.
struct Command<'a>(&'a [OsString]);

impl Command<'_> {
    fn help_for_silence(&self, listens: bool) -> String {
        if let Some(tool) = self.build_tool() {
            return not_the_tool(tool);
        }
        if listens {
            return "a function is no web server: it asks http://$AWS_LAMBDA_RUNTIME_API for \
                    invocations, as Lambda's runtime clients do; a web server needs an adapter, \
                    such as AWS's Lambda Web Adapter with --extension"
                .to_owned();
        }
        "a function asks http://$AWS_LAMBDA_RUNTIME_API for invocations, as Lambda's runtime \
         clients do; --init-timeout gives one that starts slowly more time"
            .to_owned()
    }

    fn help_for_an_end(&self) -> String {
        if let Some(tool) = self.build_tool() {
            return not_the_tool(tool);
        }
        let program = self.program();
        if program.starts_with("python") || program == "node" {
            return "a file that only defines a handler is served with --handler FILE.FUNCTION"
                .to_owned();
        }
        "its output is in the log above; a function runs on, and asks \
         http://$AWS_LAMBDA_RUNTIME_API for invocations"
            .to_owned()
    }

    fn build_tool(&self) -> Option<&str> {
        let program = self.program();
        BUILD_TOOLS.into_iter().find(|tool| program == *tool)
    }

    fn program(&self) -> String {
        let program = self.0.first().map(Path::new).and_then(Path::file_name);
        program.unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Display for Command<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|word| word.to_string_lossy()).collect();
        f.write_str(&words.join(" "))
    }
}

fn of(tenant: Option<&TenantId>) -> String {
    tenant.map(|id| format!(" of tenant `{id}`")).unwrap_or_default()
}

fn not_the_tool(tool: &str) -> String {
    format!(
        "`{tool}` would be started for every environment: build first, and serve what was built, \
         such as `mtl serve -- ./my-function`"
    )
}

/// The message that a runtime posted.
fn message(body: &[u8]) -> String {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = error.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
    message.lines().next().unwrap_or_default().to_owned()
}

fn help_for_an_error(error_type: &str, message: &str) -> String {
    let text = match error_type {
        "Runtime.HandlerNotFound" => {
            "--handler is FILE.FUNCTION: the file without its ending, and what it exports"
        }
        "Runtime.ImportModuleError" if message.contains("No module named") => {
            "install it for the interpreter that is used; a virtual environment must be active \
             where mtl is started"
        }
        "Runtime.ImportModuleError" => "install its packages in this folder, as with `npm install`",
        _ => "the log has more",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::Counsel;
    use crate::advice::{Advice, NotStarted};
    use crate::invocation::failure::Failure;

    fn said(command: &[&str], failure: Failure, ports: &[u16]) -> String {
        let mut counsel = Counsel::default();
        let command: Vec<_> = command.iter().map(Into::into).collect();
        let again = failure.clone();
        let after = Duration::from_secs(10);
        let advice = Advice::NotStarted(NotStarted {
            command: command.clone(),
            failure,
            after,
            ports: ports.to_vec(),
        });
        let text = counsel.about(&advice).unwrap();
        let (after, ports) = (Duration::from_secs(3), ports.iter().map(|port| port + 1).collect());
        let again = Advice::NotStarted(NotStarted { command, failure: again, after, ports });
        assert_eq!(counsel.about(&again), None, "it is said once");
        text
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
