//! `mtl serve`: starts the emulator, says where it is and what it serves, and stops it by signals.

mod say;
mod shell;
mod signals;

mod function_command;
mod load_problem;

mod advice_text;

mod advice;
mod api;
mod extensions;
mod reload;
mod run_command;
mod summary;
mod variables;

pub(crate) mod args;
mod function_args;

mod start_warnings;

mod capacity;

mod function;

mod single_function;
mod template;
mod watched_paths;

mod plan;

mod announcement;
mod notices;
mod serving;
mod start_failure;
mod stopping;

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime;
use tracing::debug;

use crate::cli::failure::Failure;
use crate::emulator::RunningEmulator;
use crate::system::server_file::ServerFile;
use advice::AdviceLog;
use announcement::Announcement;
use args::ServeArgs;
use plan::ServePlan;
use run_command::RunCommand;
use say::{say, warn};
use serving::Serving;
use signals::Signals;
use start_warnings::StartWarning;

/// Serves until a signal or the command of `--run` ends it, and returns the exit code.
///
/// # Errors
///
/// When an argument is wrong, or the emulator does not start.
pub(crate) fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    args.check()?;
    // One thread serves all: the function's processes do the work, and a second one makes the way
    // of a request longer.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the async runtime")?;
    let code = runtime.block_on(async {
        let mut signals = Signals::listen().context("failed to listen to signals")?;
        if let Some(command) = &args.build {
            tokio::select! {
                built = reload::first_build(command) => built?,
                signal = signals.next() => return Ok(signals::exit_code(signal)),
            }
        }
        serve(args.plan()?, signals).await
    });
    // A disk that hangs must not keep mtl from ending.
    runtime.shutdown_background();
    code
}

async fn serve(plan: ServePlan, signals: Signals) -> Result<ExitCode, Failure> {
    say(&plan.served);
    for warning in &plan.warnings {
        warn(&warning.to_string());
    }
    let unstartable = plan.warnings.iter().filter_map(StartWarning::unstartable);
    let unstartable = unstartable.map(str::to_owned).collect();
    let announcement = Announcement::new(&plan.config);
    // It is needed for as long as functions are started.
    let _inline_code = plan.inline;
    let emulator = RunningEmulator::start(plan.config).await.map_err(start_failure::failure)?;
    debug!(endpoint = emulator.endpoint(), "serving");
    let server_file = ServerFile::publish(&plan.folder, &emulator.endpoint())
        .inspect_err(|error| warn(&format!("`mtl invoke` needs --endpoint: {error}")));
    announcement.say(&emulator);
    let command = plan.run.map(|command| RunCommand::start(&command, &emulator)).transpose()?;
    let reloading = plan.reload.map(|reload| reload.start(emulator.functions().clone()));
    let advice = AdviceLog::new(emulator.functions().all().len(), unstartable);
    let mut serving = Serving { emulator, signals, command, advice };
    let reason = serving.until_stopped().await?;
    drop(reloading);
    drop(server_file);
    Ok(stopping::stop(serving, reason, plan.grace).await)
}
