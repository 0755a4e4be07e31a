//! `--api-port` and `--tenant-from`: the APIs of a template with the tenants that it doesn't map, or one in
//! front of a single function, and what `serve` says about their routes.

use std::collections::BTreeMap;
use std::str::FromStr;

use comfy_table::{Table, TableStyle};

use crate::emulator::config::{Api, Port};
use crate::endpoints::api_gateway::api::{
    ApiMethod, Integration, LambdaIntegration, Parameter, ParameterPlace, RestApi,
};
use crate::endpoints::api_gateway::mapping::{Mapping, MappingSource, MappingTarget};
use crate::endpoints::api_gateway::resource::Resource;
use crate::lambda::function::{Function, TenantIsolationMode};
use crate::lambda::quotas;

/// Where SAM's local API listens too.
const DEFAULT_PORT: u16 = 3000;

/// The stage that SAM gives an API without a name for it, and its documents call.
const STAGE: &str = "Prod";

/// The arguments about the API.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "API Gateway")]
pub(crate) struct ApiArgs {
    /// The port of the REST API; 0 is any free one [default: 3000, if there is an API, or a free one if
    /// it is taken]
    #[arg(long, value_name = "PORT")]
    pub(crate) api_port: Option<u16>,

    /// Where requests to the API name their tenant: querystring:NAME, header:NAME or path:NAME
    #[arg(long, value_name = "PLACE")]
    pub(crate) tenant_from: Option<TenantFrom>,
}

/// Where requests name their tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TenantFrom(Parameter);

impl FromStr for TenantFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected querystring:NAME, header:NAME or path:NAME";
        let (place, name) = text.split_once(':').ok_or(expected)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._$-".contains(c);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err("a name has letters, digits and `. _ $ -`".to_owned());
        }
        if place == "path" && name == "proxy" {
            return Err("`proxy` is the rest of the path; give the tenant another name".to_owned());
        }
        let parameter = format!("method.request.{place}.{name}").parse();
        parameter.map(Self).map_err(|_| expected.to_owned())
    }
}

impl ApiArgs {
    /// The APIs of a template, or one in front of the function, if there is to be one: all its paths and
    /// methods lead there. Each has the port after the one before it.
    #[must_use]
    pub(crate) fn apis(self, functions: &[&Function], mut apis: Vec<RestApi>) -> Vec<Api> {
        let tenant = self.tenant_from.map(|TenantFrom(parameter)| parameter);
        if apis.is_empty() && (self.api_port.is_some() || tenant.is_some()) {
            apis.extend(functions.first().map(|function| door(function, tenant.as_ref())));
        } else if let Some(tenant) = &tenant {
            for method in apis.iter_mut().flat_map(|api| &mut api.methods) {
                map_tenant(method, tenant, functions);
            }
        }
        let first = self.api_port.map_or(Port::Preferred(DEFAULT_PORT), Port::Asked);
        let ports = std::iter::successors(Some(first), |before| Some(before.next()));
        apis.into_iter().zip(ports).map(|(api, port)| Api { port, api }).collect()
    }
}

/// Has the methods of a template that don't say where the tenant id is look for it there.
fn map_tenant(method: &mut ApiMethod, tenant: &Parameter, functions: &[&Function]) {
    if method.tenant_source().is_some() {
        return;
    }
    if let Integration::Lambda(lambda) = &mut method.integration
        && is_per_tenant(functions, &lambda.function)
    {
        lambda.parameters.push(mapping(tenant));
        method.required.push(tenant.clone());
    }
}

fn is_per_tenant(functions: &[&Function], name: &str) -> bool {
    let named = functions.iter().find(|function| function.name == name);
    named.is_some_and(|it| it.tenant_isolation_mode == TenantIsolationMode::PerTenant)
}

/// An API whose every request goes to the function.
fn door(function: &Function, tenant: Option<&Parameter>) -> RestApi {
    let method = |path: &str| {
        let resource: Resource = path.parse().ok()?;
        Some(ApiMethod {
            resource,
            http_method: None,
            authorizer: None,
            required: tenant.cloned().into_iter().collect(),
            integration: Integration::Lambda(LambdaIntegration {
                function: function.name.clone(),
                parameters: tenant.map(mapping).into_iter().collect(),
                timeout: quotas::API_INTEGRATION_TIMEOUT,
            }),
        })
    };
    let root = match tenant {
        Some(Parameter { place: ParameterPlace::Path, name }) => format!("/{{{name}}}"),
        _ => String::new(),
    };
    let paths = [if root.is_empty() { "/" } else { root.as_str() }, &format!("{root}/{{proxy+}}")];
    RestApi {
        name: function.name.clone(),
        id: "mtl0000000".to_owned(),
        account_id: function.owner.account_id.clone(),
        region: function.owner.region.clone(),
        stage: STAGE.to_owned(),
        stage_variables: BTreeMap::new(),
        binary_media_types: Vec::new(),
        methods: paths.into_iter().filter_map(method).collect(),
    }
}

fn mapping(Parameter { place, name }: &Parameter) -> Mapping {
    let name = name.clone();
    Mapping {
        target: MappingTarget::Header("X-Amz-Tenant-Id".to_owned()),
        source: match place {
            ParameterPlace::QueryString => MappingSource::QueryString(name),
            ParameterPlace::Header => MappingSource::Header(name),
            ParameterPlace::Path => MappingSource::Path(name),
        },
    }
}

/// All methods of an API, with where the tenant id comes from.
#[must_use]
pub(crate) fn routes(api: &RestApi) -> String {
    let mut table = Table::new();
    let is_guarded = api.methods.iter().any(|method| method.authorizer.is_some());
    let mut header = vec!["method", "path", "function", "tenant from"];
    header.extend(is_guarded.then_some("authorizer"));
    table.load_style(TableStyle::new()).set_header(header);
    for method in &api.methods {
        let mut row = vec![
            method.http_method().to_owned(),
            method.resource.to_string(),
            method.lambda().map_or_else(|| "(fixed)".to_owned(), |it| it.function.clone()),
            method.tenant_source().map_or_else(|| "–".to_owned(), MappingSource::to_string),
        ];
        let authorizer = method.authorizer.as_ref().map_or("–", |it| it.name.as_str());
        row.extend(is_guarded.then(|| authorizer.to_owned()));
        table.add_row(row);
    }
    table.to_string()
}

/// What its user should know about where tenant ids come from.
pub(crate) fn advice(api: &RestApi, functions: &[&Function]) -> impl Iterator<Item = String> {
    let per_tenant = |name: &str| is_per_tenant(functions, name);
    let mut tenants = api
        .methods
        .iter()
        .filter(|method| method.lambda().is_some_and(|lambda| per_tenant(&lambda.function)));
    let unmapped = tenants.clone().find(|method| method.tenant_source().is_none()).map(|method| {
        format!(
            "{}: not every method maps a tenant id, so Lambda refuses its requests: {} {}; map one to \
             integration.request.header.X-Amz-Tenant-Id, or say where it is with --tenant-from",
            api.name,
            method.http_method(),
            method.resource
        )
    });
    let chosen = tenants
        .find_map(|method| method.tenant_source().filter(|source| source.is_chosen_by_caller()));
    let chosen = chosen.map(|chosen| {
        format!(
            "{}: callers choose the tenant id ({chosen}), so any caller can be any tenant; on AWS map it \
             from what an authorizer has verified, such as context.authorizer.tenantId",
            api.name
        )
    });
    unmapped.into_iter().chain(chosen)
}

#[cfg(test)]
mod tests {
    use super::TenantFrom;

    #[test]
    fn a_place_has_a_kind_and_a_name() {
        for wrong in ["", "tenant-id", "cookie:a", "header:", "header:a b", "path:proxy"] {
            assert!(wrong.parse::<TenantFrom>().is_err(), "{wrong}");
        }
        assert!("querystring:tenant-id".parse::<TenantFrom>().is_ok());
    }
}
