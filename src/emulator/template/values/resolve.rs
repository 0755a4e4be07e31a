//! What other stages ask of values, and which intrinsic functions there are.

use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::values::evaluation::{Evaluation, IntrinsicFunctions};
use crate::emulator::template::values::known_values::KnownValues;
use crate::emulator::template::values::{conditions, lookups, texts};

const FUNCTIONS: IntrinsicFunctions = IntrinsicFunctions {
    values: &[
        ("Ref", lookups::reference),
        ("Fn::GetAtt", lookups::attribute),
        ("Fn::FindInMap", lookups::find_in_map),
        ("Fn::Sub", texts::sub),
        ("Fn::Join", texts::join),
        ("Fn::Select", texts::select),
        ("Fn::Split", texts::split),
        ("Fn::If", conditions::choose),
    ],
    conditions: &[
        ("Condition", conditions::named),
        ("Fn::Equals", conditions::equals),
        ("Fn::And", conditions::and),
        ("Fn::Or", conditions::or),
        ("Fn::Not", conditions::not),
    ],
};

/// What the values of a template come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// What they may refer to.
    pub(crate) known: KnownValues,
}

impl Values {
    /// What a node comes to. `None` is `AWS::NoValue`: the property is as good as absent.
    ///
    /// # Errors
    ///
    /// When it depends on what only AWS knows, or on nothing at all.
    pub(crate) fn resolve(&self, node: &Node) -> Result<Option<Node>, Problem> {
        self.evaluation().value(node)
    }

    /// What a node comes to as a text.
    ///
    /// # Errors
    ///
    /// As [`Values::resolve`], and when it is no text.
    pub(crate) fn text(&self, node: &Node) -> Result<String, Problem> {
        self.evaluation().text(node)
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

    /// Whether a condition of the template holds. `asking` is where it is named.
    ///
    /// # Errors
    ///
    /// When there is no such condition, or it depends on what isn't known here.
    pub(crate) fn holds(&self, name: &str, asking: &Node) -> Result<bool, Problem> {
        self.evaluation().holds(name, asking)
    }

    fn evaluation(&self) -> Evaluation<'_> {
        Evaluation::new(&self.known, &FUNCTIONS)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{KnownValues, Values};
    use crate::emulator::template::document::parse;

    fn values() -> Values {
        let document = parse(
            "Mappings: {Sizes: {small: {memory: 128}}}\nConditions:\n  Live: !Equals [!Ref Stage, live]\n  \
             Not: !Not [Condition: Live]\n  Loop: {Condition: Loop}",
        )
        .unwrap();
        let known = KnownValues {
            parameters: [("Stage", "live"), ("AWS::Region", "us-east-1"), ("Zones", "[a, b]")]
                .map(|(name, value)| (name.to_owned(), parse(value).unwrap()))
                .into(),
            held: RefCell::default(),
            mappings: document.get("Mappings").cloned(),
            conditions: document.get("Conditions").cloned(),
            resources: [("F".to_owned(), "f".to_owned()), ("F.Arn".to_owned(), "arn".to_owned())]
                .into(),
        };
        Values { known }
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
