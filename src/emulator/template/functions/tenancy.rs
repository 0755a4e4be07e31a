//! Whether a function is in tenant isolation mode, and whether AWS takes the rest of the template with it.
//! What isn't clear is refused: a guess would mix tenants.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>

use crate::emulator::template::document::Node;
use crate::emulator::template::functions::refusal::TenancyRefusal;
use crate::emulator::template::functions::resources::names;
use crate::emulator::template::resolver::Resolver;
use crate::lambda::function::TenantIsolationMode;

/// The one type of events that AWS takes for functions in tenant isolation mode.
const EVENTS_WITH_TENANTS: &str = "Api";

const PROVISIONED: &str = "provisioned concurrency";
const PROVISIONED_CONFIG: &str = "ProvisionedConcurrencyConfig";

/// A type of resources that AWS refuses for a function with tenants.
struct RefusedResource {
    kind: &'static str,
    /// The property that names the function.
    function: &'static str,
    /// What the resource gives the function, with its article.
    feature: &'static str,
    /// It counts only with this property.
    only_with: Option<&'static str>,
}

const REFUSED: [RefusedResource; 4] = [
    RefusedResource {
        kind: "AWS::Lambda::Url",
        function: "TargetFunctionArn",
        feature: "a function URL",
        only_with: None,
    },
    RefusedResource {
        kind: "AWS::Lambda::EventSourceMapping",
        function: "FunctionName",
        feature: "an event source mapping",
        only_with: None,
    },
    RefusedResource {
        kind: "AWS::Lambda::Alias",
        function: "FunctionName",
        feature: PROVISIONED,
        only_with: Some(PROVISIONED_CONFIG),
    },
    RefusedResource {
        kind: "AWS::Lambda::Version",
        function: "FunctionName",
        feature: PROVISIONED,
        only_with: Some(PROVISIONED_CONFIG),
    },
];

/// Whether invocations of a function must name a tenant.
///
/// # Errors
///
/// When the template isn't clear about it, or has what AWS refuses together with it.
pub(super) fn checked(
    resolver: &mut Resolver<'_>,
    properties: &Node,
    function: &str,
) -> Result<TenantIsolationMode, TenancyRefusal> {
    let mode = tenant_isolation_mode(resolver, properties)?;
    if mode == TenantIsolationMode::PerTenant {
        allowed_with_tenants(resolver, properties)?;
        allowed_beside_tenants(resolver, function)?;
    }
    Ok(mode)
}

/// A function of which that isn't clear is not served: it would mix tenants, or refuse them.
fn tenant_isolation_mode(
    resolver: &Resolver<'_>,
    properties: &Node,
) -> Result<TenantIsolationMode, TenancyRefusal> {
    let like = |name: &str| name.to_ascii_lowercase().starts_with("tenan");
    let mut names = properties.entries().iter().map(|(name, _)| name);
    if let Some(name) = names.find(|name| like(name) && *name != "TenancyConfig") {
        return Err(TenancyRefusal::Misspelt { property: name.clone() });
    }
    let Some(node) = properties.get("TenancyConfig") else { return Ok(TenantIsolationMode::None) };
    let config = resolver.values().resolve(node);
    let config = config.map_err(TenancyRefusal::Unknown)?;
    let Some(config) = config else { return Ok(TenantIsolationMode::None) };
    match config.get("TenantIsolationMode").and_then(Node::text).as_deref() {
        Some("PER_TENANT") => Ok(TenantIsolationMode::PerTenant),
        _ => Err(TenancyRefusal::Mode),
    }
}

/// What AWS refuses together with tenant isolation.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html>
fn allowed_with_tenants(
    resolver: &mut Resolver<'_>,
    properties: &Node,
) -> Result<(), TenancyRefusal> {
    let refused = |feature: &'static str| Err(TenancyRefusal::Feature { feature });
    if resolver.value(properties, "FunctionUrlConfig").is_some() {
        return refused("a function URL");
    }
    if resolver.value(properties, PROVISIONED_CONFIG).is_some() {
        return refused(PROVISIONED);
    }
    let snap_start = resolver.value(properties, "SnapStart");
    let apply_on = snap_start.as_ref().and_then(|snap_start| snap_start.get("ApplyOn")?.text());
    if apply_on.is_some_and(|apply_on| apply_on != "None") {
        return refused("SnapStart");
    }
    for (name, event) in properties.get("Events").map(Node::entries).unwrap_or_default() {
        let kind = event.get("Type").and_then(Node::text).unwrap_or_default();
        match kind.as_ref() {
            EVENTS_WITH_TENANTS => {}
            "HttpApi" => {
                return Err(TenancyRefusal::HttpApi { event: name.clone() });
            }
            kind => {
                let (event, kind) = (name.clone(), kind.to_owned());
                return Err(TenancyRefusal::EventSource { event, kind });
            }
        }
    }
    Ok(())
}

/// What resources of their own may make of a function, as CDK has them.
fn allowed_beside_tenants(
    resolver: &mut Resolver<'_>,
    function: &str,
) -> Result<(), TenancyRefusal> {
    for refused in REFUSED {
        for (_, resource) in resolver.of_type(refused.kind) {
            let Some(properties) = resource.get("Properties") else { continue };
            let counts =
                refused.only_with.is_none_or(|member| resolver.value(properties, member).is_some());
            if counts && names(resolver, properties, refused.function, function) {
                return Err(TenancyRefusal::Feature { feature: refused.feature });
            }
        }
    }
    Ok(())
}
