//! The other properties of a function, each with its limits.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>

use std::time::Duration;

use crate::emulator::template::document::Node;
use crate::emulator::template::functions::function::{EventInvokeConfig, TemplateLimits};
use crate::emulator::template::functions::refusal::SettingRefusal;
use crate::emulator::template::functions::resources::names;
use crate::emulator::template::resolver::Resolver;
use crate::lambda::function::{Architecture, LogFormat, LogLevel, LogLevels};
use crate::lambda::quotas;

/// How much a function may use.
///
/// # Errors
///
/// When AWS allows no such timeout or memory size.
pub(super) fn limits(
    resolver: &mut Resolver<'_>,
    properties: &Node,
) -> Result<TemplateLimits, SettingRefusal> {
    let timeout = number(resolver, properties, "Timeout").map(seconds);
    let timeouts = quotas::MINIMUM_TIMEOUT..=quotas::MAXIMUM_TIMEOUT;
    if timeout.is_some_and(|timeout| !timeouts.contains(&timeout)) {
        return Err(SettingRefusal::Timeout);
    }
    let memory_mb = number(resolver, properties, "MemorySize");
    let sizes = quotas::DEFAULT_MEMORY_MB..=quotas::MAXIMUM_MEMORY_MB;
    if memory_mb.is_some_and(|size| !sizes.contains(&size)) {
        return Err(SettingRefusal::MemorySize);
    }
    let reserved_concurrency = number(resolver, properties, "ReservedConcurrentExecutions");
    Ok(TemplateLimits { timeout, memory_mb, reserved_concurrency })
}

fn number(resolver: &mut Resolver<'_>, properties: &Node, name: &str) -> Option<u32> {
    resolver.value(properties, name).as_ref().and_then(Node::number)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// How the events of a function are treated.
pub(super) fn events(
    resolver: &mut Resolver<'_>,
    properties: &Node,
    function: &str,
) -> EventInvokeConfig {
    let config = resolver.value(properties, "EventInvokeConfig");
    let config = config.or_else(|| event_invoke_config(resolver, function));
    let number = |name: &str| config.as_ref()?.get(name)?.number();
    EventInvokeConfig {
        maximum_retry_attempts: number("MaximumRetryAttempts"),
        maximum_event_age: number("MaximumEventAgeInSeconds").map(seconds),
    }
}

/// How the events of a function are treated, if that is a resource of its own.
fn event_invoke_config(resolver: &mut Resolver<'_>, function: &str) -> Option<Node> {
    for (_, resource) in resolver.of_type("AWS::Lambda::EventInvokeConfig") {
        let properties = resource.get("Properties")?;
        if names(resolver, properties, "FunctionName", function) {
            return Some(resolver.known(properties));
        }
    }
    None
}

/// The variables. One whose value isn't known is left out, and said.
pub(super) fn variables(resolver: &mut Resolver<'_>, properties: &Node) -> Vec<(String, String)> {
    let environment = properties.get("Environment");
    let all = environment.and_then(|environment| environment.get("Variables"));
    let mut variables = Vec::new();
    for (name, node) in all.map(Node::entries).unwrap_or_default() {
        match resolver.values().resolve(node) {
            Ok(value) => {
                let text = value.as_ref().and_then(Node::text);
                variables.extend(text.map(|text| (name.clone(), text.into_owned())));
            }
            Err(problem) => {
                resolver.warn(&problem.within(format!("the variable `{name}` is not set")));
            }
        }
    }
    variables
}

pub(super) fn architecture(resolver: &mut Resolver<'_>, properties: &Node) -> Architecture {
    let architectures = resolver.value(properties, "Architectures");
    let first = architectures.as_ref().and_then(|list| list.items().first()?.text());
    match first {
        Some(name) if name == "arm64" => Architecture::Arm64,
        _ => Architecture::X86_64,
    }
}

pub(super) fn log_format(
    resolver: &mut Resolver<'_>,
    properties: &Node,
) -> Result<Option<LogFormat>, SettingRefusal> {
    let Some(config) = resolver.value(properties, "LoggingConfig") else { return Ok(None) };
    let level = |name: &'static str, takes: &[LogLevel]| {
        let Some(text) = config.get(name).and_then(Node::text) else { return Ok(None) };
        let level = LogLevel::named(&text).filter(|it| it.as_str() == text && takes.contains(it));
        level
            .map(Some)
            .ok_or_else(|| SettingRefusal::LogLevel { property: name, level: text.into_owned() })
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
        _ if system.or(application).is_some() => Err(SettingRefusal::LevelsOfText),
        Some(_) => Ok(Some(LogFormat::Text)),
        None => Ok(None),
    }
}
