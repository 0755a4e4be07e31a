//! Which call of the Lambda API a request makes: what is answered, and what is only known to be one.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

use http::Method;

use crate::system::http::path_parameter;

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

/// Whether a path belongs to the Lambda API, emulated or not: a date, then the kind of resource. No
/// segment may be empty, except after the slash that a collection may end with: otherwise a mistyped
/// route of Invoke would count as a call of this API.
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

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{Operation, is_lambda_api, operation};

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
}
