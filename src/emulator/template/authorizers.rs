//! The authorizers of an API, in the three ways in which templates have them: SAM's `Auth`, the security
//! schemes of OpenAPI, and `AWS::ApiGateway::Authorizer`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use regex_lite::Regex;
use thiserror::Error;

use crate::emulator::template::document::{FilePosition, Node, Problem};
use crate::emulator::template::integration::{function_of, name_in};
use crate::endpoints::api_gateway::authorizer::{Authorizer, AuthorizerKind};
use crate::endpoints::api_gateway::mapping::MappingSource;

/// Why an authorizer isn't served, or a method that names it.
#[derive(Debug, Error)]
enum AuthorizerRefusal {
    /// A method names one that isn't there: such a method must not be open to all.
    #[error("its authorizer `{name}` is not there, so it is not served")]
    Missing {
        /// The authorizer.
        name: String,
    },
    /// It is something else than a Lambda function, such as a user pool.
    #[error("{name} is no Lambda authorizer, and not served: all may pass")]
    NotLambda {
        /// The authorizer.
        name: String,
    },
    /// Its ARN or URI isn't one of a Lambda function.
    #[error("the authorizer {name} is not served: it names no Lambda function")]
    NoFunction {
        /// The authorizer.
        name: String,
    },
    /// Neither `TOKEN` nor `REQUEST`.
    #[error("the authorizer {name}: its type `{kind}` is not served")]
    Kind {
        /// The authorizer.
        name: String,
        /// Its type.
        kind: String,
    },
    /// Its validation expression isn't a regular expression.
    #[error("the authorizer {name}: {source}")]
    Pattern {
        /// The authorizer.
        name: String,
        /// What is wrong with the expression.
        source: regex_lite::Error,
    },
}

/// Authorizers by their names. What isn't a Lambda function, such as a user pool, is `None`: all may pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorizers {
    named: BTreeMap<String, Option<Authorizer>>,
    /// The authorizer of methods that name none.
    pub(crate) default: Option<Authorizer>,
    /// Whether preflight requests need it too.
    pub(crate) guards_preflight: bool,
}

impl Authorizers {
    /// The authorizer that a method names, if it is a Lambda function.
    ///
    /// # Errors
    ///
    /// When there is none of that name: such a method must not be open to all.
    pub(crate) fn named(&self, name: &str, method: &Node) -> Result<Option<Authorizer>, Problem> {
        let missing = || method.problem(AuthorizerRefusal::Missing { name: name.to_owned() });
        if name == AWS_IAM {
            return Ok(None);
        }
        self.named.get(name).cloned().ok_or_else(missing)
    }

    /// The authorizer of a method that names none.
    #[must_use]
    pub(crate) fn of_unnamed(&self, http_method: Option<&Method>) -> Option<Authorizer> {
        let is_preflight = http_method == Some(&Method::OPTIONS);
        self.default.clone().filter(|_| !is_preflight || self.guards_preflight)
    }

    /// Adds the authorizers of `others`; what they say of methods that name none replaces what these say.
    pub(crate) fn extend(&mut self, others: &Self) {
        self.named.extend(others.named.clone());
        self.default.clone_from(&others.default);
        self.guards_preflight = others.guards_preflight;
    }
}

/// What SAM calls the authorization by signatures, which are not looked at here.
pub(crate) const AWS_IAM: &str = "AWS_IAM";

/// How long an answer counts where nothing else was said.
const TTL_SECONDS: u32 = 300;

/// A source of this name.
type OfName = fn(String) -> MappingSource;

/// What the three ways have in common.
struct AuthorizerParts<'a> {
    name: &'a str,
    /// `TOKEN` or `REQUEST`, in any case.
    kind: &'a str,
    function: String,
    sources: Vec<MappingSource>,
    pattern: Option<&'a Node>,
    ttl: u32,
}

impl AuthorizerParts<'_> {
    fn authorizer(self, position: FilePosition) -> Result<Authorizer, Problem> {
        let wrong = |reason: AuthorizerRefusal| Problem { position, what: reason.to_string() };
        let pattern = self.pattern.and_then(Node::text).map(|text| Regex::new(&text));
        let pattern = pattern.transpose().map_err(|source| {
            wrong(AuthorizerRefusal::Pattern { name: self.name.to_owned(), source })
        })?;
        let kind = if self.kind.eq_ignore_ascii_case("request") {
            AuthorizerKind::Request { sources: self.sources }
        } else if self.kind.eq_ignore_ascii_case("token") {
            let default = || MappingSource::Header("Authorization".to_owned());
            let source = self.sources.into_iter().next().unwrap_or_else(default);
            AuthorizerKind::Token { source, pattern }
        } else {
            let (name, kind) = (self.name.to_owned(), self.kind.to_owned());
            return Err(wrong(AuthorizerRefusal::Kind { name, kind }));
        };
        Ok(Authorizer {
            name: self.name.to_owned(),
            function: self.function,
            kind,
            ttl: Duration::from_secs(self.ttl.into()),
        })
    }
}

/// The authorizers of `Auth` of one of SAM's APIs, whose values have been resolved.
pub(crate) fn of_sam(auth: &Node, problems: &mut Vec<Problem>) -> Authorizers {
    let all = auth.get("Authorizers").map(Node::entries).unwrap_or_default();
    collect(all, problems, |name, node| {
        if node.get("UserPoolArn").is_some() {
            return Ok(None);
        }
        let arn = node.get("FunctionArn").and_then(Node::text).unwrap_or_default();
        let Some(function) = name_in(&arn) else {
            return Err(node.problem(AuthorizerRefusal::NoFunction { name: name.to_owned() }));
        };
        let identity = node.get("Identity");
        let of_identity = |name: &str| identity.and_then(|identity| identity.get(name));
        let mut sources: Vec<MappingSource> = Vec::new();
        let header = of_identity("Header").and_then(Node::text);
        sources.extend(header.map(|name| MappingSource::Header(name.into_owned())));
        let kinds: [(&str, OfName); 4] = [
            ("Headers", MappingSource::Header),
            ("QueryStrings", MappingSource::QueryString),
            ("StageVariables", MappingSource::StageVariable),
            ("Context", MappingSource::Context),
        ];
        for (list, source) in kinds {
            let names = of_identity(list).map(Node::items).unwrap_or_default();
            sources.extend(names.iter().filter_map(Node::text).map(|it| source(it.into_owned())));
        }
        let kind = node.get("FunctionPayloadType").and_then(Node::text);
        AuthorizerParts {
            name,
            kind: kind.as_deref().unwrap_or("TOKEN"),
            function,
            sources,
            pattern: of_identity("ValidationExpression"),
            ttl: of_identity("ReauthorizeEvery").and_then(Node::number).unwrap_or(TTL_SECONDS),
        }
        .authorizer(node.position)
        .map(Some)
    })
}

/// The authorizers among the security schemes of an OpenAPI document.
pub(crate) fn of_openapi(document: &Node, problems: &mut Vec<Problem>) -> Authorizers {
    const EXTENSION: &str = "x-amazon-apigateway-authorizer";
    let components = document.get("components");
    let schemes = components.and_then(|components| components.get("securitySchemes"));
    let schemes = schemes.or_else(|| document.get("securityDefinitions"));
    collect(schemes.map(Node::entries).unwrap_or_default(), problems, |name, scheme| {
        let Some(node) = scheme.get(EXTENSION) else { return Ok(None) };
        let kind = node.get("type").and_then(Node::text).unwrap_or_default();
        if kind.eq_ignore_ascii_case("cognito_user_pools") {
            return Ok(None);
        }
        let header = scheme.get("name").and_then(Node::text);
        let header = header.filter(|_| node.get("identitySource").is_none());
        let mut sources = sources(node.get("identitySource"))?;
        sources.extend(header.map(|header| MappingSource::Header(header.into_owned())));
        AuthorizerParts {
            name,
            kind: &kind,
            function: function(name, node, node.get("authorizerUri"))?,
            sources,
            pattern: node.get("identityValidationExpression"),
            ttl: ttl(node.get("authorizerResultTtlInSeconds")),
        }
        .authorizer(node.position)
        .map(Some)
    })
}

/// An `AWS::ApiGateway::Authorizer`, whose values have been resolved.
///
/// # Errors
///
/// When it is not one that is served.
pub(crate) fn of_cloud_formation(name: &str, node: &Node) -> Result<Authorizer, Problem> {
    AuthorizerParts {
        name,
        kind: &node.get("Type").and_then(Node::text).unwrap_or_default(),
        function: function(name, node, node.get("AuthorizerUri"))?,
        sources: sources(node.get("IdentitySource"))?,
        pattern: node.get("IdentityValidationExpression"),
        ttl: ttl(node.get("AuthorizerResultTtlInSeconds")),
    }
    .authorizer(node.position)
}

fn collect(
    entries: &[(String, Node)],
    problems: &mut Vec<Problem>,
    read: impl Fn(&str, &Node) -> Result<Option<Authorizer>, Problem>,
) -> Authorizers {
    let mut authorizers = Authorizers::default();
    for (name, node) in entries {
        match read(name, node) {
            Ok(authorizer) => {
                if authorizer.is_none() {
                    problems
                        .push(node.problem(AuthorizerRefusal::NotLambda { name: name.clone() }));
                }
                authorizers.named.insert(name.clone(), authorizer);
            }
            Err(problem) => problems.push(problem),
        }
    }
    authorizers
}

fn function(name: &str, node: &Node, uri: Option<&Node>) -> Result<String, Problem> {
    let uri = uri.and_then(Node::text).unwrap_or_default();
    function_of(&uri)
        .ok_or_else(|| node.problem(AuthorizerRefusal::NoFunction { name: name.to_owned() }))
}

/// A list of sources with commas between them.
fn sources(node: Option<&Node>) -> Result<Vec<MappingSource>, Problem> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let text = node.text().unwrap_or_default();
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parsed = parts.map(|part| part.parse().map_err(|error| node.problem(error)));
    parsed.collect()
}

fn ttl(node: Option<&Node>) -> u32 {
    node.and_then(Node::number).unwrap_or(TTL_SECONDS)
}
