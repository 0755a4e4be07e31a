//! What `serve` says when something keeps a function from running: what happened, and what to do next.
//! Each thing is said once.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::environment::advice::{Advice, ExtensionFault, NotStarted};
use crate::lambda::function::TenantId;
use crate::lambda::invocation::failure::{Failure, how_it_ended};

/// How many things are remembered to have been said; what many requests cause may be said again.
const REMEMBERED: usize = 1_000;

/// What was said.
#[derive(Debug, Default)]
pub(crate) struct AdviceLog {
    said: HashSet<String>,
    /// What was said at the start.
    warnings: Vec<String>,
    /// Whether functions must be told apart.
    has_several: bool,
}

/// Programs that build others, or start them in a way of their own.
const BUILD_TOOLS: [&str; 14] = [
    "cargo", "go", "swift", "npm", "npx", "yarn", "pnpm", "mvn", "gradle", "make", "dotnet", "tsc",
    "docker", "sam",
];

impl AdviceLog {
    /// On so many functions, after these warnings.
    #[must_use]
    pub(crate) fn new(functions: usize, warnings: Vec<String>) -> Self {
        Self { said: HashSet::new(), warnings, has_several: functions > 1 }
    }

    /// What to say now; nothing when it was said before. The help tells one thing from another: ports
    /// and times differ from one environment to the next.
    pub(crate) fn new_text(&mut self, advice: &Advice) -> Option<String> {
        if self.said.len() > REMEMBERED {
            self.said.clear();
        }
        let Advice::NotStarted(not_started) = advice else {
            let text = text(advice)?;
            return self.said.insert(text.clone()).then_some(text);
        };
        if let Failure::InvalidEntrypoint { plain, .. } = &not_started.failure
            && self.warnings.iter().any(|warning| warning.contains(plain))
        {
            return None;
        }
        let (what, help) = not_started_text(not_started)?;
        let whose = self.has_several.then(|| format!("{}: ", not_started.function));
        let whose = whose.unwrap_or_default();
        let is_new = self.said.insert(format!("{whose}{help}"));
        is_new.then(|| format!("{whose}{what}\nhelp: {help}"))
    }
}

fn text(advice: &Advice) -> Option<String> {
    Some(match advice {
        Advice::NotStarted(_) => return None,
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
        Advice::HungUp(tenant) => format!(
            "the runtime that has an invocation{} has hung up\nhelp: if it has ended, start it \
                 again: the invocation fails then, and the new runtime is free",
            of(tenant.as_ref())
        ),
        Advice::ApiFailed { request, reason } => format!("{request}: {reason}"),
        Advice::Debugger(tenant, address) => {
            format!("the debugger{} listens on {address}", of(tenant.as_ref()))
        }
    })
}

/// What an extension did, or did not do.
fn extension_fault_text(fault: &ExtensionFault) -> String {
    match fault {
        ExtensionFault::Ended(name, status) => {
            format!("the extension `{name}` ended ({})", how_it_ended(*status))
        }
        ExtensionFault::Unregistered(name) => format!("the extension `{name}` did not register"),
        ExtensionFault::Unready(name) => {
            format!("the extension `{name}` did not ask for its first event")
        }
    }
}

/// What happened, and what to do.
fn not_started_text(not_started: &NotStarted) -> Option<(String, String)> {
    let NotStarted { command, handler, extension, failure, after, ports, .. } = not_started;
    let command = FunctionCommand { words: command, handler: handler.as_deref() };
    if let Some(extension) = extension {
        let help = "an external extension is a program that registers and then asks for events, \
                    again and again; its output is in the log";
        let what = extension_fault_text(extension);
        return Some((format!("{what}, so the function did not start"), help.to_owned()));
    }
    Some(match failure {
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
        Failure::Posted { error_type, .. } => {
            let summary = failure.summary();
            let help = help_for_an_error(error_type, &summary, handler.as_deref());
            (format!("the function can't be loaded: {summary}"), help)
        }
        Failure::OutOfMemory => (
            "the function needs more memory to start than it has".to_owned(),
            "--memory-size gives it more".to_owned(),
        ),
        Failure::Extension(error_type, reason) => {
            let help = "its output is in the log; --extension names it".to_owned();
            (format!("an extension failed: {error_type}: {reason}"), help)
        }
        Failure::InvalidEntrypoint { plain, remedy, .. } => {
            let help = remedy.clone().unwrap_or_else(|| command.help_for_no_start());
            (format!("the function can't be started: {plain}"), help)
        }
        Failure::ResponseTooLarge | Failure::TruncatedResponse | Failure::Service(_) => {
            return None;
        }
    })
}

/// The command of a function, for what its program tells.
struct FunctionCommand<'a> {
    words: &'a [OsString],
    /// What mtl runs with it, where it isn't the user's own.
    handler: Option<&'a str>,
}

impl FunctionCommand<'_> {
    fn help_for_silence(&self, listens: bool) -> String {
        if self.handler.is_some() && !listens {
            return "what its file does when it is loaded takes long; --init-timeout gives it more \
                    time"
                .to_owned();
        }
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
        if self.handler.is_some() {
            return "its file ends the process when it is loaded, as with sys.exit or process.exit; \
                    its output is in the log above"
                .to_owned();
        }
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

    fn help_for_no_start(&self) -> String {
        let program = self.program();
        if self.handler.is_some() {
            return format!(
                "`{program}` is looked for in the PATH that mtl was started with; --runtime names \
                 another one"
            );
        }
        let ending = program.rsplit_once('.').map(|(_, ending)| ending);
        if ending
            .is_some_and(|ending| ["py", "js", "mjs", "cjs", "ts", "handler"].contains(&ending))
        {
            return "a handler of Python or Node.js is served with --handler FILE.FUNCTION, such as \
                    --handler app.handler"
                .to_owned();
        }
        "what comes after `--` is a program, which is started for each environment".to_owned()
    }

    fn build_tool(&self) -> Option<&str> {
        let program = self.program();
        BUILD_TOOLS.into_iter().find(|tool| program == *tool)
    }

    fn program(&self) -> String {
        let program = self.words.first().map(Path::new).and_then(Path::file_name);
        program.unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Display for FunctionCommand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(handler) = self.handler {
            return f.write_str(handler);
        }
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        f.write_str(&words.join(" "))
    }
}

fn of(tenant: Option<&TenantId>) -> String {
    tenant.map(|id| format!(" of tenant `{id}`")).unwrap_or_default()
}

fn not_the_tool(tool: &str) -> String {
    if ["npm", "npx", "yarn", "pnpm", "tsc"].contains(&tool) {
        return format!(
            "`{tool}` would be started for every environment, and a handler isn't what it starts: \
             serve that with `mtl serve --handler index.handler`"
        );
    }
    format!(
        "`{tool}` would be started for every environment: build first, and serve what was built, \
         such as `mtl serve -- ./my-function`"
    )
}

const HANDLER: &str =
    "--handler is FILE.FUNCTION: the file without its ending, and what it exports";

const PACKAGES: &str = "install its packages in this folder, as with `npm install`";

fn help_for_an_error(error_type: &str, message: &str, handler: Option<&str>) -> String {
    let text = match error_type {
        "Runtime.HandlerNotFound" => HANDLER,
        "Runtime.ImportModuleError" if message.ends_with("is not a package") => HANDLER,
        "Runtime.ImportModuleError" if is_of_handler(message, handler) => {
            "the file of the handler is not there; code that must be built is built first, such as \
             with `sam build` or `tsc`"
        }
        "Runtime.ImportModuleError" if message.contains("'./") || message.contains("'../") => {
            "a file that it imports is not there"
        }
        "Runtime.ImportModuleError" if message.contains("No module named") => {
            "install it for the interpreter that is used; a virtual environment must be active \
             where mtl is started"
        }
        "Runtime.ImportModuleError" if message.contains("Cannot find") => PACKAGES,
        "Runtime.ImportModuleError" => "what its file imports is not in that module",
        "Runtime.UserCodeSyntaxError" => "the trace in the log says where",
        // For ECMAScript modules Node.js has errors without a type of their own.
        _ if message.contains("Cannot find package") => PACKAGES,
        _ if message.contains("Cannot find module") => "a file that it imports is not there",
        _ => "the log has more",
    };
    text.to_owned()
}

/// Whether what can't be imported is the file of the handler itself.
fn is_of_handler(message: &str, handler: Option<&str>) -> bool {
    let Some(handler) = handler else { return false };
    let names = [handler.rsplit_once('.'), handler.split_once('.')].into_iter().flatten();
    let mut files = names.flat_map(|(file, _)| {
        let alone = file.rsplit('/').next().unwrap_or(file);
        [file.to_owned(), file.replace('/', "."), alone.to_owned()]
    });
    files.any(|file| {
        message.ends_with(&format!("No module named '{file}'"))
            // Node.js says below from where.
            || message.contains(&format!("Cannot find module '{file}'"))
    })
}

/// What to do about a program that can't be started.
#[must_use]
pub(crate) fn help_for_no_start(words: &[OsString]) -> String {
    FunctionCommand { words, handler: None }.help_for_no_start()
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
        let mut log = AdviceLog::new(1, vec![format!("{plain}; until")]);
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
