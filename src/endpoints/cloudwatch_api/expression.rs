//! Arithmetic over the results of other queries: `errors / invocations * 100`.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use jiff::Timestamp;
use thiserror::Error;

/// How deep an expression may be nested: each level takes stack.
const LEVELS: u32 = 64;

/// A result by time.
pub(crate) type ResultSeries = BTreeMap<Timestamp, f64>;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// A number.
    Number(f64),
    /// The result of the query with this id.
    Id(String),
    /// The opposite of an expression.
    Negation(Box<Expression>),
    /// `+`, `-`, `*`, `/` or `^` of two expressions.
    Operation(char, Box<(Expression, Expression)>),
}

/// Why a text is no expression that mtl evaluates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum ExpressionError {
    /// CloudWatch has it, but mtl does not emulate it.
    #[error("mtl does not emulate {0}; it emulates + - * / ^ and parentheses")]
    NotEmulated(String),
    /// It is not written as expressions are.
    #[error("unexpected {0}")]
    Unexpected(String),
    /// It is nested too deeply.
    #[error("the expression is nested too deeply")]
    TooDeep,
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// The same at all times.
    Scalar(f64),
    /// A value for some times.
    Series(ResultSeries),
}

impl Expression {
    /// The ids that it refers to.
    #[must_use]
    pub(crate) fn ids(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Id(id) => vec![id],
            Self::Negation(of) => of.ids(),
            Self::Operation(_, sides) => [sides.0.ids(), sides.1.ids()].concat(),
        }
    }

    /// Its value when ids stand for these results. A time has no value if an operand has none for it, or
    /// if the value would not be a finite number.
    #[must_use]
    pub(crate) fn evaluate(&self, results: &BTreeMap<String, ResultSeries>) -> Value {
        match self {
            Self::Number(number) => Value::Scalar(*number),
            Self::Id(id) => Value::Series(results.get(id).cloned().unwrap_or_default()),
            Self::Negation(of) => of.evaluate(results).map(|value| -value),
            Self::Operation(operator, sides) => {
                apply(*operator, sides.0.evaluate(results), sides.1.evaluate(results))
            }
        }
    }
}

impl Value {
    fn map(self, change: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Scalar(value) => Self::Scalar(change(value)),
            Self::Series(series) => {
                let changed = series.into_iter().map(|(time, value)| (time, change(value)));
                Self::Series(changed.filter(|(_, value)| value.is_finite()).collect())
            }
        }
    }
}

fn apply(operator: char, left: Value, right: Value) -> Value {
    let compute = |left: f64, right: f64| match operator {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        _ => left.powf(right),
    };
    match (left, right) {
        (left, Value::Scalar(right)) => left.map(|left| compute(left, right)),
        (Value::Scalar(left), right) => right.map(|right| compute(left, right)),
        (Value::Series(left), Value::Series(right)) => {
            let both = left.into_iter().filter_map(|(time, left)| {
                let value = compute(left, *right.get(&time)?);
                value.is_finite().then_some((time, value))
            });
            Value::Series(both.collect())
        }
    }
}

/// Reads an expression.
///
/// # Errors
///
/// When the text is not an expression, or of a kind that mtl does not emulate.
pub(crate) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    if text.trim_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("SELECT ")) {
        return Err(ExpressionError::NotEmulated("Metrics Insights".to_owned()));
    }
    let mut parser = Parser { rest: text.chars().peekable(), levels: LEVELS };
    let expression = parser.expression(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(character) => Err(unexpected(Some(character))),
    }
}

fn unexpected(character: Option<char>) -> ExpressionError {
    let what = character.map_or("end".to_owned(), |character| format!("`{character}`"));
    ExpressionError::Unexpected(what)
}

/// How strongly an operator binds what is on its left and on its right.
fn binding(operator: char) -> Option<(u8, u8)> {
    match operator {
        '+' | '-' => Some((1, 2)),
        '*' | '/' => Some((3, 4)),
        '^' => Some((8, 7)),
        _ => None,
    }
}

/// A sign binds more than a product and less than a power.
const SIGN: u8 = 5;

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    levels: u32,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        while self.rest.next_if(|character| character.is_whitespace()).is_some() {}
        self.rest.peek().copied()
    }

    fn expression(&mut self, least: u8) -> Result<Expression, ExpressionError> {
        self.levels = self.levels.checked_sub(1).ok_or(ExpressionError::TooDeep)?;
        let mut left = self.operand()?;
        while let Some((operator, (binds_left, binds_right))) =
            self.peek().and_then(|operator| Some((operator, binding(operator)?)))
        {
            if binds_left < least {
                break;
            }
            self.rest.next();
            let right = self.expression(binds_right)?;
            left = Expression::Operation(operator, Box::new((left, right)));
        }
        self.levels += 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        match self.peek() {
            Some('-') => {
                self.rest.next();
                Ok(Expression::Negation(Box::new(self.expression(SIGN)?)))
            }
            Some('(') => {
                self.rest.next();
                let inner = self.expression(0)?;
                match self.peek() {
                    Some(')') => self.rest.next(),
                    other => return Err(unexpected(other)),
                };
                Ok(inner)
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => self.number(),
            Some(letter) if letter.is_ascii_alphabetic() => self.name(),
            Some('"' | '\'' | '[') => {
                Err(ExpressionError::NotEmulated("texts and arrays in expressions".to_owned()))
            }
            other => Err(unexpected(other)),
        }
    }

    fn number(&mut self) -> Result<Expression, ExpressionError> {
        let text = self.take(|character| character.is_ascii_digit() || character == '.');
        text.parse().map(Expression::Number).map_err(|_| ExpressionError::Unexpected(text))
    }

    fn name(&mut self) -> Result<Expression, ExpressionError> {
        let name = self.take(|character| character.is_ascii_alphanumeric() || character == '_');
        if self.peek() == Some('(') {
            return Err(ExpressionError::NotEmulated(format!("the function {name}")));
        }
        Ok(Expression::Id(name))
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> String {
        std::iter::from_fn(|| self.rest.next_if(|character| belongs(*character))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::{ExpressionError, ResultSeries, Value, parse};

    fn series(values: &[(i64, f64)]) -> ResultSeries {
        values.iter().map(|(at, value)| (Timestamp::from_second(*at).unwrap(), *value)).collect()
    }

    fn evaluate(text: &str) -> Value {
        let results = BTreeMap::from([
            ("a".to_owned(), series(&[(0, 1.0), (60, 2.0)])),
            ("b".to_owned(), series(&[(0, 0.0), (60, 4.0), (120, 8.0)])),
        ]);
        parse(text).unwrap().evaluate(&results)
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        for (text, value) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("8 - 4 - 2", 2.0),
            ("2 ^ 3 ^ 2", 512.0),
            ("-2 ^ 2", -4.0),
            ("2 ^ -1", 0.5),
            ("2 * -3 + 1", -5.0),
            (".5*4", 2.0),
        ] {
            assert_eq!(evaluate(text), Value::Scalar(value), "{text}");
        }
    }

    #[test]
    fn there_is_a_value_where_both_sides_have_one_and_it_is_a_number() {
        assert_eq!(evaluate("a + b"), Value::Series(series(&[(0, 1.0), (60, 6.0)])));
        assert_eq!(evaluate("a / b * 100"), Value::Series(series(&[(60, 50.0)])));
        assert_eq!(evaluate("1 - a"), Value::Series(series(&[(0, 0.0), (60, -1.0)])));
        assert_eq!(parse("a + (b - a)").unwrap().ids(), ["a", "b", "a"]);
    }

    #[test]
    fn what_is_not_emulated_says_so() {
        for text in ["SEARCH('{AWS/Lambda} x', 'Sum', 60)", "select max(x) from y", "[a, b]"] {
            assert!(matches!(parse(text), Err(ExpressionError::NotEmulated(_))), "{text}");
        }
        for text in ["", "a b", "(a", "1 +", "a)", "1.2.3", "$"] {
            assert!(matches!(parse(text), Err(ExpressionError::Unexpected(_))), "{text}");
        }
        for deep in ["(", "-", "1^"] {
            assert_eq!(parse(&deep.repeat(1_000)), Err(ExpressionError::TooDeep), "{deep}");
        }
    }
}
