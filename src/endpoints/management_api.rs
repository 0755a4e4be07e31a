//! The calls of the Lambda API that tools make before they invoke, and that tell what is served. The
//! calls that would change it are refused: what is served is what the command line says.
//!
//! The way of one request: [`operation`] says which call it is; the call is answered here, from the
//! [`configuration`] of the function that it names, or with a [`page`] of all of them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

pub(crate) mod configuration;
pub(crate) mod operation;
mod page;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::data_plane::functions::Functions;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::name::{self, Unqualified, parameter};
use crate::endpoints::lambda_api::reply::set_request_id;
use crate::lambda::function::{Function, LATEST};
use crate::lambda::quotas;
use crate::system::http::{Reply, discard, json as json_reply};
use crate::system::random::random_uuid;
use configuration::{AccountLimit, ManagedSettings, Revision};
use operation::Operation;
use page::{FunctionPage, ListedArns, PageRequest};

/// What answers the calls. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct ManagementApi {
    functions: Functions,
    /// By the name of the function.
    settings: Arc<BTreeMap<String, ManagedSettings>>,
    account: AccountLimit,
    revision: Arc<Revision>,
}

/// How much of a refused body is read, and thrown away, before the answer, in bytes: a caller that is
/// still sending would see a reset instead. It is what AWS takes for the largest of these calls, the
/// `CreateFunction` of a package of 50 MB in base64.
const DISCARDED_BYTES: u64 = 70_167_211;

/// Refuses a call that mtl doesn't answer. The error is the one for wrong requests that every call that
/// changes something has in its model, so SDKs raise it by its type and don't retry.
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
        account: AccountLimit,
    ) -> Self {
        let (settings, revision) = (Arc::new(settings), Arc::new(Revision::now()));
        Self { functions, settings, account, revision }
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
        let named = name::resolve(&self.functions, name, qualifier, Unqualified::Function)?;
        Ok((Arc::clone(named.served.function()), named.arn()))
    }

    fn configuration(&self, name: &str, query: Option<&str>) -> Result<Value, ApiError> {
        let qualifier = parameter(query, "Qualifier");
        let (function, arn) = self.named(name, qualifier.as_deref())?;
        Ok(self.revision.configuration(&function, self.settings(&function), &arn))
    }

    fn settings(&self, function: &Function) -> ManagedSettings {
        self.settings.get(&function.name).copied().unwrap_or_default()
    }

    /// `Code` is empty: there is no package that could be downloaded.
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

    fn list(&self, query: Option<&str>) -> Result<Value, ApiError> {
        let request = PageRequest::parse(query)?;
        let FunctionPage { functions, next_marker } = request.page(&self.functions)?;
        let listed = |function: &Arc<Function>| {
            let arn = match request.arns {
                ListedArns::Qualified => format!("{}:{LATEST}", function.arn()),
                ListedArns::Unqualified => function.arn(),
            };
            let settings = self.settings(function);
            configuration::listed(self.revision.configuration(function, settings, &arn))
        };
        let page: Vec<Value> = functions.iter().map(listed).collect();
        let mut answer = json!({ "Functions": page });
        if let Some(next) = next_marker {
            answer["NextMarker"] = json!(next);
        }
        Ok(answer)
    }
}

fn finish(answer: Result<Value, ApiError>) -> Reply {
    let mut reply = match answer {
        Ok(document) => json_reply(StatusCode::OK, document.to_string()),
        Err(error) => error.reply(),
    };
    set_request_id(&mut reply, random_uuid());
    reply
}
