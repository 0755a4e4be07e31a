//! A REST API as it was deployed: its stage, its methods, and what each method asks of a request and
//! does with it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};

use crate::endpoints::api_gateway::authorizer::Authorizer;
use crate::endpoints::api_gateway::mapping::{Mapping, MappingError, MappingSource};
use crate::endpoints::api_gateway::refusal::GatewayRefusal;
use crate::endpoints::api_gateway::resource::{RequestPath, Resource};

/// An API at one stage.
#[derive(Clone, Debug)]
pub(crate) struct RestApi {
    /// What the template calls it.
    pub(crate) name: String,
    /// What AWS calls its id, ten letters and digits.
    pub(crate) id: String,
    /// The account in its events.
    pub(crate) account_id: String,
    /// The Region in its host name.
    pub(crate) region: String,
    /// The stage, which may be in front of every path.
    pub(crate) stage: String,
    /// The variables of the stage.
    pub(crate) stage_variables: BTreeMap<String, String>,
    /// The media types whose bodies are bytes and not text.
    pub(crate) binary_media_types: Vec<String>,
    /// All methods.
    pub(crate) methods: Vec<ApiMethod>,
}

/// A method of a resource.
#[derive(Clone, Debug)]
pub(crate) struct ApiMethod {
    /// Its path.
    pub(crate) resource: Resource,
    /// The method of the requests that it answers; `None` for every method that the resource has no other
    /// entry for.
    pub(crate) http_method: Option<Method>,
    /// What decides whether a request may pass.
    pub(crate) authorizer: Option<Authorizer>,
    /// What a request must have.
    pub(crate) required: Vec<Parameter>,
    /// What answers it.
    pub(crate) integration: Integration,
}

/// A parameter of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Where it is.
    pub(crate) place: ParameterPlace,
    /// Its name.
    pub(crate) name: String,
}

impl FromStr for Parameter {
    type Err = MappingError;

    /// Reads `method.request.querystring.NAME` and its like.
    fn from_str(text: &str) -> Result<Self, MappingError> {
        let (place, name) = match text.parse()? {
            MappingSource::QueryString(name) => (ParameterPlace::QueryString, name),
            MappingSource::Header(name) => (ParameterPlace::Header, name),
            MappingSource::Path(name) => (ParameterPlace::Path, name),
            _ => return Err(MappingError::MappingSource(text.to_owned())),
        };
        Ok(Self { place, name })
    }
}

/// Where a parameter is in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterPlace {
    /// In the query.
    QueryString,
    /// In a header.
    Header,
    /// In the path.
    Path,
}

/// What answers a method.
#[derive(Clone, Debug)]
pub(crate) enum Integration {
    /// A Lambda function.
    Lambda(LambdaIntegration),
    /// Always the same, as for the preflight requests of CORS.
    Fixed(FixedResponse),
}

/// A response that is the same for all requests.
#[derive(Clone, Debug)]
pub(crate) struct FixedResponse {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body; `None` where that isn't known here.
    pub(crate) body: Option<String>,
}

/// A Lambda proxy integration.
#[derive(Clone, Debug)]
pub(crate) struct LambdaIntegration {
    /// The function's name.
    pub(crate) function: String,
    /// What is put into the request to Lambda.
    pub(crate) parameters: Vec<Mapping>,
    /// How long API Gateway waits for it.
    pub(crate) timeout: Duration,
}

impl RestApi {
    /// The method for a request, and where in it the parameters of its path are. A path is looked for
    /// below the stage, if it begins with that, and then as it is.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn find(
        &self,
        method: &Method,
        path: &str,
    ) -> Result<(&ApiMethod, RequestPath), GatewayRefusal> {
        let below_stage = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(&self.stage))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        // The stage alone is the root below it. It must not become the value of a parameter.
        let as_it_is = Some(path).filter(|_| below_stage.is_none_or(|rest| rest.len() > 1));
        let mut candidates = below_stage.into_iter().chain(as_it_is);
        let found = candidates.find_map(|path| self.resource(method, path));
        found.ok_or(GatewayRefusal::NoMethod)
    }

    /// The method of the most specific resource; of one resource, its own method before `ANY`.
    fn resource(&self, method: &Method, path: &str) -> Option<(&ApiMethod, RequestPath)> {
        let fitting =
            |candidate: &&ApiMethod| candidate.http_method.as_ref().is_none_or(|one| one == method);
        self.methods
            .iter()
            .filter(fitting)
            .filter_map(|candidate| Some((candidate, candidate.resource.place(path)?)))
            .min_by(|(one, _), (other, _)| {
                let specific = one.resource.specificity().cmp(&other.resource.specificity());
                specific.then(one.http_method.is_none().cmp(&other.http_method.is_none()))
            })
    }
}

impl ApiMethod {
    /// Where its tenant id comes from, if it is mapped.
    #[must_use]
    pub(crate) fn tenant_source(&self) -> Option<&MappingSource> {
        let mapped = self.lambda()?.parameters.iter();
        let mut mapped = mapped.filter(|mapping| mapping.is_tenant_id());
        mapped.next().map(|mapping| &mapping.source)
    }

    /// Its Lambda integration, if that is what it has.
    #[must_use]
    pub(crate) fn lambda(&self) -> Option<&LambdaIntegration> {
        match &self.integration {
            Integration::Lambda(lambda) => Some(lambda),
            Integration::Fixed(_) => None,
        }
    }

    /// Its HTTP method, as API Gateway writes it.
    #[must_use]
    pub(crate) fn http_method(&self) -> &str {
        self.http_method.as_ref().map_or("ANY", Method::as_str)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use http::Method;

    use super::{ApiMethod, Integration, LambdaIntegration, RestApi};

    fn api(methods: &[(&str, &str)]) -> RestApi {
        let method = |(method, path): &(&str, &str)| ApiMethod {
            resource: path.parse().unwrap(),
            http_method: (*method != "ANY").then(|| method.parse().unwrap()),
            authorizer: None,
            required: Vec::new(),
            integration: Integration::Lambda(LambdaIntegration {
                function: format!("{method} {path}"),
                parameters: Vec::new(),
                timeout: Duration::from_secs(29),
            }),
        };
        RestApi {
            name: "Api".to_owned(),
            id: "api".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            stage: "Prod".to_owned(),
            stage_variables: BTreeMap::new(),
            binary_media_types: Vec::new(),
            methods: methods.iter().map(method).collect(),
        }
    }

    #[test]
    fn the_most_specific_resource_answers_and_then_the_method() {
        let api = api(&[
            ("ANY", "/{proxy+}"),
            ("GET", "/pets/{id}"),
            ("ANY", "/pets/{id}"),
            ("ANY", "/pets/mine"),
            ("GET", "/"),
        ]);
        let found = |method: Method, path: &str| {
            api.find(&method, path).ok().map(|(method, _)| {
                method.lambda().map(|lambda| lambda.function.clone()).unwrap_or_default()
            })
        };
        let found = |method, path| found(method, path).unwrap_or_default();
        assert_eq!(found(Method::GET, "/pets/7"), "GET /pets/{id}");
        assert_eq!(found(Method::PUT, "/pets/7"), "ANY /pets/{id}");
        assert_eq!(found(Method::GET, "/pets/mine"), "ANY /pets/mine");
        assert_eq!(found(Method::GET, "/pets/7/legs"), "ANY /{proxy+}");
        assert_eq!(found(Method::GET, "/"), "GET /");
        assert_eq!(found(Method::GET, "/Prod"), "GET /");
        assert_eq!(found(Method::GET, "/Prod/pets/7"), "GET /pets/{id}");
        assert_eq!(found(Method::GET, "/Production"), "ANY /{proxy+}");
        assert_eq!(found(Method::PUT, "/Prod/"), "", "the stage is no path of the API");
        assert_eq!(found(Method::POST, "/"), "");
    }
}
