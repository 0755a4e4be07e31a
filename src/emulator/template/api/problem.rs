//! What of an API isn't served, or is served otherwise than on AWS.

use thiserror::Error;

use crate::endpoints::api_gateway::resource::Resource;

/// What isn't served, or is served otherwise than on AWS.
#[derive(Debug, Error)]
pub(super) enum ApiProblem {
    /// API keys.
    #[error("API keys are not looked at: all may pass")]
    WithoutKey,
    /// Signatures.
    #[error("signatures (AWS_IAM) are not looked at: all may pass")]
    Unsigned,
    /// Another HTTP method than API Gateway has.
    #[error("`{name}` is no method of an API")]
    HttpMethod {
        /// The method in the template.
        name: String,
    },
    /// An event of an API that isn't there.
    #[error("an event names the API `{api}`, which is not there")]
    MissingApi {
        /// The API.
        api: String,
    },
    /// An event without a property that it needs.
    #[error("an event has no {property}")]
    EventWithout {
        /// The property.
        property: String,
    },
    /// An event of an API whose document SAM leaves alone.
    #[error("{verb} {path} is not served: the document of {api} doesn't have it")]
    NotInDocument {
        /// The HTTP method.
        verb: String,
        /// The path.
        path: Resource,
        /// The API.
        api: String,
    },
    /// `Auth` of an event whose method the document describes.
    #[error("the `Auth` of an event is not looked at: {api} has that method")]
    AuthOfEvent {
        /// The API.
        api: String,
    },
    /// A method of a resource that isn't there.
    #[error("the resource `{resource}` of a method of the API {api} is not there")]
    MissingResource {
        /// The resource.
        resource: String,
        /// The API.
        api: String,
    },
    /// A method without `HttpMethod`.
    #[error("a method has no HttpMethod")]
    NoHttpMethod,
    /// A method without an integration.
    #[error("{method} has no integration")]
    NoIntegration {
        /// The HTTP method and the path.
        method: String,
    },
    /// Another type of authorization than a Lambda authorizer.
    #[error("the authorization {kind} of a method is not served: all may pass")]
    Authorization {
        /// The type.
        kind: String,
    },
    /// A method names an authorizer that isn't there.
    #[error("the authorizer `{id}` of a method is not there, so it is not served")]
    MissingAuthorizer {
        /// The authorizer.
        id: String,
    },
}
