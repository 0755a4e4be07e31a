//! A SAM or CloudFormation template, or what `cdk synth` writes, as the functions and the APIs that it
//! describes. What can't be known or run here is named and left out, never guessed.
//!
//! A template goes one way:
//!
//! 1. `input` reads the file, and `document` parses it: a tree of nodes, each with its position in the file.
//! 2. `parameters` gives parameters their values, `resolver` takes the resources whose condition holds, and
//!    `values` says what their intrinsic functions come to. Each resource that others refer to gives its
//!    names to the resolver first.
//! 3. `functions` takes each function through its own steps: `resources` (which there are, and their
//!    names), `tenancy` (whether AWS takes it with tenant isolation), `code` (where it is on this machine)
//!    and `settings`. The first step that refuses it says why, as a `FunctionRefusal`.
//! 4. `api` builds the REST APIs: `api::sam` and `api::cloud_formation` find them, `openapi` reads their
//!    documents, and `authorizers` and `integration` read the parts of a method.
//! 5. `deploy_warnings` and `unserved` say what would be otherwise on AWS, and what isn't here.
//!
//! A function that can't be served has a reason; the others are served. Anything else that isn't known is a
//! warning with its position, by `Resolver::warn`.
//!
//! # To add
//!
//! - A **type of resources**: a module beside `functions` and `api` that asks `Resolver::of_type`. If others
//!   refer to it, it calls `Resolver::name` before they are resolved. `read` calls it. Take the type out of
//!   `unserved`. Nested stacks are such a type, and parse a document of their own.
//! - A **property of functions**: a member in `functions::function`, read in `functions::settings`, with a
//!   reason in `functions::refusal` if AWS refuses a value of it. `cli::serve::template` hands it on.
//! - An **intrinsic function**: a function in `values::texts`, `values::lookups` or `values::conditions`, and
//!   a row in `values::resolve`; what it can't know is an `UnknownValue`.
//! - A **value that comes from elsewhere**, such as a parameter of SSM: in `parameters`.
//! - A **place of code**, such as a zip file: a variant of `functions::function::Code`, found in
//!   `functions::code`.
//! - `Fn::ForEach` makes resources, so it is spread before the resolver takes them, in `Resolver::new`.
//! - **Another format**, such as a plan of Terraform: a reader of its own that makes a `Template`.

// In the order of the stages: a module uses only those above it.
mod document;

pub(crate) mod input;

mod globals;
mod parameters;
mod values;

mod resolver;

mod integration;

mod authorizers;
mod deploy_warnings;

mod openapi;

pub(crate) mod functions;

mod api;
mod unserved;

use crate::emulator::template::functions::function::TemplateFunction;
use crate::emulator::template::functions::refusal::RefusedFunction;
use crate::emulator::template::input::{TemplateError, TemplateInput, read_document};
use crate::emulator::template::resolver::Resolver;
use crate::endpoints::api_gateway::api::RestApi;

/// What a template describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    /// The functions that can be served.
    pub(crate) functions: Vec<TemplateFunction>,
    /// Those that can't.
    pub(crate) refused: Vec<RefusedFunction>,
    /// The APIs in front of them.
    pub(crate) apis: Vec<RestApi>,
    /// What its user should know, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Reads a template.
///
/// # Errors
///
/// When the file can't be read, or is no template.
pub(crate) fn read(input: &TemplateInput) -> Result<Template, TemplateError> {
    let document = read_document(&input.file)?;
    let mut resolver = Resolver::new(input, &document)?;
    let functions = functions::functions(&mut resolver);
    let apis = api::apis(&mut resolver, &functions);
    let served: Vec<_> = functions.iter().flatten().map(|one| one.logical_id.as_str()).collect();
    unserved::warn(&mut resolver, &served);
    let mut template = Template { apis, ..Template::default() };
    for function in functions {
        match function {
            Ok(function) => template.functions.push(function),
            Err(refused) => template.refused.push(refused),
        }
    }
    template.warnings = resolver.into_warnings();
    Ok(template)
}
