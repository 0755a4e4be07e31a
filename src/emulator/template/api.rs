//! The REST APIs of a template, as they are deployed: SAM's and CloudFormation's, each with the methods of
//! its OpenAPI document.

mod problem;

mod draft;

mod cloud_formation;
mod sam;

use crate::emulator::template::api::draft::ApiDraft;
use crate::emulator::template::functions::function::TemplateFunction;
use crate::emulator::template::functions::refusal::RefusedFunction;
use crate::emulator::template::resolver::Resolver;
use crate::endpoints::api_gateway::api::RestApi;

/// The stage of an API that has none.
const STAGE: &str = "Prod";

/// The APIs that have methods.
pub(crate) fn apis(
    resolver: &mut Resolver<'_>,
    functions: &[Result<TemplateFunction, RefusedFunction>],
) -> Vec<RestApi> {
    sam::name(resolver);
    cloud_formation::name(resolver);
    let mut drafts = sam::drafts(resolver, functions);
    drafts.extend(cloud_formation::drafts(resolver));
    drafts.retain(|draft| !draft.definition.methods.is_empty());
    let input = resolver.input();
    let deployed = |ApiDraft { logical_id, stage, variables, definition }: ApiDraft| RestApi {
        id: id(&logical_id),
        name: logical_id,
        account_id: input.account_id.clone(),
        region: input.region.clone(),
        stage: stage.unwrap_or_else(|| STAGE.to_owned()),
        stage_variables: variables,
        binary_media_types: definition.binary_media_types,
        methods: definition.methods,
    };
    drafts.into_iter().map(deployed).collect()
}

/// Ten letters and digits, the same for the same name.
fn id(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase());
    letters.chain(std::iter::repeat('0')).take(10).collect()
}
