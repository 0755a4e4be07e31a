//! What `mtl serve` will do, made of its arguments, with the help of the modules beside it for a function,
//! a template, an API and the limits. Every check comes before the emulator is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::cli::failure::Failure;
use crate::cli::serve::api;
use crate::cli::serve::args::{OutputArg, ServeArgs};
use crate::cli::serve::capacity::Capacity;
use crate::cli::serve::function::FunctionsToServe;
use crate::cli::serve::reload::{self, Reload};
use crate::cli::serve::start_warnings::StartWarning;
use crate::cli::serve::watched_paths::{code_of, watched};
use crate::emulator::config::{BindAddress, Config, LogConfig, Port, ProcessConfig, Watchdog};
use crate::endpoints::front_door;
use crate::endpoints::management_api::configuration;
use crate::system::watch::Scope;
use crate::telemetry::logs::Stdout;

const DEFAULT_PORT: u16 = 7000;

/// What `serve` will do.
#[derive(Debug)]
pub(crate) struct ServePlan {
    /// What is served and why, as a sentence for a person.
    pub(crate) served: String,
    /// What the user should know before the first invocation.
    pub(super) warnings: Vec<StartWarning>,
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
        let FunctionsToServe { functions, apis, sentence, inline, warnings } = match &template {
            Some(file) => self.of_template(file)?,
            None => self.of_one(&folder)?,
        };
        let mut warnings: Vec<StartWarning> = warnings.into_iter().map(Into::into).collect();
        let template = template.map(|file| folder.join(file));
        let all: Vec<_> = functions.iter().map(|one| &one.function).collect();
        let apis = self.api.clone().apis(&all, apis);
        for api in &apis {
            warnings.extend(api::advice(&api.api, &all).map(StartWarning::from));
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
