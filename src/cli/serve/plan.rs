//! What `mtl serve` will do, made of its arguments, with the help of the modules beside it for a function,
//! a template, an API and the limits. Every check comes before the emulator is started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::cli::failure::Failure;
use crate::cli::serve::advice::help_for_no_start;
use crate::cli::serve::api;
use crate::cli::serve::args::{OutputArg, ServeArgs};
use crate::cli::serve::capacity::Capacity;
use crate::cli::serve::function::{Description, FunctionsToServe, Managed, RuntimeProgram};
use crate::cli::serve::reload::{self, Reload};
use crate::cli::serve::variables;
use crate::emulator::config::{
    BindAddress, Config, FunctionConfig, LogConfig, Port, ProcessConfig, Runtime, Watchdog,
};
use crate::endpoints::management_api::configuration;
use crate::lambda::function::Function;
use crate::system::process::launch::Launch;
use crate::system::watch::Scope;
use crate::telemetry::logs::Stdout;
use crate::{endpoints::front_door, example_function, system::memory};

const DEFAULT_PORT: u16 = 7000;

/// What `serve` will do.
#[derive(Debug)]
pub(crate) struct ServePlan {
    /// What is served and why, as a sentence for a person.
    pub(crate) served: String,
    /// What the user should know before the first invocation.
    pub(crate) warnings: Vec<String>,
    /// The folder `serve` runs in.
    pub(crate) folder: PathBuf,
    /// What is watched for new code, and how that is built.
    pub(crate) reload: Option<Reload>,
    /// What runs meanwhile, if serving is for its sake.
    pub(crate) run: Option<OsString>,
    /// How long a stop waits.
    pub(crate) grace: Duration,
    /// The folders of code that stands in a template; they go with the value.
    pub(crate) inline: Vec<TempDir>,
    /// Everything else.
    pub(crate) config: Config,
}

impl ServeArgs {
    /// Checks what doesn't depend on the code, which may have to be built first.
    ///
    /// # Errors
    ///
    /// When something can't be used.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.run.as_ref().is_some_and(|command| command.is_empty()) {
            return Err(
                Failure::usage("--run has no command").help("it may be a variable that is not set")
            );
        }
        // What the code is made from is there, also where the code isn't.
        watched(&self.watch, std::iter::empty())?;
        self.log_dir.as_deref().map_or(Ok(()), check_log_dir)
    }

    /// Checks everything else that can be checked before something is started.
    ///
    /// # Errors
    ///
    /// When a file can't be read or a value can't be used.
    pub(crate) fn plan(self) -> Result<ServePlan, Failure> {
        let folder = std::env::current_dir().context("failed to find the current folder")?;
        let template = self.template_file(&folder);
        let FunctionsToServe { functions, apis, sentence, inline, mut warnings } = match &template {
            Some(file) => self.of_template(file)?,
            None => self.of_one(&folder)?,
        };
        let template = template.map(|file| folder.join(file));
        let all: Vec<_> = functions.iter().map(|one| &one.function).collect();
        let apis = self.api.clone().apis(&all, apis);
        for api in &apis {
            warnings.extend(api::advice(&api.api, &all));
        }
        for config in &functions {
            self.warn_of(config, &mut warnings);
        }
        let Capacity { limits, function_file_descriptors } =
            self.capacity(&functions, &mut warnings);
        let code = code_of(&functions).chain(template.clone());
        let reload = watched(&self.watch, code)?.map(|paths| {
            let log_dir = self.log_dir.as_ref().and_then(|folder| std::path::absolute(folder).ok());
            let scope = Scope { paths, without: log_dir, without_files: reload::own_output() };
            let roots =
                functions.iter().map(|one| (one.function.name.clone(), one.task_root.clone()));
            Reload::new(scope, self.build, roots.collect(), template)
        });
        let config = Config {
            address: BindAddress {
                host: self.host.trim_matches(['[', ']']).to_owned(),
                port: self.port.map_or(Port::Preferred(DEFAULT_PORT), Port::Asked),
            },
            front_door: front_door::FrontDoorSettings {
                invocation_endpoint: self.invocation_endpoint,
                allowed_hosts: self.allow_host,
            },
            apis,
            account: configuration::AccountLimit { concurrency: self.limits.concurrency },
            limits,
            functions,
            local_endpoints: !self.no_local_endpoints,
            logs: LogConfig { stdout: stdout(self.output), folder: self.log_dir },
            processes: ProcessConfig { watchdog: Watchdog::OwnProgram, function_file_descriptors },
        };
        let (run, grace) = (self.run, self.grace);
        Ok(ServePlan { served: sentence, warnings, folder, reload, run, grace, inline, config })
    }

    /// The one function that the arguments describe.
    fn of_one(&self, folder: &Path) -> Result<FunctionsToServe, Failure> {
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

    /// What its user should know of a function before the first invocation.
    fn warn_of(&self, config: &FunctionConfig, warnings: &mut Vec<String>) {
        let function = &config.function;
        if let Some(name) = variables::reserved(&function.variables) {
            let name = name.display();
            warnings.push(format!("Lambda sets `{name}` itself, so --env does not change it"));
        }
        if let Runtime::Handler { client, .. } = &config.runtime
            && let Some(version) = client.stand_in()
        {
            let (name, runtime) = (&function.name, client.runtime());
            warnings.push(format!(
                "{name} is for {runtime}, and runs on {version}: that is what `{}` is here",
                client.interpreter()
            ));
        }
        if !matches!(config.runtime, Runtime::Attached(_)) {
            warnings.extend(unstartable(function, &config.task_root));
        }
        if self.function.memory_size.is_some() && !memory::supported() {
            warnings.push(
                "this system doesn't tell the memory of other processes, so --memory-size is not \
                 enforced"
                    .to_owned(),
            );
        }
    }
}

/// Where the code of functions is.
fn code_of(functions: &[FunctionConfig]) -> impl Iterator<Item = PathBuf> {
    functions.iter().flat_map(|FunctionConfig { task_root, function, .. }| {
        // The program is code also where git ignores it, as it does what compilers write.
        [task_root.clone()].into_iter().chain(reload::program(&function.program.command, task_root))
    })
}

/// The paths to watch: those that were given, or where the code is.
fn watched(
    given: &[OsString],
    code: impl Iterator<Item = PathBuf>,
) -> Result<Option<Vec<PathBuf>>, Failure> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut paths: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
    if paths.iter().any(|path| path.as_os_str().is_empty()) {
        paths.retain(|path| !path.as_os_str().is_empty());
        paths.extend(code);
    }
    if let Some(absent) = paths.iter().find(|path| !path.exists()) {
        let failure = Failure::usage(format!("there is no `{}` to watch", absent.display()));
        return Err(failure.help("--watch names a file or a folder"));
    }
    let absolute = paths.iter().map(std::path::absolute).collect::<Result<BTreeSet<_>, _>>();
    Ok(Some(absolute.context("failed to find the current folder")?.into_iter().collect()))
}

fn with_extensions(extensions: &[PathBuf]) -> String {
    if extensions.is_empty() {
        return String::new();
    }
    let shown: Vec<_> = extensions.iter().map(|path| format!("`{}`", path.display())).collect();
    let noun = if shown.len() == 1 { "extension" } else { "extensions" };
    format!(", with the {noun} {}", shown.join(", "))
}

/// It is better to know at the start than with the first line.
fn check_log_dir(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    let usable = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    match usable {
        Ok(_) => Ok(()),
        Err(error) => {
            let error = anyhow::Error::new(error);
            let failure = error.context(format!("failed to write to the folder `{shown}`"));
            Err(Failure::from(failure).help("choose another one with --log-dir"))
        }
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

/// A command that can't be started doesn't end `serve`: it may be built a moment later.
fn unstartable(function: &Function, folder: &Path) -> Option<String> {
    let path = function.variables.iter().rev().find(|(name, _)| name == "PATH").cloned();
    let path = path.or_else(|| std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
    let launch = Launch {
        command: function.program.command.clone(),
        argv0: None,
        variables: path.into_iter().collect(),
        directory: folder.to_owned(),
    };
    let error = launch.check().err()?;
    let help = error.remedy().unwrap_or_else(|| help_for_no_start(&function.program.command));
    Some(format!(
        "{error}; until it can be started, invocations fail with Runtime.InvalidEntrypoint\nhelp: {help}"
    ))
}

fn stdout(output: OutputArg) -> Stdout {
    let stdout = std::io::stdout();
    match output {
        OutputArg::Json => Stdout::Json,
        OutputArg::Text if std::io::IsTerminal::is_terminal(&stdout) => Stdout::Terminal {
            color: anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never,
        },
        OutputArg::Text => Stdout::Lines,
    }
}
