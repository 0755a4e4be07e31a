//! What is known before any value is evaluated.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::emulator::template::document::{Node, Problem};

/// All that values may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownValues {
    /// Parameters and pseudo parameters: texts, and lists of texts.
    pub(crate) parameters: BTreeMap<String, Node>,
    /// The section `Mappings`.
    pub(crate) mappings: Option<Node>,
    /// The section `Conditions`.
    pub(crate) conditions: Option<Node>,
    /// What `Ref` and the attributes of resources come to, by `Name` and `Name.Attribute`.
    pub(crate) resources: BTreeMap<String, String>,
    /// Whether conditions hold, as far as they were asked for.
    pub(crate) held: RefCell<BTreeMap<String, Result<bool, Problem>>>,
}

impl KnownValues {
    /// What a parameter, a resource or an attribute of one comes to as a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let parameter = self.parameters.get(name).and_then(Node::text).map(Cow::into_owned);
        parameter.or_else(|| self.resources.get(name).cloned())
    }
}
