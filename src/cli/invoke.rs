//! `mtl invoke`: one invocation from the payload to the exit code, or a load, or a check. How it travels is
//! for [`client`](crate::client) to know.

pub(crate) mod args;
mod check;
mod context;
mod load;
mod output;
mod payload;

use std::env;

use crate::cli::failure::{Exit, Failure};
use crate::cli::help::{self, LocalPlace, Place};
use crate::cli::target::block_on;
use crate::client::answer::InvokeAnswer;
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::target::Target;
use crate::client::{aws, local, stream};
use crate::system::server_file;
use args::{InvokeArgs, InvokeOptions};

/// Invokes the function once and prints its answer, or does what else the options ask for.
///
/// # Errors
///
/// When the options don't go together, the payload can't be read, there is no answer of the function,
/// or the function returned an error.
pub(crate) fn run(args: InvokeArgs) -> Result<Exit, Failure> {
    let (target, options) = args.resolve()?;
    if options.check {
        return check::run(&target, options.name(), options.output);
    }
    if options.load.is_load(options.tenant_id.len())? {
        return load::put(target, options);
    }
    let (format, streamed) = (options.output, options.stream);
    let answer = match target {
        Target::Aws(config) => invoke_remote(options, &config),
        Target::Local { endpoint, given } => invoke_local(options, &endpoint, given),
    }?;
    output::print_log(&answer);
    if !streamed {
        output::print(&answer, format)?;
    }
    let Some(kind) = &answer.function_error else { return Ok(Exit::Done) };
    let text = answer.error_text().map(|text| format!(": {text}")).unwrap_or_default();
    let error = anyhow::anyhow!("the function returned an error ({kind}){text}");
    Err(Failure::new(Exit::FunctionError, error))
}

fn invoke_local(
    mut options: InvokeOptions,
    endpoint: &Endpoint,
    given: bool,
) -> Result<InvokeAnswer, Failure> {
    let input = options.input()?;
    let headers = options.headers();
    let answer = block_on(async {
        if options.stream {
            let mut printer = Printer::default();
            let answer = stream::invoke(endpoint, input, &headers, |piece| printer.print(piece));
            let answer = answer.await;
            printer.end().map(|()| answer)
        } else {
            Ok(local::invoke(endpoint, input, &headers).await)
        }
    })??;
    answer.map_err(|error| {
        let others = match error {
            InvokeError::Unreachable { .. } => server_file::all(),
            _ => Vec::new(),
        };
        failure(error, &Place::Local(LocalPlace { given, others: &others }))
    })
}

/// Prints a stream, and keeps the first error until its end.
#[derive(Debug, Default)]
struct Printer {
    nobody_reads: bool,
    error: Option<anyhow::Error>,
}

impl Printer {
    fn print(&mut self, piece: &[u8]) {
        if self.nobody_reads || self.error.is_some() {
            return;
        }
        match output::print_piece(piece) {
            Ok(someone_reads) => self.nobody_reads = !someone_reads,
            Err(error) => self.error = Some(error),
        }
    }

    fn end(self) -> anyhow::Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}

fn invoke_remote(
    mut options: InvokeOptions,
    config: &aws::AwsOptions,
) -> Result<InvokeAnswer, Failure> {
    let input = options.input()?;
    let profile = config.profile.clone().or_else(|| env::var("AWS_PROFILE").ok());
    let profile = profile.as_deref();
    block_on(async {
        let lambda = aws::LambdaClient::load(config)
            .await
            .map_err(|error| failure(error, &Place::Aws { region: None, profile }))?;
        let place = Place::Aws { region: Some(lambda.region()), profile };
        let answer = if options.stream {
            let mut printer = Printer::default();
            let pass_on = |piece: &[u8]| printer.print(piece);
            let answer = lambda.invoke_with_response_stream(input, options.qualifier, pass_on);
            let answer = answer.await;
            printer.end()?;
            answer
        } else {
            lambda.invoke(input, options.qualifier).await
        };
        answer.map_err(|error| failure(error, &place))
    })?
}

fn failure(error: InvokeError, place: &Place<'_>) -> Failure {
    let exit = match error {
        InvokeError::Throttled { .. } => Exit::Throttled,
        _ => Exit::Failed,
    };
    let help = help::help_for(&error, place);
    Failure::new(exit, error).maybe_help(help)
}
