//! What the values of a template come to: parameters, mappings, conditions, and intrinsic functions as
//! far as they can be known without AWS. A new intrinsic function is an arm of `Values::intrinsic`.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::unknown_value::UnknownValue;

/// All that values may refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
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

/// How deep intrinsic functions may be in each other.
const DEPTH: usize = 100;

impl Values {
    /// What a node comes to. `None` is `AWS::NoValue`: the property is as good as absent.
    ///
    /// # Errors
    ///
    /// When it depends on what only AWS knows, or on nothing at all.
    pub(crate) fn resolve(&self, node: &Node) -> Result<Option<Node>, Problem> {
        self.value(node, 0)
    }

    /// What a property comes to; `None` where it isn't there. For what must not be guessed.
    ///
    /// # Errors
    ///
    /// As [`Values::resolve`].
    pub(crate) fn property(&self, properties: &Node, name: &str) -> Result<Option<Node>, Problem> {
        properties.get(name).map_or(Ok(None), |node| self.resolve(node))
    }

    /// The same as a text.
    ///
    /// # Errors
    ///
    /// As [`Values::text`].
    pub(crate) fn property_text(
        &self,
        properties: &Node,
        name: &str,
    ) -> Result<Option<String>, Problem> {
        let value = self.property(properties, name)?;
        value.map(|node| self.text(&node)).transpose()
    }

    /// What a node comes to as a text.
    ///
    /// # Errors
    ///
    /// As [`Values::resolve`], and when it is no text.
    pub(crate) fn text(&self, node: &Node) -> Result<String, Problem> {
        let value = self.resolve(node)?;
        let text = value.as_ref().and_then(Node::text);
        text.map(Cow::into_owned).ok_or_else(|| node.problem(UnknownValue::NotText))
    }

    fn value(&self, node: &Node, depth: usize) -> Result<Option<Node>, Problem> {
        if depth > DEPTH {
            return Err(node.problem(UnknownValue::Endless));
        }
        if let Some((name, argument)) = node.single()
            && (name == "Ref" || name.starts_with("Fn::"))
        {
            return self.intrinsic(name, argument, depth + 1);
        }
        let data = match &node.data {
            Data::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.extend(self.value(item, depth + 1)?);
                }
                Data::List(list)
            }
            Data::Map(entries) => {
                let mut map = Vec::new();
                for (name, value) in entries {
                    map.extend(self.value(value, depth + 1)?.map(|value| (name.clone(), value)));
                }
                Data::Map(map)
            }
            Data::Text(text) if text.contains("{{resolve:") => {
                return Err(node.problem(UnknownValue::DynamicReference));
            }
            scalar => scalar.clone(),
        };
        Ok(Some(Node { position: node.position, data }))
    }

    fn intrinsic(
        &self,
        name: &str,
        argument: &Node,
        depth: usize,
    ) -> Result<Option<Node>, Problem> {
        let text =
            |text: String| Some(Node { position: argument.position, data: Data::Text(text) });
        Ok(match name {
            "Ref" => return self.reference(argument),
            "Fn::GetAtt" => text(self.attribute(argument)?),
            "Fn::Sub" => text(self.sub(argument, depth)?),
            "Fn::Join" => text(self.join(argument, depth)?),
            "Fn::If" => return self.choose(argument, depth),
            "Fn::FindInMap" => return self.find_in_map(argument, depth),
            "Fn::Select" => return self.select(argument, depth),
            "Fn::Split" => Some(self.split(argument, depth)?),
            _ => return Err(argument.problem(UnknownValue::Function { name: name.to_owned() })),
        })
    }

    fn reference(&self, argument: &Node) -> Result<Option<Node>, Problem> {
        let name = argument.text().ok_or_else(|| {
            argument.problem(UnknownValue::Form { function: "Ref", needs: "a name" })
        })?;
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(parameter) = self.parameters.get(name.as_ref()) {
            return Ok(Some(parameter.clone()));
        }
        let value = self
            .named(&name)
            .ok_or_else(|| argument.problem(UnknownValue::Reference { name: name.to_string() }))?;
        Ok(Some(Node { position: argument.position, data: Data::Text(value) }))
    }

    fn named(&self, name: &str) -> Option<String> {
        let parameter = self.parameters.get(name).and_then(Node::text).map(Cow::into_owned);
        parameter.or_else(|| self.resources.get(name).cloned())
    }

    fn attribute(&self, argument: &Node) -> Result<String, Problem> {
        let parts: Vec<_> = argument.items().iter().filter_map(Node::text).collect();
        let name = parts.join(".");
        self.resources
            .get(&name)
            .cloned()
            .ok_or_else(|| argument.problem(UnknownValue::Attribute { name: name.clone() }))
    }

    fn sub(&self, argument: &Node, depth: usize) -> Result<String, Problem> {
        let (pattern, own) = match argument.items() {
            [pattern, own] => (pattern, own.entries()),
            _ => (argument, &[][..]),
        };
        let pattern = pattern.text().ok_or_else(|| {
            argument.problem(UnknownValue::Form { function: "Fn::Sub", needs: "a text" })
        })?;
        let mut text = String::new();
        let mut rest = pattern.as_ref();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| argument.problem(UnknownValue::UnendedVariable))?;
            text += before;
            if let Some(literal) = name.strip_prefix('!') {
                text += &format!("${{{literal}}}");
            } else if let Some((_, value)) = own.iter().find(|(own, _)| own == name) {
                text += &self.text_of(value, depth)?;
            } else {
                let value = self.named(name).ok_or_else(|| {
                    argument.problem(UnknownValue::Variable { name: name.to_owned() })
                })?;
                text += &value;
            }
            rest = after;
        }
        Ok(text + rest)
    }

    fn text_of(&self, node: &Node, depth: usize) -> Result<String, Problem> {
        let value = self.value(node, depth)?;
        let text = value.as_ref().and_then(Node::text).map(Cow::into_owned);
        text.ok_or_else(|| node.problem(UnknownValue::NotText))
    }

    fn join(&self, argument: &Node, depth: usize) -> Result<String, Problem> {
        let [separator, list] = argument.items() else {
            return Err(argument.problem(UnknownValue::Form {
                function: "Fn::Join",
                needs: "a separator and a list",
            }));
        };
        let list = self.value(list, depth)?;
        let items = match list.as_ref().map(|list| &list.data) {
            Some(Data::List(items)) => items.as_slice(),
            _ => {
                return Err(
                    argument.problem(UnknownValue::Form { function: "Fn::Join", needs: "a list" })
                );
            }
        };
        let texts: Result<Vec<_>, _> = items.iter().map(|item| self.text_of(item, depth)).collect();
        Ok(texts?.join(&self.text_of(separator, depth)?))
    }

    fn choose(&self, argument: &Node, depth: usize) -> Result<Option<Node>, Problem> {
        let [condition, yes, no] = argument.items() else {
            return Err(argument.problem(UnknownValue::Form {
                function: "Fn::If",
                needs: "a condition and two values",
            }));
        };
        let name = condition.text().unwrap_or_default();
        let chosen = if self.condition(&name, argument, depth)? { yes } else { no };
        self.value(chosen, depth)
    }

    /// Whether a condition of the template holds.
    ///
    /// # Errors
    ///
    /// When there is no such condition, or it depends on what isn't known here.
    pub(crate) fn holds(&self, name: &str, asking: &Node) -> Result<bool, Problem> {
        self.condition(name, asking, 0)
    }

    fn condition(&self, name: &str, asking: &Node, depth: usize) -> Result<bool, Problem> {
        if let Some(known) = self.held.borrow().get(name) {
            return known.clone();
        }
        let holds = self.evaluated(name, asking, depth);
        self.held.borrow_mut().insert(name.to_owned(), holds.clone());
        holds
    }

    fn evaluated(&self, name: &str, asking: &Node, depth: usize) -> Result<bool, Problem> {
        let conditions = self.conditions.as_ref();
        let condition = conditions.and_then(|conditions| conditions.get(name));
        let condition = condition.ok_or_else(|| {
            asking.problem(UnknownValue::MissingCondition { name: name.to_owned() })
        })?;
        self.is_true(condition, depth + 1)
    }

    fn is_true(&self, condition: &Node, depth: usize) -> Result<bool, Problem> {
        if depth > DEPTH {
            return Err(condition.problem(UnknownValue::Endless));
        }
        let all = |argument: &Node| -> Result<Vec<bool>, Problem> {
            argument.items().iter().map(|item| self.is_true(item, depth + 1)).collect()
        };
        match condition.single() {
            Some(("Fn::Equals", argument)) => {
                let [one, other] = argument.items() else {
                    return Err(argument.problem(UnknownValue::Form {
                        function: "Fn::Equals",
                        needs: "two values",
                    }));
                };
                Ok(self.text_of(one, depth)? == self.text_of(other, depth)?)
            }
            Some(("Fn::And", argument)) => Ok(all(argument)?.into_iter().all(|truth| truth)),
            Some(("Fn::Or", argument)) => Ok(all(argument)?.into_iter().any(|truth| truth)),
            Some(("Fn::Not", argument)) => Ok(!all(argument)?.into_iter().any(|truth| truth)),
            Some(("Condition", name)) => {
                self.condition(&name.text().unwrap_or_default(), name, depth)
            }
            _ => Err(condition.problem(UnknownValue::NotCondition)),
        }
    }

    fn find_in_map(&self, argument: &Node, depth: usize) -> Result<Option<Node>, Problem> {
        let mut found = self.mappings.clone();
        for key in argument.items().iter().take(3) {
            let key = self.text_of(key, depth)?;
            found = found.and_then(|node| node.get(&key).cloned());
        }
        match (found, argument.items()) {
            (Some(found), [_, _, _, ..]) => Ok(Some(found)),
            _ => Err(argument.problem(UnknownValue::Nothing { function: "Fn::FindInMap" })),
        }
    }

    fn select(&self, argument: &Node, depth: usize) -> Result<Option<Node>, Problem> {
        let [index, list] = argument.items() else {
            return Err(argument.problem(UnknownValue::Form {
                function: "Fn::Select",
                needs: "an index and a list",
            }));
        };
        let index = self.text_of(index, depth)?.parse::<usize>().ok();
        let list = self.value(list, depth)?;
        let item = index.and_then(|index| list.as_ref()?.items().get(index).cloned());
        item.map(Some)
            .ok_or_else(|| argument.problem(UnknownValue::Nothing { function: "Fn::Select" }))
    }

    fn split(&self, argument: &Node, depth: usize) -> Result<Node, Problem> {
        let [separator, text] = argument.items() else {
            return Err(argument.problem(UnknownValue::Form {
                function: "Fn::Split",
                needs: "a separator and a text",
            }));
        };
        let (separator, text) = (self.text_of(separator, depth)?, self.text_of(text, depth)?);
        let part =
            |part: &str| Node { position: argument.position, data: Data::Text(part.to_owned()) };
        Ok(Node {
            position: argument.position,
            data: Data::List(text.split(&separator).map(part).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::Values;
    use crate::emulator::template::document::parse;

    fn values() -> Values {
        let document = parse(
            "Mappings: {Sizes: {small: {memory: 128}}}\nConditions:\n  Live: !Equals [!Ref Stage, live]\n  \
             Not: !Not [Condition: Live]\n  Loop: {Condition: Loop}",
        )
        .unwrap();
        Values {
            parameters: [("Stage", "live"), ("AWS::Region", "us-east-1"), ("Zones", "[a, b]")]
                .map(|(name, value)| (name.to_owned(), parse(value).unwrap()))
                .into(),
            held: RefCell::default(),
            mappings: document.get("Mappings").cloned(),
            conditions: document.get("Conditions").cloned(),
            resources: [("F".to_owned(), "f".to_owned()), ("F.Arn".to_owned(), "arn".to_owned())]
                .into(),
        }
    }

    fn text(yaml: &str) -> Result<String, String> {
        values().text(&parse(yaml).unwrap()).map_err(|problem| problem.what)
    }

    #[test]
    fn intrinsic_functions_come_to_their_values() {
        for (yaml, expected) in [
            ("!Ref Stage", "live"),
            ("!Ref F", "f"),
            ("!GetAtt F.Arn", "arn"),
            ("!Sub 'a-${AWS::Region}-${F.Arn}-${!x}'", "a-us-east-1-arn-${x}"),
            ("!Sub ['${a}${Stage}', {a: !Ref F}]", "flive"),
            ("!Join ['-', [a, !Ref F]]", "a-f"),
            ("!Join ['-', !Ref Zones]", "a-b"),
            ("!Select [1, !Ref Zones]", "b"),
            ("!If [Live, yes!, no!]", "yes!"),
            ("!If [Not, yes!, no!]", "no!"),
            ("!FindInMap [Sizes, small, memory]", "128"),
            ("!Select [1, !Split [',', 'a,b']]", "b"),
            ("{'Fn::Sub': '${Stage}'}", "live"),
        ] {
            assert_eq!(text(yaml).as_deref(), Ok(expected), "{yaml}");
        }
    }

    #[test]
    fn what_only_aws_knows_is_not_guessed() {
        assert_eq!(
            text("!GetAtt Queue.Arn"),
            Err("the attribute Queue.Arn is not known here".into())
        );
        assert_eq!(text("!ImportValue x"), Err("Fn::ImportValue is not known here".into()));
        assert_eq!(text("!Sub '${Queue}'"), Err("the value of ${Queue} is not known here".into()));
        assert_eq!(text("!If [Loop, a, b]"), Err("this refers to itself".into()));
        assert!(text("!FindInMap [Sizes, small, x]").is_err());
        assert!(text("!Join ['-', !Ref F]").is_err(), "a text is no list");
        assert!(text("'{{resolve:ssm:/name}}'").is_err());
    }

    #[test]
    fn no_value_leaves_no_trace() {
        let node = parse("a: 1\nb: !Ref AWS::NoValue\nc: [!Ref AWS::NoValue, 2]").unwrap();
        let json = values().resolve(&node).unwrap().unwrap().json();
        assert_eq!(json, serde_json::json!({ "a": 1, "c": [2] }));
    }
}
