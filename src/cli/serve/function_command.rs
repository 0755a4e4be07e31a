//! The command of a function, and what a user can do when it doesn't start, ends, or never asks for an
//! invocation.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

/// Programs that build others, or start them in a way of their own.
const BUILD_TOOLS: [&str; 14] = [
    "cargo", "go", "swift", "npm", "npx", "yarn", "pnpm", "mvn", "gradle", "make", "dotnet", "tsc",
    "docker", "sam",
];

/// The command of a function, for what its program tells.
pub(super) struct FunctionCommand<'a> {
    pub(super) words: &'a [OsString],
    /// What mtl runs with it, where it isn't the user's own.
    pub(super) handler: Option<&'a str>,
}

impl FunctionCommand<'_> {
    /// What to do when it runs and never asks for an invocation.
    pub(super) fn help_for_silence(&self) -> String {
        if self.handler.is_some() {
            return "what its file does when it is loaded takes long; --init-timeout gives it more \
                    time"
                .to_owned();
        }
        if let Some(tool) = self.build_tool() {
            return not_the_tool(tool);
        }
        "a function asks http://$AWS_LAMBDA_RUNTIME_API for invocations, as Lambda's runtime \
         clients do; --init-timeout gives one that starts slowly more time"
            .to_owned()
    }

    /// What to do when it listens on a port instead of asking for an invocation.
    pub(super) fn help_for_a_server(&self) -> String {
        if let Some(tool) = self.build_tool() {
            return not_the_tool(tool);
        }
        "a function is no web server: it asks http://$AWS_LAMBDA_RUNTIME_API for invocations, as \
         Lambda's runtime clients do; a web server needs an adapter, such as AWS's Lambda Web Adapter \
         with --extension"
            .to_owned()
    }

    /// What to do when it ends before it asks for an invocation.
    pub(super) fn help_for_an_end(&self) -> String {
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

    /// What to do when no process can be started.
    pub(super) fn help_for_no_start(&self) -> String {
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
