//! The functions and the APIs of a template, configured, and what a person is told of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cli::failure::{Exit, Failure};
use crate::cli::serve::args::{ServeArgs, TemplateArgs};
use crate::cli::serve::function::{Description, FunctionsToServe, Managed};
use crate::cli::serve::template::program::{ProgramRefusal, code_folder, program_of};
use crate::emulator::template::functions::function::{Code, TemplateFunction};
use crate::emulator::template::functions::refusal::FunctionRefusal;
use crate::emulator::template::input::{TemplateError, TemplateInput};
use crate::emulator::template::{Template, read};
use crate::environment::interpreter::Interpreters;

/// The names of the files that are looked for, as SAM does.
const TEMPLATE_FILES: [&str; 2] = ["template.yaml", "template.yml"];

/// Why a function of the template isn't served.
#[derive(Debug, Error)]
enum NotServed {
    /// AWS refuses it, or it can't be here.
    #[error(transparent)]
    Refused(#[from] FunctionRefusal),
    /// Nothing runs it.
    #[error(transparent)]
    NotRun(#[from] ProgramRefusal),
}

impl ServeArgs {
    /// The template to serve: the one that was asked for, or that of the folder if nothing else was.
    pub(crate) fn template_file(&self, folder: &Path) -> Option<PathBuf> {
        if let Some(file) = &self.template.template {
            return Some(file.clone());
        }
        let function = &self.function;
        let is_other =
            !self.command.is_empty() || function.handler.is_some() || function.attach.is_some();
        let found = TEMPLATE_FILES.into_iter().find(|name| folder.join(name).is_file());
        found.filter(|_| !is_other).map(PathBuf::from)
    }

    /// The functions and the APIs of a template.
    ///
    /// # Errors
    ///
    /// When the file is no template, an argument names no function of it, or no function can be served.
    pub(crate) fn of_template(&self, file: &Path) -> Result<FunctionsToServe, Failure> {
        let template = read(&self.template_input(file)).map_err(template_failure)?;
        check_commands(&self.template, &template)?;
        let Template { functions, refused, apis, warnings } = template;
        let mut served = FunctionsToServe { apis, warnings, ..FunctionsToServe::default() };
        let refused = refused.into_iter().map(|one| (one.logical_id, NotServed::from(one.reason)));
        let mut not_served: BTreeMap<String, NotServed> = refused.collect();
        let built = built(&functions);
        let mut interpreters = Interpreters::default();
        for function in functions {
            let folder = code_folder(&function.program, &mut served.inline)?;
            match program_of(&self.template, &function, folder, &mut interpreters) {
                Ok(program) => served.functions.push(self.configure(function.into(), program)?),
                Err(reason) => drop(not_served.insert(function.logical_id, reason.into())),
            }
        }
        let reasons: Vec<_> = not_served
            .iter()
            .map(|(logical_id, reason)| format!("{logical_id} is not served: {reason}"))
            .collect();
        let shown = file.file_name().unwrap_or_default().display().to_string();
        if served.functions.is_empty() {
            return Err(nothing_served(&shown, &reasons));
        }
        served.warnings.extend(reasons);
        served.warnings.extend(self.warning_of_name(&served));
        served.sentence = sentence(&served, &shown, &built);
        Ok(served)
    }

    fn template_input(&self, file: &Path) -> TemplateInput {
        TemplateInput {
            file: file.to_owned(),
            parameters: self.template.parameters.iter().cloned().collect(),
            region: self.function.region(),
            account_id: self.function.account_id.clone(),
        }
    }

    /// A name that was given is for a function without a template.
    fn warning_of_name(&self, served: &FunctionsToServe) -> Option<String> {
        let name = self.function.function_name.as_ref()?;
        let is_one = served.functions.iter().any(|one| one.function.name == *name);
        (!is_one)
            .then(|| format!("no function of the template has the name `{name}`: each has its own"))
    }
}

/// Each `--command` must name a function of the template.
fn check_commands(args: &TemplateArgs, template: &Template) -> Result<(), Failure> {
    for (name, _) in &args.commands {
        // Why a refused one can't be served is said anyway.
        let is_refused = template.refused.iter().any(|known| known.logical_id == *name);
        let is_it = |known: &TemplateFunction| known.name == *name || known.logical_id == *name;
        if !is_refused && !template.functions.iter().any(is_it) {
            let failure = Failure::usage(format!("the template has no function `{name}`"));
            return Err(failure.help("--command names a function by its logical id or its name"));
        }
    }
    Ok(())
}

/// The logical ids of the functions whose code is what `sam build` has made.
fn built(functions: &[TemplateFunction]) -> Vec<String> {
    let built = functions.iter().filter(|one| matches!(one.program.code, Code::Built(_)));
    built.map(|one| one.logical_id.clone()).collect()
}

fn nothing_served(file: &str, reasons: &[String]) -> Failure {
    let reasons = if reasons.is_empty() { "it has none".to_owned() } else { reasons.join("\n") };
    let error = format!("`{file}` has no function that can be served\n{reasons}");
    Failure::new(Exit::Failed, anyhow::Error::msg(error))
        .help("`mtl serve -- COMMAND` serves something else")
}

/// What is served, for a person.
fn sentence(served: &FunctionsToServe, file: &str, built: &[String]) -> String {
    let names: Vec<_> = served.functions.iter().map(|one| one.function.name.as_str()).collect();
    let mut sentence = format!("serving {} of `{file}`", names.join(", "));
    if !built.is_empty() {
        let built = built.join(", ");
        sentence +=
            &format!("; {built} as `sam build` left it in `.aws-sam`, whatever changed since");
    }
    sentence
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

fn template_failure(error: TemplateError) -> Failure {
    let help = match &error {
        TemplateError::Read(..) => "--template names a file",
        TemplateError::Wrong { .. } => {
            "correct it there; `mtl serve -- COMMAND` serves something else"
        }
        TemplateError::Parameter { .. } => "--parameter sets what is in the section `Parameters`",
    };
    Failure::new(Exit::Usage, error).help(help)
}
