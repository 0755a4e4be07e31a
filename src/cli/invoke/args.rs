//! The arguments of `mtl invoke`: their names, their help, which of them go together, and where the
//! function is that they mean.

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches, ValueEnum};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::cli::failure::Failure;
use crate::cli::invoke::context;
use crate::cli::invoke::load::args::{LoadArgs, tenant_id};
use crate::cli::invoke::output::AnswerFormat;
use crate::cli::invoke::payload::Payload;
use crate::cli::target::endpoint_of_this_folder;
use crate::cli::values::DEFAULT_FUNCTION;
use crate::client::aws;
use crate::client::endpoint::Endpoint;
use crate::client::input::InvokeInput;
use crate::client::target::Target;
use crate::lambda::function::TenantId;
use crate::lambda::invocation_type::InvocationType;

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
pub(crate) struct InvokeArgs {
    options: InvokeOptions,
    typed: Typed,
}

/// Which options stand on the command line, where an environment variable could have set them too.
#[derive(Clone, Copy, Debug, Default)]
struct Typed {
    endpoint: bool,
    function: bool,
    remote: bool,
}

/// The options of `mtl invoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct InvokeOptions {
    /// Name or ARN of the function; `function` if it is local
    #[arg(value_name = "FUNCTION", env = "MTL_FUNCTION", hide_env_values = true)]
    pub(crate) function: Option<String>,

    /// The tenant to invoke it for; can be repeated for a load
    #[arg(long, visible_alias = "tenant", value_name = "ID", allow_hyphen_values = true)]
    #[arg(value_parser = tenant_id)]
    pub(crate) tenant_id: Vec<TenantId>,

    /// The event: text, `@FILE`, or `-` for standard input
    #[arg(short, long, default_value = "{}", allow_hyphen_values = true)]
    pub(crate) payload: Payload,

    /// What to print
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: AnswerFormat,

    /// Whether to wait for the answer
    #[arg(long, value_name = "TYPE", default_value = "RequestResponse", ignore_case = true)]
    pub(crate) invocation_type: TypeArg,

    /// Print the last 4 KB of the log to stderr
    #[arg(long)]
    pub(crate) log: bool,

    /// What the function learns of its caller: a JSON object as text or `@FILE`
    #[arg(long, value_name = "JSON")]
    pub(crate) client_context: Option<Payload>,

    /// Print the answer while it arrives
    #[arg(long)]
    pub(crate) stream: bool,

    /// Invoke nothing; say what is wrong with the function's set-up for tenants
    #[arg(long, conflicts_with_all = ["stream", "log", "cold", "payload", "tenant_id", "client_context"])]
    #[arg(conflicts_with_all = ["requests", "duration", "tenants", "tenants_file", "leak_check"])]
    pub(crate) check: bool,

    /// `http://HOST:PORT` of the server, unless it is that of this folder
    ///
    /// Without it, the server that `mtl serve` started in this folder is invoked, or if there is none
    /// the one on port 7000. A server with Lambda's own route needs no path (mtl, the Runtime
    /// Interface Emulator, SAM, cargo-lambda); a path is posted to as it stands (`/invoke` of the
    /// Swift server, an API gateway).
    #[arg(long, value_name = "URL", env = "MTL_ENDPOINT", hide_env_values = true)]
    #[arg(help_heading = LOCAL)]
    pub(crate) endpoint: Option<Endpoint>,

    /// A header to send; can be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = header, help_heading = LOCAL)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// Ask for a new environment of the tenant, as only mtl can
    #[arg(long, help_heading = LOCAL)]
    pub(crate) cold: bool,

    /// What makes a load of it.
    #[command(flatten)]
    pub(crate) load: LoadArgs,

    /// Invoke on AWS, which is never called without this
    #[arg(long, env = "MTL_REMOTE", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), help_heading = REMOTE)]
    pub(crate) remote: bool,

    /// Region of the function
    #[arg(long, help_heading = REMOTE)]
    pub(crate) region: Option<String>,

    /// Profile of the AWS configuration files
    #[arg(long, help_heading = REMOTE)]
    pub(crate) profile: Option<String>,

    /// Version or alias of the function
    #[arg(long, help_heading = REMOTE)]
    pub(crate) qualifier: Option<String>,

    /// How often the SDK tries again after a throttle [default: 0]
    #[arg(long, value_name = "N", help_heading = REMOTE)]
    pub(crate) retries: Option<u32>,
}

/// Whether the answer is waited for, as AWS spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypeArg {
    /// The answer is waited for.
    #[value(name = "RequestResponse")]
    RequestResponse,
    /// The event is queued.
    #[value(name = "Event")]
    Event,
    /// Everything is checked and nothing runs.
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

impl FromArgMatches for InvokeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let typed = Typed {
            endpoint: typed("endpoint"),
            function: typed("function"),
            remote: typed("remote"),
        };
        Ok(Self { options: InvokeOptions::from_arg_matches(matches)?, typed })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for InvokeArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        InvokeOptions::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        InvokeOptions::augment_args_for_update(command)
    }
}

impl InvokeArgs {
    /// Where the function is, and the options that go together for that.
    ///
    /// # Errors
    ///
    /// When they don't.
    pub(crate) fn resolve(self) -> Result<(Target, InvokeOptions), Failure> {
        let is_remote = self.is_remote()?;
        let options = self.options;
        options.check_together()?;
        let target = if is_remote {
            Target::Aws(aws::AwsOptions {
                region: options.region.clone(),
                profile: options.profile.clone(),
                retries: options.retries.unwrap_or_default(),
            })
        } else {
            let given = options.endpoint.is_some();
            let endpoint = options.endpoint.clone().unwrap_or_else(endpoint_of_this_folder);
            Target::Local { endpoint, given }
        };
        Ok((target, options))
    }

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

impl InvokeOptions {
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
        } else if self.stream && self.output == AnswerFormat::Json {
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

    /// What goes with each request besides the input.
    pub(crate) fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter(std::mem::take(&mut self.header));
        if self.cold {
            headers.insert("x-mtl-cold", HeaderValue::from_static("true"));
        }
        headers
    }

    /// The name of the function.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        self.function.as_deref().unwrap_or(DEFAULT_FUNCTION)
    }

    /// One invocation.
    ///
    /// # Errors
    ///
    /// When the payload or the client context can't be read.
    pub(crate) fn input(&mut self) -> Result<InvokeInput, Failure> {
        let client_context = self.client_context.as_mut().map(context::encode).transpose()?;
        Ok(InvokeInput {
            client_context,
            invocation_type: self.invocation_type.into(),
            log_tail: self.log,
            function_name: self.name().to_owned(),
            tenant_id: self.tenant_id.pop(),
            payload: self.payload.read()?,
        })
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
