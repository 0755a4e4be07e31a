//! A Lambda authorizer as it was deployed: its function, and which parts of a request it judges.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html>

use std::time::Duration;

use regex_lite::Regex;

use crate::endpoints::api_gateway::mapping::MappingSource;

/// A Lambda authorizer.
#[derive(Clone, Debug)]
pub(crate) struct Authorizer {
    /// Its name.
    pub(crate) name: String,
    /// The name of its function.
    pub(crate) function: String,
    /// What it is asked about.
    pub(crate) kind: AuthorizerKind,
    /// How long an answer is kept for the same identity; zero keeps none.
    pub(crate) ttl: Duration,
}

/// What an authorizer is asked about.
#[derive(Clone, Debug)]
pub(crate) enum AuthorizerKind {
    /// A token.
    Token {
        /// Where it is.
        source: MappingSource,
        /// What it must look like.
        pattern: Option<Regex>,
    },
    /// The whole request.
    Request {
        /// The parts of a request that tell callers apart.
        sources: Vec<MappingSource>,
    },
}
