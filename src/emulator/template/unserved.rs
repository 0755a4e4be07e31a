//! What a template has beside functions and REST APIs, and isn't here: it is named, so that nobody waits for
//! it.

use thiserror::Error;

use crate::emulator::template::document::Node;
use crate::emulator::template::functions::resources::properties;
use crate::emulator::template::resolver::Resolver;

/// Resources beside the functions, with what they would do.
const RESOURCES: [(&str, &str); 13] = [
    ("AWS::Serverless::HttpApi", "HTTP APIs are not served"),
    ("AWS::ApiGatewayV2::Api", "HTTP and WebSocket APIs are not served"),
    ("AWS::Serverless::WebSocketApi", "WebSocket APIs are not served"),
    ("AWS::Lambda::EventSourceMapping", "it never calls its function here"),
    ("AWS::Events::Rule", "it never calls its function here"),
    ("AWS::Scheduler::Schedule", "it never calls its function here"),
    ("AWS::SNS::Subscription", "it never calls its function here"),
    ("AWS::S3::BucketNotification", "it never calls its function here"),
    ("AWS::Lambda::Url", "function URLs are not served"),
    ("AWS::Serverless::Application", "what is in it is not served"),
    ("AWS::CloudFormation::Stack", "what is in it is not served"),
    ("AWS::Serverless::StateMachine", "it is not run"),
    ("AWS::StepFunctions::StateMachine", "it is not run"),
];

/// Properties of functions.
const PROPERTIES: [(&str, &str); 3] = [
    ("Layers", "its layers are not there: what they have must be in its code"),
    ("FunctionUrlConfig", "its function URL is not served"),
    ("FileSystemConfigs", "its file systems are not there"),
];

/// Something that works on AWS alone.
#[derive(Debug, Error)]
enum Unserved<'a> {
    /// A resource.
    #[error("{logical_id} ({kind}): {what}")]
    Resource { logical_id: &'a str, kind: &'a str, what: &'a str },
    /// A property of a function.
    #[error("{function}: {what}")]
    Property { function: &'a str, what: &'a str },
    /// An event of a function.
    #[error("{function}: its event {event} ({kind}) never comes here")]
    Event { function: &'a str, event: &'a str, kind: &'a str },
    /// `Fn::ForEach`
    #[error("{name}: what it makes is not served")]
    Loop { name: &'a str },
}

/// Warns of each. `functions` are the logical ids of those that are served.
pub(super) fn warn(resolver: &mut Resolver<'_>, functions: &[&str]) {
    for (kind, what) in RESOURCES {
        for (logical_id, resource) in resolver.of_type(kind) {
            resolver.warn(&resource.problem(Unserved::Resource { logical_id, kind, what }));
        }
    }
    for function in functions {
        let Some(resource) = resolver.resource(function) else { continue };
        let properties = &properties(resolver, resource);
        for (member, what) in PROPERTIES {
            if let Some(node) = properties.get(member)
                && resolver.value(properties, member).is_some()
            {
                resolver.warn(&node.problem(Unserved::Property { function, what }));
            }
        }
        for (event, node) in properties.get("Events").map(Node::entries).unwrap_or_default() {
            let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
            if kind != "Api" {
                resolver.warn(&node.problem(Unserved::Event { function, event, kind: &kind }));
            }
        }
    }
    for (name, node) in resolver.loops() {
        resolver.warn(&node.problem(Unserved::Loop { name }));
    }
}
