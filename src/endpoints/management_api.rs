//! The calls of the Lambda API that tools make before they invoke, and that tell what is served. The
//! calls that would change it are refused: what is served is what the command line says. Knows no
//! invocations and no environments.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

pub(crate) mod configuration;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::data_plane::functions::{Functions, ServedFunction};
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::name::{self, Unqualified, parameter};
use crate::endpoints::lambda_api::reply::set_request_id;
use crate::lambda::function::{Function, LATEST};
use crate::lambda::quotas;
use crate::system::http::{Reply, discard, json as json_reply, path_parameter};
use configuration::{Account, Deployment, ManagedSettings};

/// What answers the calls. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct ManagementApi {
    functions: Functions,
    /// By the name of the function.
    settings: Arc<BTreeMap<String, ManagedSettings>>,
    account: Account,
    deployment: Arc<Deployment>,
}

/// A call that is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The limits of the account.
    GetAccountSettings,
    /// The function with this name: its configuration and its reserved concurrency.
    GetFunction(String),
    /// The reserved concurrency of the function with this name.
    GetFunctionConcurrency(String),
    /// The configuration of the function with this name.
    GetFunctionConfiguration(String),
    /// All functions.
    ListFunctions,
}

/// How much of a refused body is read, and thrown away, before the answer, in bytes: a caller that is
/// still sending would see a reset instead. It is what AWS takes for the largest of these calls, the
/// `CreateFunction` of a package of 50 MB in base64.
const DISCARDED_BYTES: u64 = 70_167_211;

/// How many functions a page has.
const PAGE: usize = 50;

/// The most functions that a caller may ask for in one page.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html#API_ListFunctions_RequestSyntax>
const MAXIMUM_MAX_ITEMS: u32 = 10_000;

/// What the paths of the Lambda API name after their date.
const RESOURCES: [&str; 11] = [
    "account-settings",
    "capacity-providers",
    "code-signing-configs",
    "durable-execution-callbacks",
    "durable-executions",
    "event-source-mappings",
    "functions",
    "layers",
    "layers-by-arn",
    "resource-policy",
    "tags",
];

/// The call that is answered at this path. SDKs differ in the slash at the end of a collection.
#[must_use]
pub(crate) fn operation(method: &Method, path: &str) -> Option<Operation> {
    if method != Method::GET {
        return None;
    }
    match path.strip_suffix('/').unwrap_or(path) {
        "/2015-03-31/functions" => return Some(Operation::ListFunctions),
        "/2016-08-19/account-settings" => return Some(Operation::GetAccountSettings),
        _ => {}
    }
    let functions = "/2015-03-31/functions/";
    path_parameter(path, functions, "")
        .map(Operation::GetFunction)
        .or_else(|| {
            path_parameter(path, functions, "/configuration")
                .map(Operation::GetFunctionConfiguration)
        })
        .or_else(|| {
            path_parameter(path, "/2019-09-30/functions/", "/concurrency")
                .map(Operation::GetFunctionConcurrency)
        })
}

/// Whether a path is one of the Lambda API's, emulated or not: a date, then what it is about. Nothing
/// of it is empty but what comes after the slash that a collection may end with; a mistyped route of
/// Invoke is no call of this API.
#[must_use]
pub(crate) fn is_lambda_api(path: &str) -> bool {
    let mut segments = path.split('/').skip(1);
    let is_date = segments.next().is_some_and(|date| {
        let is_as_in_dates = |(position, byte): (usize, u8)| match position {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        date.len() == "2015-03-31".len() && date.bytes().enumerate().all(is_as_in_dates)
    });
    let is_resource = segments.next().is_some_and(|resource| RESOURCES.contains(&resource));
    let rest: Vec<&str> = segments.collect();
    let is_whole = rest == [""] || rest.iter().all(|segment| !segment.is_empty());
    is_date && is_resource && is_whole
}

/// Refuses any other call, with the one exception for a wrong request that every call of the API
/// that changes something has in its model, so that SDKs raise it by its type and don't retry.
pub(crate) async fn refuse(request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    discard(body, DISCARDED_BYTES).await;
    let error = ApiError::InvalidParameterValue(format!(
        "mtl does not emulate {} {}. It serves what its command line says, and no call changes \
         that: start mtl serve with other options instead.",
        head.method,
        head.uri.path()
    ));
    finish(Err(error))
}

impl ManagementApi {
    /// What tells about these functions and their account.
    #[must_use]
    pub(crate) fn new(
        functions: Functions,
        settings: BTreeMap<String, ManagedSettings>,
        account: Account,
    ) -> Self {
        let (settings, deployment) = (Arc::new(settings), Arc::new(Deployment::now()));
        Self { functions, settings, account, deployment }
    }

    /// Answers a call with these parameters.
    #[must_use]
    pub(crate) fn answer(&self, operation: &Operation, query: Option<&str>) -> Reply {
        finish(match operation {
            Operation::GetAccountSettings => Ok(self.account_settings()),
            Operation::GetFunction(name) => self.function(name, query),
            Operation::GetFunctionConcurrency(name) => self
                .named(name, None)
                .map(|(function, _)| self.concurrency(&function).unwrap_or_else(|| json!({}))),
            Operation::GetFunctionConfiguration(name) => self.configuration(name, query),
            Operation::ListFunctions => self.list(query),
        })
    }

    /// The function that a request names, and the ARN of what it names.
    fn named(
        &self,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Arc<Function>, String), ApiError> {
        let violations = name::violations(name, qualifier);
        if !violations.is_empty() {
            return Err(ApiError::Validation(violations));
        }
        let (served, arn) = name::resolve(&self.functions, name, qualifier, Unqualified::Function)?;
        Ok((Arc::clone(served.function()), arn))
    }

    fn configuration(&self, name: &str, query: Option<&str>) -> Result<Value, ApiError> {
        let qualifier = parameter(query, "Qualifier");
        let (function, arn) = self.named(name, qualifier.as_deref())?;
        Ok(self.deployment.configuration(&function, self.settings(&function), &arn))
    }

    fn settings(&self, function: &Function) -> ManagedSettings {
        self.settings.get(&function.name).copied().unwrap_or_default()
    }

    /// Where the code is, is not told: there is no package that could be downloaded.
    fn function(&self, name: &str, query: Option<&str>) -> Result<Value, ApiError> {
        let configuration = self.configuration(name, query)?;
        let (function, _) = self.named(name, None)?;
        let mut answer = json!({ "Configuration": configuration, "Code": {} });
        if let Some(concurrency) = self.concurrency(&function) {
            answer["Concurrency"] = concurrency;
        }
        Ok(answer)
    }

    fn concurrency(&self, function: &Function) -> Option<Value> {
        let reserved = self.settings(function).reserved_concurrency?;
        Some(json!({ "ReservedConcurrentExecutions": reserved }))
    }

    fn account_settings(&self) -> Value {
        let concurrency = self.account.concurrency;
        let reserved: u32 =
            self.settings.values().filter_map(|settings| settings.reserved_concurrency).sum();
        json!({
            "AccountLimit": {
                "TotalCodeSize": quotas::TOTAL_CODE_BYTES,
                "CodeSizeUnzipped": quotas::UNZIPPED_CODE_BYTES,
                "CodeSizeZipped": quotas::ZIPPED_CODE_BYTES,
                "ConcurrentExecutions": concurrency,
                "UnreservedConcurrentExecutions": concurrency.saturating_sub(reserved),
            },
            "AccountUsage": { "TotalCodeSize": configuration::CODE_BYTES, "FunctionCount": self.functions.all().len() },
        })
    }

    /// By name, a page of at most 50 unless fewer are asked for. With every version asked for, a function
    /// is its version.
    fn list(&self, query: Option<&str>) -> Result<Value, ApiError> {
        let version = parameter(query, "FunctionVersion");
        let max_items = parameter(query, "MaxItems");
        let mut violations = Vec::new();
        violations.extend(version.as_deref().and_then(version_violation));
        violations.extend(max_items.as_deref().and_then(max_items_violation));
        if !violations.is_empty() {
            return Err(ApiError::Validation(violations));
        }
        let mut functions: Vec<&Arc<Function>> =
            self.functions.all().iter().map(ServedFunction::function).collect();
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        let start = match parameter(query, "Marker") {
            None => 0,
            Some(marker) => {
                functions.iter().position(|function| function.name == marker).ok_or_else(|| {
                    ApiError::InvalidParameterValue(format!("Invalid marker: {marker}"))
                })?
            }
        };
        let most = max_items.and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(PAGE);
        let listed = |function: &&Arc<Function>| {
            let arn = match version {
                Some(_) => format!("{}:{LATEST}", function.arn()),
                None => function.arn(),
            };
            let settings = self.settings(function);
            configuration::listed(self.deployment.configuration(function, settings, &arn))
        };
        let page: Vec<Value> = functions.iter().skip(start).take(most).map(listed).collect();
        let mut answer = json!({ "Functions": page });
        if let Some(next) = functions.get(start + most) {
            answer["NextMarker"] = json!(next.name);
        }
        Ok(answer)
    }
}

fn version_violation(version: &str) -> Option<String> {
    (version != "ALL").then(|| {
        format!(
            "Value '{version}' at 'functionVersion' failed to satisfy constraint: \
             Member must satisfy enum value set: [ALL]"
        )
    })
}

fn max_items_violation(max_items: &str) -> Option<String> {
    let constraint = match max_items.parse() {
        Ok(1..=MAXIMUM_MAX_ITEMS) => return None,
        Ok(0) => "greater than or equal to 1".to_owned(),
        _ => format!("less than or equal to {MAXIMUM_MAX_ITEMS}"),
    };
    Some(format!(
        "Value '{max_items}' at 'maxItems' failed to satisfy constraint: \
         Member must have value {constraint}"
    ))
}

fn finish(answer: Result<Value, ApiError>) -> Reply {
    let mut reply = match answer {
        Ok(document) => json_reply(StatusCode::OK, document.to_string()),
        Err(error) => error.reply(),
    };
    set_request_id(&mut reply, Uuid::new_v4());
    reply
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Operation, is_lambda_api, max_items_violation, operation};

    #[test]
    fn a_path_and_its_method_are_an_operation() {
        let get = |path: &str| operation(&Method::GET, path);
        for slash in ["", "/"] {
            let list = get(&format!("/2015-03-31/functions{slash}"));
            assert_eq!(list, Some(Operation::ListFunctions));
            let settings = get(&format!("/2016-08-19/account-settings{slash}"));
            assert_eq!(settings, Some(Operation::GetAccountSettings));
        }
        let arn = "/2015-03-31/functions/arn%3Aaws%3Alambda/configuration";
        let configuration = Operation::GetFunctionConfiguration("arn:aws:lambda".to_owned());
        assert_eq!(get(arn), Some(configuration));
        let concurrency = Operation::GetFunctionConcurrency("f".to_owned());
        assert_eq!(get("/2019-09-30/functions/f/concurrency"), Some(concurrency));
        assert_eq!(get("/2015-03-31/functions/f/policy"), None);
        assert_eq!(operation(&Method::POST, "/2015-03-31/functions"), None);
    }

    #[test]
    fn the_lambda_api_is_told_from_other_paths() {
        for path in
            ["/2017-10-31/functions/f/concurrency", "/2018-10-31/layers", "/2017-03-31/tags/x"]
        {
            assert!(is_lambda_api(path), "{path}");
        }
        for path in [
            "/",
            "/functions",
            "/2018-06-01/runtime/init/error",
            "/2015-3-031/functions",
            "/invoke",
        ] {
            assert!(!is_lambda_api(path), "{path}");
        }
    }

    #[test]
    fn a_page_has_1_to_10000_functions() {
        for right in ["1", "50", "10000"] {
            assert_eq!(max_items_violation(right), None);
        }
        for (wrong, constraint) in
            [("0", "greater than or equal to 1"), ("10001", "less than or equal to 10000")]
        {
            let violation = max_items_violation(wrong).unwrap();
            assert!(violation.ends_with(&format!("Member must have value {constraint}")));
        }
    }
}
