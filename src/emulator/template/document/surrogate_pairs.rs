//! Characters that JSON writes as a pair of escapes, which YAML doesn't have.

use std::borrow::Cow;

/// The text with the characters in place of such pairs, if it is JSON.
pub(super) fn joined_surrogates(text: &str) -> Cow<'_, str> {
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    if !is_json || !text.contains("\\u") {
        return text.into();
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let pair = rest.get(at..at + 12);
        let character =
            pair.and_then(|pair| serde_json::from_str::<String>(&format!("\"{pair}\"")).ok());
        let is_pair =
            pair.is_some_and(|pair| pair.starts_with("\\u") && pair[6..].starts_with("\\u"));
        if let Some(character) = character.filter(|text| is_pair && text.chars().count() == 1) {
            joined += &rest[..at];
            joined += &character;
            rest = &rest[at + 12..];
        } else {
            // An escape and what it escapes, which may be another backslash.
            let next = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            joined += &rest[..=at + next];
            rest = &rest[at + 1 + next..];
        }
    }
    joined += rest;
    joined.into()
}
