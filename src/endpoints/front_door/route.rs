//! What the path of a request leads to.

use http::{HeaderMap, Method};

use crate::endpoints::cloudwatch_api::wire::Protocol;
use crate::endpoints::management_api::operation::{self, Operation};
use crate::system::http::path_parameter;

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Invoke of the function with this name.
    Invoke(String),
    /// `InvokeWithResponseStream` of the function with this name.
    InvokeWithResponseStream(String),
    /// An operation that tells what is served.
    Management(Operation),
    /// The plain route.
    Plain,
    /// An operation of CloudWatch.
    CloudWatch(Protocol),
    /// Any other operation of the Lambda API.
    NotEmulated,
}

/// What a request leads to, where the plain route has the path `invocation_endpoint`. If that is a path of
/// AWS, AWS's route wins: whoever gives the plain route such a path wants AWS's answers.
#[must_use]
pub(crate) fn route(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    invocation_endpoint: &str,
) -> Option<Route> {
    if let Some(name) = path_parameter(path, "/2015-03-31/functions/", "/invocations") {
        return Some(Route::Invoke(name));
    }
    let streaming = "/response-streaming-invocations";
    if let Some(name) = path_parameter(path, "/2021-11-15/functions/", streaming) {
        return Some(Route::InvokeWithResponseStream(name));
    }
    if let Some(operation) = operation::operation(method, path) {
        return Some(Route::Management(operation));
    }
    if path == invocation_endpoint {
        return Some(Route::Plain);
    }
    if let Some(protocol) = Protocol::for_request(method, path, headers) {
        return Some(Route::CloudWatch(protocol));
    }
    operation::is_lambda_api(path).then_some(Route::NotEmulated)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::{Route, route};
    use crate::endpoints::management_api::operation::Operation;

    #[test]
    fn paths_lead_to_their_api() {
        let route = |path, endpoint| route(&Method::POST, path, &HeaderMap::new(), endpoint);
        let invoke = |name: &str| Some(Route::Invoke(name.to_owned()));
        assert_eq!(route("/2015-03-31/functions/f/invocations", "/invoke"), invoke("f"));
        assert_eq!(route("/2015-03-31/functions/a%3Ab/invocations", "/invoke"), invoke("a:b"));
        let both = "/2015-03-31/functions/function/invocations";
        assert_eq!(route(both, both), invoke("function"));
        assert_eq!(route("/invoke", "/invoke"), Some(Route::Plain));
        for unknown in ["/", "/invoke/", "/x/invoke", "/2018-06-01/runtime/invocation/next"] {
            assert_eq!(route(unknown, "/invoke"), None, "{unknown}");
        }
    }

    #[test]
    fn what_only_tells_is_answered_and_what_would_change_something_is_not() {
        let route =
            |method: &Method, path, endpoint| route(method, path, &HeaderMap::new(), endpoint);
        let function = "/2015-03-31/functions/f";
        let get = Some(Route::Management(Operation::GetFunction("f".to_owned())));
        assert_eq!(route(&Method::GET, function, "/invoke"), get);
        assert_eq!(route(&Method::DELETE, function, "/invoke"), Some(Route::NotEmulated));
        assert_eq!(route(&Method::POST, function, function), Some(Route::Plain));
        for mistyped in
            ["/2015-03-31/functions//invocations", "/2015-03-31/functions/f/invocations/"]
        {
            assert_eq!(route(&Method::POST, mistyped, "/invoke"), None, "{mistyped}");
        }
    }
}
