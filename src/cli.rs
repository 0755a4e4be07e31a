//! The command line: what each subcommand is called, and which one runs. What a subcommand does is in a
//! file of its name; `plan` is what its arguments come to, and `failure` how it ends.

mod completions;
mod failure;
mod help;
mod target;
mod tracing_output;
mod values;

mod invoke;
mod metrics;
mod serve;

use std::env;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Failure;
use crate::{example_function, system::watchdog};

/// The local Lambda for multi-tenant functions
#[derive(Debug, Parser)]
#[command(name = "mtl", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: clap::ColorChoice,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the local Lambda
    Serve(Box<serve::args::ServeArgs>),
    /// Invoke a function, here or on AWS
    Invoke(Box<invoke::args::InvokeArgs>),
    /// Show metrics per tenant, from here or from CloudWatch
    Metrics(Box<metrics::args::MetricsArgs>),
    /// Print the completion script of a shell
    Completions(completions::CompletionsArgs),
}

/// Runs the command line, or the example function or the watchdog where the name of the process says so,
/// and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let name = env::args_os().next().unwrap_or_default();
    if name == example_function::PROCESS_NAME {
        return example_function::main();
    }
    if name == watchdog::PROCESS_NAME {
        return watchdog::main();
    }
    let cli = Cli::parse();
    use_color(cli.color);
    let log = match tracing_output::start() {
        Ok(log) => log,
        Err(failure) => return failure.report(),
    };
    let code = run(cli.command).unwrap_or_else(Failure::report);
    if let Some(log) = log {
        log.finish();
    }
    code
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(args) => serve::run(*args),
        Command::Invoke(args) => invoke::run(*args).map(ExitCode::from),
        Command::Metrics(args) => metrics::run(*args).map(ExitCode::from),
        Command::Completions(args) => completions::run(&args).map(ExitCode::from),
    }
}

/// `anstream` decides by `NO_COLOR`, `CLICOLOR_FORCE` and the terminal unless it is told.
fn use_color(choice: clap::ColorChoice) {
    match choice {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}
