//! What the arguments about a function stand for where more than their own text decides: the files of a
//! handler, files of variables, the shell's Region.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::failure::{Exit, Failure};
use crate::cli::serve::args::FunctionArgs;
use crate::cli::serve::variables::env_file;
use crate::emulator::config::Runtime;
use crate::environment::interpreter::Interpreters;
use crate::environment::runtime_client::{HandlerError, RuntimeClient};

impl FunctionArgs {
    /// Where its runtimes come from.
    pub(super) fn runtime(&self, folder: &Path) -> Result<Runtime, Failure> {
        if let Some(count) = self.attach {
            return Ok(Runtime::Attached(count.into()));
        }
        let Some(client) = self.runtime_client(folder)? else { return Ok(Runtime::Command) };
        if self.inspect && !client.has_debugger() {
            let interpreter = client.interpreter();
            let failure = Failure::usage(format!("`{interpreter}` has no debugpy"));
            let help = format!("install it: {interpreter} -m pip install debugpy");
            return Err(failure.help(help));
        }
        Ok(Runtime::Handler { client, debugged: self.inspect })
    }

    fn runtime_client(&self, folder: &Path) -> Result<Option<RuntimeClient>, Failure> {
        let Some(handler) = &self.handler else { return Ok(None) };
        let client = RuntimeClient::find(
            handler,
            self.runtime.as_deref(),
            folder,
            &mut Interpreters::default(),
        );
        client.map(Some).map_err(|error| {
            let help = match error {
                HandlerError::Malformed(_) => "app.handler is the function `handler` of app.py",
                HandlerError::NoFile(_) => "start mtl in the folder of the handler's file",
                HandlerError::Ambiguous(_) => "say which with `--runtime python3` or `nodejs`",
                HandlerError::Runtime(_) => "serve other languages with `mtl serve -- COMMAND`",
            };
            Failure::new(Exit::Usage, error).help(help)
        })
    }

    /// The variables that were given, the later one of a name winning.
    pub(super) fn given_variables(&self) -> Result<Vec<(OsString, OsString)>, Failure> {
        let mut variables = Vec::new();
        for file in &self.env_files {
            variables.extend(env_file(file)?);
        }
        variables.extend(self.variables.iter().cloned());
        Ok(variables)
    }

    /// The Region that was given, or the one that the shell has for the SDKs.
    pub(super) fn region(&self) -> String {
        let given = self.region.clone();
        given
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .unwrap_or_else(|| "us-east-1".to_owned())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
