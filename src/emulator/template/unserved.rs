//! What calls functions on AWS, or is part of them there, and isn't here: it is named, so that nobody waits
//! for it. Changes nothing of what is served.

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

/// Names them, a sentence each.
pub(super) fn warn(resolver: &mut Resolver<'_>, functions: &[&str]) {
    for (kind, what) in RESOURCES {
        for (logical_id, resource) in resolver.of_type(kind) {
            resolver.warn(&resource.problem(format!("{logical_id} ({kind}): {what}")));
        }
    }
    for name in functions {
        let Some(resource) = resolver.resource(name) else { continue };
        let properties = &properties(resolver, resource);
        for (member, what) in PROPERTIES {
            if let Some(node) = properties.get(member)
                && resolver.value(properties, member).is_some()
            {
                resolver.warn(&node.problem(format!("{name}: {what}")));
            }
        }
        for (event, node) in properties.get("Events").map(Node::entries).unwrap_or_default() {
            let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
            if kind != "Api" {
                let what = format!("{name}: its event {event} ({kind}) never comes here");
                resolver.warn(&node.problem(what));
            }
        }
    }
    for (name, node) in resolver.loops() {
        resolver.warn(&node.problem(format!("{name}: what it makes is not served")));
    }
}
