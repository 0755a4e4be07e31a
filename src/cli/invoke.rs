//! `mtl invoke`: its options, which of them go together, and one invocation from the payload to the
//! exit code. How it travels is for [`client`](crate::client) to know.

pub mod check;
pub mod context;
pub mod load;
pub mod output;
pub mod payload;

use std::env;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches, ValueEnum};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cli::failure::{Exit, Failure};
use crate::cli::help::{self, Place};
use crate::cli::invoke::load::args::{LoadArgs, tenant_id};
use crate::cli::invoke::output::Format;
use crate::cli::invoke::payload::Payload;
use crate::cli::target::{block_on, endpoint_of_this_folder};
use crate::cli::values::DEFAULT_FUNCTION;
use crate::client::answer::Answer;
use crate::client::deployment::{self, Deployment};
use crate::client::endpoint::Endpoint;
use crate::client::error::InvokeError;
use crate::client::query_error::QueryError;
use crate::client::{InvocationType, InvokeInput, aws, local, stream};
use crate::function::TenantId;
use crate::server_file;

const LOCAL: &str = "On this machine";

const REMOTE: &str = "On AWS";

const EXAMPLES: &str = "\
Examples:
  mtl invoke --tenant-id alice                      the server of this folder
  mtl invoke --tenant-id alice -p '{\"key\": 1}'
  mtl invoke --tenant-id alice -p @event.json -o json
  echo '{}' | mtl invoke --tenant-id alice -p -
  mtl invoke --tenant-id alice --endpoint http://127.0.0.1:7000/invoke
  mtl invoke --tenant-id alice --remote --region eu-west-1 my-function
  mtl invoke -n 1000 -c 20 --tenants 50             a load, and whether tenants are isolated
  mtl invoke --remote --check my-function           is it set up for tenants?

Exit codes:
  0  the function answered        3  the function returned an error
  1  there was no answer          4  the invocation was throttled
  2  the command line is wrong";

/// The arguments of `mtl invoke`.
#[derive(Debug)]
pub struct Args {
    options: Options,
    typed: Typed,
}

/// Which options stand on the command line, where an environment variable could have set them too.
#[derive(Clone, Copy, Debug, Default)]
struct Typed {
    endpoint: bool,
    function: bool,
    remote: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Options {
    /// Name or ARN of the function; `function` if it is local
    #[arg(value_name = "FUNCTION", env = "MTL_FUNCTION", hide_env_values = true)]
    function: Option<String>,

    /// The tenant to invoke it for; can be repeated for a load
    #[arg(long, visible_alias = "tenant", value_name = "ID", allow_hyphen_values = true)]
    #[arg(value_parser = tenant_id)]
    tenant_id: Vec<TenantId>,

    /// The event: text, `@FILE`, or `-` for standard input
    #[arg(short, long, default_value = "{}", allow_hyphen_values = true)]
    payload: Payload,

    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,

    /// Whether the answer is waited for
    #[arg(long, value_name = "TYPE", default_value = "RequestResponse", ignore_case = true)]
    invocation_type: TypeArg,

    /// Print the last 4 KB of the log to stderr
    #[arg(long)]
    log: bool,

    /// What the function learns of its caller: a JSON object as text or `@FILE`
    #[arg(long, value_name = "JSON")]
    client_context: Option<Payload>,

    /// Print the answer as it comes
    #[arg(long)]
    stream: bool,

    /// Invoke nothing; say what of the function's set-up would surprise
    #[arg(long, conflicts_with_all = ["stream", "log", "cold", "payload", "tenant_id", "client_context"])]
    check: bool,

    /// `http://HOST:PORT` of the server, unless it is that of this folder
    ///
    /// Without it, the server that `mtl serve` started in this folder is invoked, or if there is none
    /// the one on port 7000. A server with Lambda's own route needs no path (mtl, the Runtime
    /// Interface Emulator, SAM, cargo-lambda); a path is posted to as it stands (`/invoke` of the
    /// Swift server, an API gateway).
    #[arg(long, value_name = "URL", env = "MTL_ENDPOINT", hide_env_values = true)]
    #[arg(help_heading = LOCAL)]
    endpoint: Option<Endpoint>,

    /// A header to send; can be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = header, help_heading = LOCAL)]
    header: Vec<(HeaderName, HeaderValue)>,

    /// Ask for a new environment of the tenant, as only mtl can
    #[arg(long, help_heading = LOCAL)]
    cold: bool,

    #[command(flatten)]
    load: LoadArgs,

    /// Invoke on AWS, which is never called without this
    #[arg(long, env = "MTL_REMOTE", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), help_heading = REMOTE)]
    remote: bool,

    /// Region of the function
    #[arg(long, help_heading = REMOTE)]
    region: Option<String>,

    /// Profile of the AWS configuration files
    #[arg(long, help_heading = REMOTE)]
    profile: Option<String>,

    /// Version or alias of the function
    #[arg(long, help_heading = REMOTE)]
    qualifier: Option<String>,

    /// How often the SDK tries again after a throttle [default: 0]
    #[arg(long, value_name = "N", help_heading = REMOTE)]
    retries: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TypeArg {
    #[value(name = "RequestResponse")]
    RequestResponse,
    #[value(name = "Event")]
    Event,
    #[value(name = "DryRun")]
    DryRun,
}

impl From<TypeArg> for InvocationType {
    fn from(arg: TypeArg) -> Self {
        match arg {
            TypeArg::RequestResponse => Self::RequestResponse,
            TypeArg::Event => Self::Event,
            TypeArg::DryRun => Self::DryRun,
        }
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let typed = Typed {
            endpoint: typed("endpoint"),
            function: typed("function"),
            remote: typed("remote"),
        };
        Ok(Self { options: Options::from_arg_matches(matches)?, typed })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Args {
    fn augment_args(command: clap::Command) -> clap::Command {
        Options::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Options::augment_args_for_update(command)
    }
}

/// Invokes the function once and prints its answer.
///
/// # Errors
///
/// When the options don't go together, the payload can't be read, there is no answer of the function,
/// or the function returned an error.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let remote = args.is_remote()?;
    let options = args.options;
    options.check_together()?;
    if options.check {
        return check::report(&options.deployment(remote)?, options.output);
    }
    if options.load.is_load(options.tenant_id.len())? {
        return load::put(options, remote);
    }
    let (format, streamed) = (options.output, options.stream);
    let answer = if remote { invoke_remote(options) } else { invoke_local(options) }?;
    output::print_log(&answer);
    if !streamed {
        output::print(&answer, format)?;
    }
    let Some(kind) = &answer.function_error else { return Ok(Exit::Done) };
    let text = answer.error_text().map(|text| format!(": {text}")).unwrap_or_default();
    let error = anyhow::anyhow!("the function returned an error ({kind}){text}");
    Err(Failure::new(Exit::FunctionError, error))
}

impl Args {
    /// Whether AWS is to be called, if the options go together.
    fn is_remote(&self) -> Result<bool, Failure> {
        let Self { options, typed } = self;
        // What is typed wins over what an environment variable says.
        let remote = options.remote && (typed.remote || !typed.endpoint);
        if remote {
            self.check_remote()?;
        } else if let Some(option) = options.aws_option() {
            return Err(Failure::usage(format!("`{option}` is for an invocation on AWS"))
                .help(format!("add `--remote`, or leave `{option}` out")));
        } else if typed.function && options.endpoint.as_ref().is_some_and(Endpoint::has_path) {
            return Err(Failure::usage("an endpoint with a path takes no function name")
                .help("leave FUNCTION out, or give the endpoint without its path"));
        }
        Ok(remote)
    }

    fn check_remote(&self) -> Result<(), Failure> {
        if self.typed.endpoint {
            return Err(Failure::usage("`--remote` and `--endpoint` exclude each other")
                .help("`--endpoint` is where a local server is; leave one of the two out"));
        }
        if self.options.cold {
            return Err(Failure::usage("`--cold` is for a local invocation")
                .help("AWS starts an environment when it needs one; leave `--cold` out"));
        }
        if !self.options.header.is_empty() {
            return Err(Failure::usage("`--header` is for a local invocation")
                .help("leave `--header` out, or `--remote`"));
        }
        if self.options.function.is_none() {
            return Err(Failure::usage("an invocation on AWS needs the name of the function")
                .help("name it as FUNCTION, or set MTL_FUNCTION"));
        }
        Ok(())
    }
}

impl Options {
    /// The first option given that only AWS has a use for.
    fn aws_option(&self) -> Option<&'static str> {
        [
            (self.region.is_some(), "--region"),
            (self.profile.is_some(), "--profile"),
            (self.qualifier.is_some(), "--qualifier"),
            (self.retries.is_some(), "--retries"),
        ]
        .into_iter()
        .find_map(|(given, option)| given.then_some(option))
    }

    /// Which options exclude each other wherever the function is.
    fn check_together(&self) -> Result<(), Failure> {
        let waits = self.invocation_type == TypeArg::RequestResponse;
        let problem = if self.stream && !waits {
            "`--stream` shows an answer, and only `RequestResponse` has one"
        } else if self.stream && self.output == Format::Json {
            "`--stream` prints the bytes of the answer, and `-o json` a document about it"
        } else if self.log && !waits {
            "`--log` is the log of an answer, and only `RequestResponse` has one"
        } else if self.client_context.is_some() && self.invocation_type == TypeArg::Event {
            "`--client-context` is for synchronous invocations only"
        } else {
            return Ok(());
        };
        Err(Failure::usage(problem).help("leave one of the two options out"))
    }

    /// How the function is set up, here or on AWS.
    fn deployment(&self, remote: bool) -> Result<Deployment, Failure> {
        let name = self.function.as_deref().unwrap_or(DEFAULT_FUNCTION);
        let outcome = block_on(async {
            if remote {
                let (region, profile) = (self.region.clone(), self.profile.clone());
                let retries = self.retries.unwrap_or_default();
                deployment::remote(&aws::Options { region, profile, retries }, name).await
            } else {
                let endpoint = self.endpoint.clone().unwrap_or_else(endpoint_of_this_folder);
                deployment::local(&endpoint, name).await
            }
        })?;
        outcome.map_err(|error| {
            let help = match (&error, remote) {
                (QueryError::Unreachable { .. }, false) => {
                    let given = self.endpoint.is_some();
                    Some(help::start_a_server(given, &server_file::all()))
                }
                (QueryError::Refused { code, .. }, true) if code.contains("Denied") => Some(
                    "ask for a policy that allows lambda:GetFunctionConfiguration, \
                     lambda:GetFunctionConcurrency and lambda:GetAccountSettings"
                        .to_owned(),
                ),
                (QueryError::NotConfigured(error), true) => {
                    let (region, profile) = (self.region.as_deref(), self.profile.as_deref());
                    help::of(error, &Place::Aws { region, profile })
                }
                _ => None,
            };
            let failure = Failure::new(Exit::Failed, error);
            match help {
                Some(help) => failure.help(help),
                None => failure,
            }
        })
    }

    /// What goes with each request besides the input.
    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter(std::mem::take(&mut self.header));
        if self.cold {
            headers.insert("x-mtl-cold", HeaderValue::from_static("true"));
        }
        headers
    }

    fn input(&mut self) -> Result<InvokeInput, Failure> {
        let client_context = self.client_context.as_mut().map(context::encode).transpose()?;
        Ok(InvokeInput {
            client_context,
            invocation_type: self.invocation_type.into(),
            log_tail: self.log,
            function_name: self.function.take().unwrap_or_else(|| DEFAULT_FUNCTION.to_owned()),
            tenant_id: self.tenant_id.pop(),
            payload: self.payload.read()?,
        })
    }
}

fn invoke_local(mut options: Options) -> Result<Answer, Failure> {
    let input = options.input()?;
    let (headers, given) = (options.headers(), options.endpoint.is_some());
    let endpoint = options.endpoint.unwrap_or_else(endpoint_of_this_folder);
    let answer = block_on(async {
        if options.stream {
            let mut printer = Printer::default();
            let answer = stream::invoke(&endpoint, input, &headers, |piece| printer.print(piece));
            let answer = answer.await;
            printer.end().map(|()| answer)
        } else {
            Ok(local::invoke(&endpoint, input, &headers).await)
        }
    })??;
    answer.map_err(|error| {
        let others = match error {
            InvokeError::Unreachable { .. } => server_file::all(),
            _ => Vec::new(),
        };
        failure(error, &Place::Local { given, others: &others })
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

fn invoke_remote(mut options: Options) -> Result<Answer, Failure> {
    let input = options.input()?;
    let profile = options.profile.clone().or_else(|| env::var("AWS_PROFILE").ok());
    let profile = profile.as_deref();
    let config = aws::Options {
        region: options.region,
        profile: options.profile,
        retries: options.retries.unwrap_or_default(),
    };
    block_on(async {
        let lambda = aws::Lambda::load(&config)
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
    let help = help::of(&error, place);
    let failure = Failure::new(exit, error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// A header as curl takes it. Those that frame the request follow from the payload.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    let name = name.trim().parse().map_err(|_| format!("`{name}` is no header name"))?;
    if [http::header::CONTENT_LENGTH, http::header::TRANSFER_ENCODING].contains(&name) {
        return Err(format!("`{name}` follows from the payload"));
    }
    let value = value.trim().parse().map_err(|_| "the value has control characters".to_owned())?;
    Ok((name, value))
}
