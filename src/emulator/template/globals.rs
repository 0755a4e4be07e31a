//! The section `Globals` of a SAM template.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use crate::emulator::template::document::{Data, Node};

/// What is global with what is a resource's own: maps are merged, lists are joined, and of anything else
/// the resource's own counts, as SAM does it.
#[must_use]
pub(crate) fn merged(global: &Node, own: &Node) -> Node {
    let data = match (&global.data, &own.data) {
        (Data::Map(global), Data::Map(_)) => {
            let mut entries: Vec<(String, Node)> = own.entries().to_vec();
            for (name, value) in global {
                match entries.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) => *known = merged(value, known),
                    None => entries.push((name.clone(), value.clone())),
                }
            }
            Data::Map(entries)
        }
        (Data::List(global), Data::List(own)) => Data::List([global.clone(), own.clone()].concat()),
        _ => own.data.clone(),
    };
    Node { position: own.position, data }
}
