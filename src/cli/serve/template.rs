//! `--template`, or the template of this folder: its functions, each with what runs it. What can't be run
//! is said, and the others are served.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::cli::failure::{Exit, Failure};
use crate::cli::serve::args::ServeArgs;
use crate::cli::serve::function::{Description, FunctionsToServe, Managed, RuntimeProgram};
use crate::emulator::config::Runtime;
use crate::emulator::template::functions::function::{Code, TemplateFunction};
use crate::emulator::template::functions::refusal::RefusedFunction;
use crate::emulator::template::input::{TemplateError, TemplateInput};
use crate::emulator::template::{Template, read};
use crate::environment::runtime_client::RuntimeClient;

/// The files that are looked for, as SAM does.
const FOUND: [&str; 2] = ["template.yaml", "template.yml"];

impl ServeArgs {
    /// The template to serve: the one that was asked for, or that of the folder if nothing else was.
    pub(super) fn template_file(&self, folder: &Path) -> Option<PathBuf> {
        if let Some(file) = &self.template.template {
            return Some(file.clone());
        }
        let function = &self.function;
        let is_other =
            !self.command.is_empty() || function.handler.is_some() || function.attach.is_some();
        let found = FOUND.into_iter().find(|name| folder.join(name).is_file());
        found.filter(|_| !is_other).map(PathBuf::from)
    }

    /// The functions and the APIs of a template.
    pub(super) fn of_template(&self, file: &Path) -> Result<FunctionsToServe, Failure> {
        let input = TemplateInput {
            file: file.to_owned(),
            parameters: self.template.parameters.iter().cloned().collect(),
            region: self.function.region(),
            account_id: self.function.account_id.clone(),
        };
        let template = read(&input).map_err(wrong)?;
        let Template { functions, refused, apis, warnings } = template;
        let mut served = FunctionsToServe { apis, warnings, ..FunctionsToServe::default() };
        self.known_names(&functions, &refused)?;
        let refused =
            refused.into_iter().map(|refused| (refused.logical_id, refused.reason.to_string()));
        let mut unserved: BTreeMap<String, String> = refused.collect();
        let mut built = Vec::new();
        for function in functions {
            let logical_id = function.logical_id.clone();
            built.extend(
                matches!(function.program.code, Code::Built(_)).then(|| logical_id.clone()),
            );
            let folder = folder_of(&function, &mut served.inline)?;
            match self.program_of(&function, folder) {
                Ok(program) => served.functions.push(self.configure(function.into(), program)?),
                Err(reason) => drop(unserved.insert(logical_id, reason)),
            }
        }
        let reasons: Vec<_> = unserved
            .iter()
            .map(|(name, reason)| format!("{name} is not served: {reason}"))
            .collect();
        let shown = file.file_name().unwrap_or_default().display();
        if served.functions.is_empty() {
            let reasons =
                if reasons.is_empty() { "it has none".to_owned() } else { reasons.join("\n") };
            let error = format!("`{shown}` has no function that can be served\n{reasons}");
            let failure = Failure::new(Exit::Failed, anyhow::Error::msg(error));
            return Err(failure.help("`mtl serve -- COMMAND` serves something else"));
        }
        served.warnings.extend(reasons);
        if let Some(name) = &self.function.function_name
            && !served.functions.iter().any(|one| one.function.name == *name)
        {
            let warning =
                format!("no function of the template has the name `{name}`: each has its own");
            served.warnings.push(warning);
        }
        let names: Vec<_> = served.functions.iter().map(|one| one.function.name.as_str()).collect();
        served.sentence = format!("serving {} of `{shown}`", names.join(", "));
        if !built.is_empty() {
            let built = built.join(", ");
            served.sentence +=
                &format!("; {built} as `sam build` left it in `.aws-sam`, whatever changed since");
        }
        Ok(served)
    }

    fn known_names(
        &self,
        functions: &[TemplateFunction],
        refused: &[RefusedFunction],
    ) -> Result<(), Failure> {
        for (name, _) in &self.template.commands {
            // Why one can't be served is said anyway.
            let is_refused = refused.iter().any(|known| known.logical_id == *name);
            let is = |known: &TemplateFunction| known.name == *name || known.logical_id == *name;
            if !is_refused && !functions.iter().any(is) {
                let failure = Failure::usage(format!("the template has no function `{name}`"));
                return Err(
                    failure.help("--command names a function by its logical id or its name")
                );
            }
        }
        Ok(())
    }

    /// What runs a function, or why nothing does.
    fn program_of(
        &self,
        function: &TemplateFunction,
        folder: PathBuf,
    ) -> Result<RuntimeProgram, String> {
        let asked = self
            .template
            .commands
            .iter()
            .find(|(name, _)| *name == function.name || *name == function.logical_id);
        if let Some((_, command)) = asked {
            let command = format!("exec {command}");
            let words = ["/bin/sh".into(), "-c".into(), command.into()];
            return Ok(program(Runtime::Command, words.into(), folder));
        }
        let runtime = function.program.runtime.as_deref().unwrap_or("provided");
        if runtime.starts_with("python") || runtime.starts_with("nodejs") {
            let handler = function.program.handler.as_deref().unwrap_or_default();
            let client = RuntimeClient::find(handler, Some(runtime), &folder);
            let client = client.map_err(|error| error.to_string())?;
            let command = client.command(&folder);
            return Ok(program(Runtime::Handler { client, debugged: false }, command, folder));
        }
        let name = &function.logical_id;
        if !runtime.starts_with("provided") {
            return Err(format!(
                "mtl has no client for its runtime `{runtime}`; --command {name}=COMMAND says what \
                 runs it"
            ));
        }
        if !folder.join("bootstrap").is_file() {
            return Err(format!(
                "there is no `bootstrap` in `{}`; build it, such as with `sam build`, or say \
                 what runs it with --command {name}=COMMAND",
                folder.display()
            ));
        }
        Ok(program(Runtime::Command, vec!["./bootstrap".into()], folder))
    }
}

impl From<TemplateFunction> for Description {
    fn from(function: TemplateFunction) -> Self {
        let variables = function.variables.into_iter();
        Self {
            name: Some(function.name),
            logical_id: Some(function.logical_id),
            managed: Managed {
                runtime: function.program.runtime,
                handler: function.program.handler,
            },
            variables: variables.map(|(name, value)| (name.into(), value.into())).collect(),
            architecture: Some(function.architecture),
            limits: function.limits,
            events: function.events,
            tenant_isolation_mode: Some(function.tenant_isolation_mode),
            log_format: function.log_format,
        }
    }
}

fn program(runtime: Runtime, command: Vec<OsString>, task_root: PathBuf) -> RuntimeProgram {
    RuntimeProgram { runtime, command, argv0: None, task_root }
}

/// The folder of a function's code. Code inside the template gets one of its own, as on Lambda.
fn folder_of(function: &TemplateFunction, inline: &mut Vec<TempDir>) -> Result<PathBuf, Failure> {
    let text = match &function.program.code {
        Code::Folder(folder) | Code::Built(folder) => return Ok(folder.clone()),
        Code::Inline(text) => text,
    };
    let is_python =
        function.program.runtime.as_ref().is_some_and(|runtime| runtime.starts_with("python"));
    let name = if is_python { "index.py" } else { "index.js" };
    let folder = tempfile::tempdir().context("failed to create a temporary folder")?;
    let path = folder.path().to_owned();
    std::fs::write(path.join(name), text).context("failed to write a temporary file")?;
    inline.push(folder);
    Ok(path)
}

fn wrong(error: TemplateError) -> Failure {
    let help = match &error {
        TemplateError::Read(..) => "--template names a file",
        TemplateError::Wrong { .. } => {
            "correct it there; `mtl serve -- COMMAND` serves something else"
        }
        TemplateError::Parameter { .. } => "--parameter sets what is in the section `Parameters`",
    };
    Failure::new(Exit::Usage, error).help(help)
}
