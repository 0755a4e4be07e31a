//! The functions of a template: what each is and where its code is, or why it can't be served. Knows no
//! API.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::emulator::template::Settings;
use crate::emulator::template::document::{Data, Node};
use crate::emulator::template::integration::name_in;
use crate::emulator::template::source::{Source, merged};
use crate::lambda::function::{Architecture, LogFormat, LogLevel, LogLevels, TenantIsolationMode};
use crate::lambda::quotas;

const SAM: &str = "AWS::Serverless::Function";
const CLOUD_FORMATION: &str = "AWS::Lambda::Function";

/// Where `sam build` puts what it has built.
const BUILT: &str = ".aws-sam/build";

/// The one type of events that AWS takes for functions in tenant isolation mode.
const EVENTS_WITH_TENANTS: &str = "Api";

/// A function of a template.
#[derive(Clone, Debug)]
pub(crate) struct TemplateFunction {
    /// The name of its resource.
    pub(crate) logical_id: String,
    /// Its name: what `FunctionName` says, or the logical id.
    pub(crate) name: String,
    /// The managed runtime, such as `python3.12`.
    pub(crate) runtime: Option<String>,
    /// The handler.
    pub(crate) handler: Option<String>,
    /// Its code.
    pub(crate) code: Code,
    /// How long one invocation may take, where the template says.
    pub(crate) timeout: Option<Duration>,
    /// The memory size in MB, where the template says.
    pub(crate) memory_mb: Option<u32>,
    /// The variables whose values are known.
    pub(crate) variables: Vec<(String, String)>,
    /// The instruction set that it is deployed for.
    pub(crate) architecture: Architecture,
    /// Whether invocations must name a tenant.
    pub(crate) tenant_isolation_mode: TenantIsolationMode,
    /// Concurrent executions that are reserved for it.
    pub(crate) reserved_concurrency: Option<u32>,
    /// How often an event is tried again.
    pub(crate) maximum_retry_attempts: Option<u32>,
    /// How old an event may become.
    pub(crate) maximum_event_age: Option<Duration>,
    /// The format of its log.
    pub(crate) log_format: Option<LogFormat>,
}

/// Where the code of a function is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// In this folder.
    Folder(PathBuf),
    /// In this one, where `sam build` has put it.
    Built(PathBuf),
    /// Here: the text of its one file, whose name Lambda makes `index`.
    Inline(String),
}

/// A function that can't be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The name of its resource.
    pub(crate) logical_id: String,
    /// Why.
    pub(crate) reason: String,
}

/// All functions. Their names are known to the values of the template from now on.
pub(crate) fn functions(source: &mut Source<'_>) -> Vec<Result<TemplateFunction, Refused>> {
    let mut resources = source.of_type(SAM);
    resources.extend(source.of_type(CLOUD_FORMATION));
    let named: Vec<_> = resources
        .into_iter()
        .map(|(logical_id, resource)| {
            let properties = properties(source, resource);
            let name = source.text(&properties, "FunctionName");
            let name = name.unwrap_or_else(|| logical_id.to_owned());
            let alias = source.text(&properties, "AutoPublishAlias");
            name_function(source, logical_id, &name, alias.as_deref());
            (logical_id, name, resource, properties)
        })
        .collect();
    name_aliases(source);
    named
        .into_iter()
        .map(|(logical_id, name, resource, properties)| {
            function(source, (logical_id, name), resource, &properties)
                .map_err(|reason| Refused { logical_id: logical_id.to_owned(), reason })
        })
        .collect()
}

/// The properties of a function, with what is global in a SAM template.
#[must_use]
pub(crate) fn properties(source: &Source<'_>, resource: &Node) -> Node {
    let none = Node { place: resource.place, data: Data::Map(vec![]) };
    let own = resource.get("Properties").unwrap_or(&none);
    let is_sam = resource.get("Type").and_then(Node::text).is_some_and(|kind| kind == SAM);
    let globals = source.global("Function");
    match globals {
        Some(globals) if is_sam => merged(globals, own),
        _ => own.clone(),
    }
}

/// What `Ref` and `Fn::GetAtt` of a function come to, and with `AutoPublishAlias` those of what SAM adds.
fn name_function(source: &mut Source<'_>, logical_id: &str, name: &str, alias: Option<&str>) {
    let Settings { region, account_id, .. } = source.settings();
    let arn = format!("arn:aws:lambda:{region}:{account_id}:function:{name}");
    source.name(logical_id.to_owned(), name.to_owned());
    source.name(format!("{logical_id}.Arn"), arn.clone());
    if let Some(alias) = alias {
        let version = format!("{arn}:1");
        for (reference, value) in [("Version", &version), ("Alias", &format!("{arn}:{alias}"))] {
            source.name(format!("{logical_id}.{reference}"), value.clone());
        }
        source.name(format!("{logical_id}Alias{alias}"), format!("{arn}:{alias}"));
    }
}

/// Aliases and versions that are resources of their own: mtl has the one version for all of them.
fn name_aliases(source: &mut Source<'_>) {
    for kind in ["AWS::Lambda::Alias", "AWS::Lambda::Version"] {
        for (logical_id, resource) in source.of_type(kind) {
            let Some(properties) = resource.get("Properties") else { continue };
            let function = source.text(properties, "FunctionName");
            let Some(function) = function else { continue };
            let Settings { region, account_id, .. } = source.settings();
            let function = name_in(&function).unwrap_or(function);
            let qualifier = source.text(properties, "Name").unwrap_or_else(|| "1".to_owned());
            let arn =
                format!("arn:aws:lambda:{region}:{account_id}:function:{function}:{qualifier}");
            source.name(logical_id.to_owned(), arn);
        }
    }
}

fn function(
    source: &mut Source<'_>,
    (logical_id, name): (&str, String),
    resource: &Node,
    properties: &Node,
) -> Result<TemplateFunction, String> {
    let mode = tenant_isolation_mode(source, properties)?;
    if mode == TenantIsolationMode::PerTenant {
        allowed_with_tenants(source, properties)?;
        allowed_beside_tenants(source, &name)?;
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let number = |source: &mut Source<'_>, name: &str| {
        source.value(properties, name).as_ref().and_then(Node::number)
    };
    let timeout = number(source, "Timeout").map(seconds);
    if timeout.is_some_and(|it| !(quotas::MINIMUM_TIMEOUT..=quotas::MAXIMUM_TIMEOUT).contains(&it))
    {
        return Err("its `Timeout` is not 1 to 900 seconds".to_owned());
    }
    let memory_mb = number(source, "MemorySize");
    if memory_mb
        .is_some_and(|mb| !(quotas::DEFAULT_MEMORY_MB..=quotas::MAXIMUM_MEMORY_MB).contains(&mb))
    {
        return Err("its `MemorySize` is not 128 to 10240 MB".to_owned());
    }
    let events = source.value(properties, "EventInvokeConfig");
    let events = events.or_else(|| event_invoke_config(source, &name));
    let of_events = |name: &str| events.as_ref()?.get(name)?.number();
    Ok(TemplateFunction {
        logical_id: logical_id.to_owned(),
        name,
        runtime: source.text(properties, "Runtime"),
        handler: source.text(properties, "Handler"),
        code: code(source, logical_id, resource, properties)?,
        timeout,
        memory_mb,
        variables: variables(source, properties),
        architecture: architecture(source, properties),
        tenant_isolation_mode: mode,
        reserved_concurrency: number(source, "ReservedConcurrentExecutions"),
        maximum_retry_attempts: of_events("MaximumRetryAttempts"),
        maximum_event_age: of_events("MaximumEventAgeInSeconds").map(seconds),
        log_format: log_format(source, properties)?,
    })
}

/// A function of which that isn't clear is not served: it would mix tenants, or refuse them.
fn tenant_isolation_mode(
    source: &Source<'_>,
    properties: &Node,
) -> Result<TenantIsolationMode, String> {
    let like = |name: &str| name.to_ascii_lowercase().starts_with("tenan");
    let mut names = properties.entries().iter().map(|(name, _)| name);
    if let Some(name) = names.find(|name| like(name) && *name != "TenancyConfig") {
        return Err(format!("`{name}` is no property of functions; tenancy is `TenancyConfig`"));
    }
    let Some(node) = properties.get("TenancyConfig") else { return Ok(TenantIsolationMode::None) };
    let config = source.values().resolve(node);
    let config = config.map_err(|problem| format!("its `TenancyConfig`: {}", problem.what))?;
    let Some(config) = config else { return Ok(TenantIsolationMode::None) };
    match config.get("TenantIsolationMode").and_then(Node::text).as_deref() {
        Some("PER_TENANT") => Ok(TenantIsolationMode::PerTenant),
        _ => Err("its `TenancyConfig` is not `TenantIsolationMode: PER_TENANT`, and AWS takes \
                  nothing else"
            .to_owned()),
    }
}

/// What AWS refuses together with tenant isolation.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>
fn allowed_with_tenants(source: &mut Source<'_>, properties: &Node) -> Result<(), String> {
    let refused = |what: &str| {
        Err(format!("{what} is not supported for functions enabled with tenancy configuration"))
    };
    if source.value(properties, "FunctionUrlConfig").is_some() {
        return refused("a function URL");
    }
    if source.value(properties, PROVISIONED_CONFIG).is_some() {
        return refused(PROVISIONED);
    }
    let snap_start = source.value(properties, "SnapStart");
    let apply_on = snap_start.as_ref().and_then(|snap_start| snap_start.get("ApplyOn")?.text());
    if apply_on.is_some_and(|apply_on| apply_on != "None") {
        return refused("SnapStart");
    }
    for (name, event) in properties.get("Events").map(Node::entries).unwrap_or_default() {
        let kind = event.get("Type").and_then(Node::text).unwrap_or_default();
        match kind.as_ref() {
            EVENTS_WITH_TENANTS => {}
            "HttpApi" => {
                return Err(format!(
                    "its event `{name}` is an HTTP API, which can't tell Lambda the tenant: only a \
                     REST API can map one"
                ));
            }
            kind => return refused(&format!("its event `{name}`, the event source `{kind}`,")),
        }
    }
    Ok(())
}

/// What resources of their own may make of a function, as CDK has them.
fn allowed_beside_tenants(source: &mut Source<'_>, function: &str) -> Result<(), String> {
    const REFUSED: [(&str, &str, &str, Option<&str>); 4] = [
        ("AWS::Lambda::Url", "TargetFunctionArn", "a function URL", None),
        ("AWS::Lambda::EventSourceMapping", "FunctionName", "an event source mapping", None),
        ("AWS::Lambda::Alias", "FunctionName", PROVISIONED, Some(PROVISIONED_CONFIG)),
        ("AWS::Lambda::Version", "FunctionName", PROVISIONED, Some(PROVISIONED_CONFIG)),
    ];
    for (kind, member, what, only_with) in REFUSED {
        for (_, resource) in source.of_type(kind) {
            let Some(properties) = resource.get("Properties") else { continue };
            let counts = only_with.is_none_or(|member| source.value(properties, member).is_some());
            if counts && names(source, properties, member, function) {
                return Err(format!(
                    "{what} is not supported for functions enabled with tenancy configuration"
                ));
            }
        }
    }
    Ok(())
}

const PROVISIONED: &str = "provisioned concurrency";

const PROVISIONED_CONFIG: &str = "ProvisionedConcurrencyConfig";

/// Whether a property is the name or the ARN of a function.
fn names(source: &Source<'_>, properties: &Node, member: &str, function: &str) -> bool {
    let Some(text) = properties.get(member).and_then(|node| source.values().text(node).ok()) else {
        return false;
    };
    text == function || text.ends_with(&format!(":function:{function}"))
}

/// How the events of a function are treated, if that is a resource of its own.
fn event_invoke_config(source: &mut Source<'_>, function: &str) -> Option<Node> {
    for (_, resource) in source.of_type("AWS::Lambda::EventInvokeConfig") {
        let properties = resource.get("Properties")?;
        if names(source, properties, "FunctionName", function) {
            return Some(source.known(properties));
        }
    }
    None
}

/// The folder of the code: what `sam build` has built, what CDK has put aside, or what the template names.
fn code(
    source: &mut Source<'_>,
    logical_id: &str,
    resource: &Node,
    properties: &Node,
) -> Result<Code, String> {
    let built = source.folder().join(BUILT).join(logical_id);
    if built.is_dir() {
        return Ok(Code::Built(absolute(&built)));
    }
    if let Some(text) = inline(source, properties) {
        return Ok(Code::Inline(text));
    }
    let asset = resource.get("Metadata").and_then(|metadata| metadata.get("aws:asset:path"));
    let path = match asset.and_then(Node::text) {
        Some(asset) => asset.into_owned(),
        None => uri(source, properties)?,
    };
    let folder = source.folder().join(&path);
    if folder.is_dir() {
        Ok(Code::Folder(absolute(&folder)))
    } else {
        Err(format!("its code is not in a folder of this machine: there is no `{path}`"))
    }
}

fn inline(source: &mut Source<'_>, properties: &Node) -> Option<String> {
    let of_sam = source.text(properties, "InlineCode");
    of_sam.or_else(|| source.text(properties.get("Code")?, "ZipFile"))
}

fn uri(source: &mut Source<'_>, properties: &Node) -> Result<String, String> {
    if properties.get("PackageType").and_then(Node::text).is_some_and(|kind| kind == "Image") {
        return Err("its code is a container image".to_owned());
    }
    let code = ["CodeUri", "Code"].into_iter().find_map(|name| source.value(properties, name));
    let Some(code) = code else { return Ok(".".to_owned()) };
    match code.text() {
        Some(path) if path.starts_with("s3://") => Err(format!("its code is in S3: `{path}`")),
        Some(path) => Ok(path.into_owned()),
        None => Err("its code is in S3 or an image".to_owned()),
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The variables. One whose value isn't known is left out, and said.
fn variables(source: &mut Source<'_>, properties: &Node) -> Vec<(String, String)> {
    let environment = properties.get("Environment");
    let all = environment.and_then(|environment| environment.get("Variables"));
    let mut variables = Vec::new();
    for (name, node) in all.map(Node::entries).unwrap_or_default() {
        match source.values().resolve(node) {
            Ok(value) => {
                let text = value.as_ref().and_then(Node::text);
                variables.extend(text.map(|text| (name.clone(), text.into_owned())));
            }
            Err(mut problem) => {
                problem.what = format!("the variable `{name}` is not set: {}", problem.what);
                source.warn(&problem);
            }
        }
    }
    variables
}

fn architecture(source: &mut Source<'_>, properties: &Node) -> Architecture {
    let architectures = source.value(properties, "Architectures");
    let first = architectures.as_ref().and_then(|list| list.items().first()?.text());
    match first {
        Some(name) if name == "arm64" => Architecture::Arm64,
        _ => Architecture::X86_64,
    }
}

fn log_format(source: &mut Source<'_>, properties: &Node) -> Result<Option<LogFormat>, String> {
    let Some(config) = source.value(properties, "LoggingConfig") else { return Ok(None) };
    let level = |name: &str, takes: &[LogLevel]| {
        let Some(text) = config.get(name).and_then(Node::text) else { return Ok(None) };
        let level = LogLevel::named(&text).filter(|it| it.as_str() == text && takes.contains(it));
        level.map(Some).ok_or_else(|| format!("its `{name}` can't be `{text}`"))
    };
    let system = level("SystemLogLevel", &LogLevel::SYSTEM)?;
    let application = level("ApplicationLogLevel", &LogLevel::APPLICATION)?;
    match config.get("LogFormat").and_then(Node::text).as_deref() {
        Some("JSON") => {
            let usual = LogLevels::default();
            Ok(Some(LogFormat::Json(LogLevels {
                application: application.unwrap_or(usual.application),
                system: system.unwrap_or(usual.system),
            })))
        }
        _ if system.or(application).is_some() => {
            Err("its `LoggingConfig` has log levels, which only `LogFormat: JSON` has".to_owned())
        }
        Some(_) => Ok(Some(LogFormat::Text)),
        None => Ok(None),
    }
}
