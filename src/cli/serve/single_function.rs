//! The function that is served without a template: a command, a handler, runtimes that the user starts,
//! `./bootstrap`, or the built-in example.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::failure::Failure;
use crate::cli::serve::args::ServeArgs;
use crate::cli::serve::function::{Description, FunctionsToServe, Managed, RuntimeProgram};
use crate::cli::serve::reload;
use crate::emulator::config::Runtime;
use crate::example_function;

impl ServeArgs {
    /// The one function that the arguments describe.
    pub(super) fn of_one(&self, folder: &Path) -> Result<FunctionsToServe, Failure> {
        let runtime = self.function.runtime(folder)?;
        let SingleFunction { command, argv0, managed, sentence } =
            one(&self.command, &runtime, folder)?;
        let program = RuntimeProgram { runtime, command, argv0, task_root: folder.to_owned() };
        let described = Description {
            managed: Managed { runtime: managed, handler: None },
            ..Description::default()
        };
        let function = self.configure(described, program)?;
        let sentence = format!("{sentence}{}", with_extensions(&function.extensions));
        Ok(FunctionsToServe { functions: vec![function], sentence, ..FunctionsToServe::default() })
    }
}

/// A single function.
struct SingleFunction {
    command: Vec<OsString>,
    /// Where it differs from what the command says.
    argv0: Option<OsString>,
    /// The managed runtime that Lambda would run it on.
    managed: Option<String>,
    /// What it is, for a person.
    sentence: String,
}

/// What the arguments and the folder say about it.
fn one(command: &[OsString], runtime: &Runtime, folder: &Path) -> Result<SingleFunction, Failure> {
    let of = |command, sentence| SingleFunction { command, argv0: None, managed: None, sentence };
    match runtime {
        Runtime::Handler { client, .. } => {
            let managed = Some(client.runtime().to_owned()).filter(|name| !name.is_empty());
            let sentence = format!("serving {}", client.described());
            // Where mtl's own client is, the emulator knows.
            return Ok(SingleFunction { managed, ..of(client.command(folder), sentence) });
        }
        Runtime::Attached(count) => {
            let noun = if *count == 1 { "a runtime" } else { "runtimes" };
            return Ok(of(vec!["bootstrap".into()], format!("serving {noun} that you start")));
        }
        Runtime::Command => {}
    }
    if !command.is_empty() {
        let shown: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
        let sentence = format!("serving `{}`", shown.join(" "));
        return Ok(of(command.to_vec(), sentence));
    }
    if reload::program(&["./bootstrap".into()], folder).is_some() {
        let sentence = "serving `./bootstrap` of this folder".to_owned();
        return Ok(of(vec!["./bootstrap".into()], sentence));
    }
    let program = std::env::current_exe().context("failed to find mtl's own program")?;
    let sentence = "serving the built-in example function; `mtl serve -- COMMAND` serves yours";
    let argv0 = Some(example_function::PROCESS_NAME.into());
    Ok(SingleFunction { argv0, ..of(vec![program.into()], sentence.to_owned()) })
}

fn with_extensions(extensions: &[PathBuf]) -> String {
    if extensions.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = extensions.iter().map(|path| format!("`{}`", path.display())).collect();
    let noun = if shown.len() == 1 { "extension" } else { "extensions" };
    format!(", with the {noun} {}", shown.join(", "))
}
