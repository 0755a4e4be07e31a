//! Intrinsic functions of texts and lists.

use crate::emulator::template::document::{Data, Node, Problem};
use crate::emulator::template::values::evaluation::Call;
use crate::emulator::template::values::unknown_value::UnknownValue;

/// `Fn::Sub`
pub(super) fn sub(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let (pattern, own) = match call.argument.items() {
        [pattern, own] => (pattern, own.entries()),
        _ => (call.argument, &[][..]),
    };
    let pattern = pattern.text().ok_or_else(|| call.malformed("a text"))?;
    let mut text = String::new();
    let mut rest = pattern.as_ref();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| call.problem(UnknownValue::UnendedVariable))?;
        text += before;
        text += &variable(call, name, own)?;
        rest = after;
    }
    Ok(Some(call.of_text(text + rest)))
}

/// What `${name}` comes to. `own` are the variables of the call itself.
fn variable(call: &Call<'_>, name: &str, own: &[(String, Node)]) -> Result<String, Problem> {
    if let Some(literal) = name.strip_prefix('!') {
        return Ok(format!("${{{literal}}}"));
    }
    if let Some((_, value)) = own.iter().find(|(own, _)| own == name) {
        return call.text(value);
    }
    let known = call.known().text(name);
    known.ok_or_else(|| call.problem(UnknownValue::Variable { name: name.to_owned() }))
}

/// `Fn::Join`
pub(super) fn join(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let [separator, list] = call.parts("a separator and a list")?;
    let Some(Node { data: Data::List(items), .. }) = call.value(list)? else {
        return Err(call.malformed("a list"));
    };
    let texts: Result<Vec<_>, _> = items.iter().map(|item| call.text(item)).collect();
    Ok(Some(call.of_text(texts?.join(&call.text(separator)?))))
}

/// `Fn::Select`
pub(super) fn select(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let [index, list] = call.parts("an index and a list")?;
    let index = call.text(index)?.parse::<usize>().ok();
    let list = call.value(list)?;
    let item = index.and_then(|index| list.as_ref()?.items().get(index).cloned());
    item.map(Some).ok_or_else(|| call.nothing())
}

/// `Fn::Split`
pub(super) fn split(call: &Call<'_>) -> Result<Option<Node>, Problem> {
    let [separator, text] = call.parts("a separator and a text")?;
    let (separator, text) = (call.text(separator)?, call.text(text)?);
    let parts = text.split(&separator).map(|part| call.of_text(part));
    Ok(Some(Node { position: call.argument.position, data: Data::List(parts.collect()) }))
}
