//! What runs a function of a template: a command that was asked for, a client of Lambda's runtimes, or its
//! `bootstrap`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;
use thiserror::Error;

use crate::cli::failure::Failure;
use crate::cli::serve::args::TemplateArgs;
use crate::cli::serve::function::RuntimeProgram;
use crate::emulator::config::Runtime;
use crate::emulator::template::functions::function::{Code, TemplateFunction, TemplateProgram};
use crate::environment::interpreter::Interpreters;
use crate::environment::runtime_client::{HandlerError, RuntimeClient};

/// Why nothing runs a function.
#[derive(Debug, Error)]
pub(super) enum ProgramRefusal {
    /// Its handler can't be run.
    #[error(transparent)]
    Handler(#[from] HandlerError),
    /// Its managed runtime is none that mtl has a client for.
    #[error(
        "mtl has no client for its runtime `{runtime}`; --command {function}=COMMAND says what runs it"
    )]
    Runtime {
        /// The managed runtime.
        runtime: String,
        /// The logical id of the function.
        function: String,
    },
    /// There is no program in the folder of its code.
    #[error(
        "there is no `bootstrap` in `{}`; build it, such as with `sam build`, or say what runs it with \
         --command {function}=COMMAND",
        folder.display()
    )]
    Bootstrap {
        /// The folder.
        folder: PathBuf,
        /// The logical id of the function.
        function: String,
    },
}

/// What runs a function whose code is in this folder.
///
/// # Errors
///
/// When nothing does.
pub(super) fn program_of(
    args: &TemplateArgs,
    function: &TemplateFunction,
    folder: PathBuf,
    interpreters: &mut Interpreters,
) -> Result<RuntimeProgram, ProgramRefusal> {
    if let Some(command) = asked_for(args, function) {
        let words = ["/bin/sh".into(), "-c".into(), format!("exec {command}").into()];
        return Ok(program(Runtime::Command, words.into(), folder));
    }
    let runtime = function.program.runtime.as_deref().unwrap_or("provided");
    if runtime.starts_with("python") || runtime.starts_with("nodejs") {
        let handler = function.program.handler.as_deref().unwrap_or_default();
        let client = RuntimeClient::find(handler, Some(runtime), &folder, interpreters)?;
        let command = client.command(&folder);
        return Ok(program(Runtime::Handler { client, debugged: false }, command, folder));
    }
    let function = function.logical_id.clone();
    if !runtime.starts_with("provided") {
        return Err(ProgramRefusal::Runtime { runtime: runtime.to_owned(), function });
    }
    if !folder.join("bootstrap").is_file() {
        return Err(ProgramRefusal::Bootstrap { folder, function });
    }
    Ok(program(Runtime::Command, vec!["./bootstrap".into()], folder))
}

/// The command of `--command` for a function, which names it by its name or its logical id.
fn asked_for<'a>(args: &'a TemplateArgs, function: &TemplateFunction) -> Option<&'a str> {
    let is_it = |name: &String| *name == function.name || *name == function.logical_id;
    let asked = args.commands.iter().find(|(name, _)| is_it(name));
    asked.map(|(_, command)| command.as_str())
}

fn program(runtime: Runtime, command: Vec<OsString>, task_root: PathBuf) -> RuntimeProgram {
    RuntimeProgram { runtime, command, argv0: None, task_root }
}

/// The folder of a function's code. Code inside the template gets a temporary one, in a file with the name
/// that Lambda gives it; `inline` keeps those.
///
/// # Errors
///
/// When the file can't be written.
pub(super) fn code_folder(
    program: &TemplateProgram,
    inline: &mut Vec<TempDir>,
) -> Result<PathBuf, Failure> {
    let text = match &program.code {
        Code::Folder(folder) | Code::Built(folder) => return Ok(folder.clone()),
        Code::Inline(text) => text,
    };
    let folder = tempfile::tempdir().context("failed to create a temporary folder")?;
    write_inline(program, text, folder.path()).context("failed to write a temporary file")?;
    let path = folder.path().to_owned();
    inline.push(folder);
    Ok(path)
}

fn write_inline(program: &TemplateProgram, text: &str, folder: &Path) -> std::io::Result<()> {
    let is_python = program.runtime.as_ref().is_some_and(|runtime| runtime.starts_with("python"));
    std::fs::write(folder.join(if is_python { "index.py" } else { "index.js" }), text)
}
