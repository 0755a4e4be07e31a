//! How a node is evaluated, and what an intrinsic function is told of its call.

use std::borrow::Cow;

use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::values::known_values::KnownValues;
use crate::emulator::template::values::unknown_value::UnknownValue;

/// How deep intrinsic functions may be in each other.
const DEPTH: usize = 100;

/// An intrinsic function that has a value. `None` is `AWS::NoValue`.
pub(super) type ValueFunction = fn(&Call<'_>) -> Result<Option<Node>, Problem>;

/// An intrinsic function that holds or doesn't. It stands in the section `Conditions` alone.
pub(super) type ConditionFunction = fn(&Call<'_>) -> Result<bool, Problem>;

/// The intrinsic functions that there are, by their names in the long form.
#[derive(Debug)]
pub(super) struct IntrinsicFunctions {
    /// Those that have a value.
    pub(super) values: &'static [(&'static str, ValueFunction)],
    /// Those that hold or don't.
    pub(super) conditions: &'static [(&'static str, ConditionFunction)],
}

/// Evaluates nodes at some depth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluation<'a> {
    known: &'a KnownValues,
    functions: &'static IntrinsicFunctions,
    depth: usize,
}

/// A call of an intrinsic function.
#[derive(Debug)]
pub(super) struct Call<'a> {
    evaluation: Evaluation<'a>,
    function: &'static str,
    /// What stands after the function's name. It is not evaluated.
    pub(super) argument: &'a Node,
}

impl<'a> Evaluation<'a> {
    /// Evaluates what isn't within anything else.
    pub(super) fn new(known: &'a KnownValues, functions: &'static IntrinsicFunctions) -> Self {
        Self { known, functions, depth: 0 }
    }

    /// What a node comes to.
    pub(super) fn value(self, node: &Node) -> Result<Option<Node>, Problem> {
        if self.depth > DEPTH {
            return Err(node.problem(UnknownValue::Endless));
        }
        let below = self.below();
        if let Some((name, argument)) = node.single()
            && (name == "Ref" || name.starts_with("Fn::"))
        {
            return below.intrinsic(name, argument);
        }
        let data = match &node.data {
            Data::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.extend(below.value(item)?);
                }
                Data::List(list)
            }
            Data::Map(entries) => {
                let mut map = Vec::new();
                for (name, value) in entries {
                    map.extend(below.value(value)?.map(|value| (name.clone(), value)));
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

    /// What a node comes to as a text.
    pub(super) fn text(self, node: &Node) -> Result<String, Problem> {
        let value = self.value(node)?;
        let text = value.as_ref().and_then(Node::text);
        text.map(Cow::into_owned).ok_or_else(|| node.problem(UnknownValue::NotText))
    }

    /// Whether the condition of this name holds. `asking` is where it is named.
    pub(super) fn holds(self, name: &str, asking: &Node) -> Result<bool, Problem> {
        if let Some(held) = self.known.held.borrow().get(name) {
            return held.clone();
        }
        let conditions = self.known.conditions.as_ref();
        let condition = conditions.and_then(|conditions| conditions.get(name));
        let holds = match condition {
            Some(condition) => self.below().is_true(condition),
            None => Err(asking.problem(UnknownValue::MissingCondition { name: name.to_owned() })),
        };
        self.known.held.borrow_mut().insert(name.to_owned(), holds.clone());
        holds
    }

    fn is_true(self, condition: &Node) -> Result<bool, Problem> {
        if self.depth > DEPTH {
            return Err(condition.problem(UnknownValue::Endless));
        }
        let known = condition.single().and_then(|(name, argument)| {
            let known = self.functions.conditions.iter().find(|(known, _)| *known == name);
            known.map(|(function, apply)| (self.call(function, argument), apply))
        });
        let (call, apply) = known.ok_or_else(|| condition.problem(UnknownValue::NotCondition))?;
        apply(&call)
    }

    fn intrinsic(self, name: &str, argument: &Node) -> Result<Option<Node>, Problem> {
        let known = self.functions.values.iter().find(|(known, _)| *known == name);
        let (function, apply) = known
            .ok_or_else(|| argument.problem(UnknownValue::Function { name: name.to_owned() }))?;
        apply(&self.call(function, argument))
    }

    fn call<'b>(self, function: &'static str, argument: &'b Node) -> Call<'b>
    where
        'a: 'b,
    {
        Call { evaluation: self, function, argument }
    }

    /// Evaluates what is within.
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl<'a> Call<'a> {
    /// What is known before any value is evaluated.
    pub(super) fn known(&self) -> &'a KnownValues {
        self.evaluation.known
    }

    /// The parts of the argument, which must be so many.
    pub(super) fn parts<const COUNT: usize>(
        &self,
        needs: &'static str,
    ) -> Result<&'a [Node; COUNT], Problem> {
        self.argument.items().try_into().map_err(|_| self.malformed(needs))
    }

    /// What a part comes to.
    pub(super) fn value(&self, part: &Node) -> Result<Option<Node>, Problem> {
        self.evaluation.value(part)
    }

    /// What a part comes to as a text.
    pub(super) fn text(&self, part: &Node) -> Result<String, Problem> {
        self.evaluation.text(part)
    }

    /// Whether the condition that a part names holds. `asking` is where it is named.
    pub(super) fn holds(&self, name: &str, asking: &Node) -> Result<bool, Problem> {
        self.evaluation.holds(name, asking)
    }

    /// Whether each part of the argument, a condition, holds.
    pub(super) fn all_hold(&self) -> Result<Vec<bool>, Problem> {
        let below = self.evaluation.below();
        self.argument.items().iter().map(|part| below.is_true(part)).collect()
    }

    /// A text as the value of the call.
    pub(super) fn of_text(&self, text: impl Into<String>) -> Node {
        Node::of_text(self.argument.position, text)
    }

    /// Why the value of the call isn't known.
    pub(super) fn problem(&self, reason: UnknownValue) -> Problem {
        self.argument.problem(reason)
    }

    /// The argument has another form than the function needs.
    pub(super) fn malformed(&self, needs: &'static str) -> Problem {
        self.problem(UnknownValue::Form { function: self.function, needs })
    }

    /// The function looks something up that isn't there.
    pub(super) fn nothing(&self) -> Problem {
        self.problem(UnknownValue::Nothing { function: self.function })
    }
}
