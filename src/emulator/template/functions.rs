//! The functions of a template: what each is and where its code is, or why it can't be served. Each goes
//! through the same steps: its name, tenant isolation, its limits, its code, its other properties. The first
//! step that refuses it ends the way.

pub(crate) mod function;
pub(crate) mod refusal;
pub(crate) mod resources;

mod code;
mod settings;
mod tenancy;

use crate::emulator::template::document::Node;
use crate::emulator::template::functions::function::{TemplateFunction, TemplateProgram};
use crate::emulator::template::functions::refusal::{FunctionRefusal, RefusedFunction};
use crate::emulator::template::functions::resources::{
    CLOUD_FORMATION, SAM, name_aliases, name_function, properties,
};
use crate::emulator::template::resolver::Resolver;

/// A function whose name is known.
struct NamedFunction<'a> {
    logical_id: &'a str,
    name: String,
    resource: &'a Node,
    /// With what is global.
    properties: Node,
}

/// All functions. Their names are known to the values of the template from now on.
pub(crate) fn functions(
    resolver: &mut Resolver<'_>,
) -> Vec<Result<TemplateFunction, RefusedFunction>> {
    let mut resources = resolver.of_type(SAM);
    resources.extend(resolver.of_type(CLOUD_FORMATION));
    let named: Vec<_> = resources
        .into_iter()
        .map(|(logical_id, resource)| named(resolver, logical_id, resource))
        .collect();
    name_aliases(resolver);
    let read = |named: NamedFunction<'_>| {
        let logical_id = named.logical_id.to_owned();
        function(resolver, named).map_err(|reason| RefusedFunction { logical_id, reason })
    };
    named.into_iter().map(read).collect()
}

fn named<'a>(
    resolver: &mut Resolver<'_>,
    logical_id: &'a str,
    resource: &'a Node,
) -> NamedFunction<'a> {
    let properties = properties(resolver, resource);
    let name = resolver.text(&properties, "FunctionName");
    let name = name.unwrap_or_else(|| logical_id.to_owned());
    let alias = resolver.text(&properties, "AutoPublishAlias");
    name_function(resolver, logical_id, &name, alias.as_deref());
    NamedFunction { logical_id, name, resource, properties }
}

fn function(
    resolver: &mut Resolver<'_>,
    NamedFunction { logical_id, name, resource, properties }: NamedFunction<'_>,
) -> Result<TemplateFunction, FunctionRefusal> {
    let properties = &properties;
    let tenant_isolation_mode = tenancy::checked(resolver, properties, &name)?;
    let limits = settings::limits(resolver, properties)?;
    let events = settings::events(resolver, properties, &name);
    let program = TemplateProgram {
        runtime: resolver.text(properties, "Runtime"),
        handler: resolver.text(properties, "Handler"),
        code: code::code(resolver, logical_id, resource, properties)?,
    };
    Ok(TemplateFunction {
        logical_id: logical_id.to_owned(),
        name,
        program,
        limits,
        variables: settings::variables(resolver, properties),
        architecture: settings::architecture(resolver, properties),
        tenant_isolation_mode,
        events,
        log_format: settings::log_format(resolver, properties)?,
    })
}
