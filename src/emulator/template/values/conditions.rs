//! Intrinsic functions of conditions.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>

use crate::emulator::template::document::{Node, Problem};
use crate::emulator::template::values::evaluation::Call;

/// `Fn::If`. Only the value that is chosen is evaluated.
pub(super) fn choose(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let [condition, yes, no] = call.parts("a condition and two values")?;
    let name = condition.text().unwrap_or_default();
    let chosen = if call.holds(&name, call.argument)? { yes } else { no };
    call.value(chosen)
}

/// `Condition`, which names another condition.
pub(super) fn named(call: &Call<'_>) -> Result<bool, Problem> {
    call.holds(&call.argument.text().unwrap_or_default(), call.argument)
}

/// `Fn::Equals`
pub(super) fn equals(call: &Call<'_>) -> Result<bool, Problem> {
    let [one, other] = call.parts("two values")?;
    Ok(call.text(one)? == call.text(other)?)
}

/// `Fn::And`
pub(super) fn and(call: &Call<'_>) -> Result<bool, Problem> {
    Ok(call.all_hold()?.into_iter().all(|holds| holds))
}

/// `Fn::Or`
pub(super) fn or(call: &Call<'_>) -> Result<bool, Problem> {
    Ok(call.all_hold()?.into_iter().any(|holds| holds))
}

/// `Fn::Not`
pub(super) fn not(call: &Call<'_>) -> Result<bool, Problem> {
    or(call).map(|holds| !holds)
}
