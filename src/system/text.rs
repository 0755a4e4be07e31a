//! Makes texts of others safe to show: those of functions, of servers and of AWS.
//!
//! Such a text may have characters in it that a terminal obeys, that begin another line, or that turn
//! the direction of writing, so that a reader sees something other than what is there. They are shown
//! as escapes, such as `\u{1b}`.

/// The text as one field of one line: all control characters are escaped, and all that turn the
/// direction of writing.
#[must_use]
pub(crate) fn one_line(text: &str) -> String {
    escaped(text, is_unsafe)
}

/// The same for a line that may have tabs between its fields, such as one of a log: tabs stay.
#[must_use]
pub(crate) fn tabbed_line(line: &str) -> String {
    escaped(line, |character| character != '\t' && is_unsafe(character))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_unsafe(character: char) -> bool {
    character.is_control() || turns_direction(character)
}

/// Whether this is one of the marks, embeddings, overrides and isolates of Unicode's bidirectional
/// algorithm: <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>
fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::{one_line, tabbed_line};

    #[test]
    fn control_characters_are_escaped_and_nothing_else() {
        assert_eq!(one_line("é\n\u{1b}[2J'\"\u{9b}"), "é\\n\\u{1b}[2J'\"\\u{9b}");
        assert_eq!(tabbed_line("\u{1b}[2Jgone\r\t\u{9b}31m"), "\\u{1b}[2Jgone\\r\t\\u{9b}31m");
        assert_eq!(one_line("a\tb"), "a\\tb");
    }

    #[test]
    fn what_turns_the_direction_of_writing_is_escaped() {
        assert_eq!(tabbed_line("grün \u{202e}abc"), "grün \\u{202e}abc");
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        for character in
            marks.into_iter().chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}')
        {
            let escape = character.escape_default().to_string();
            assert_eq!(one_line(&character.to_string()), escape);
            assert_eq!(tabbed_line(&character.to_string()), escape);
        }
        assert_eq!(one_line("עברית"), "עברית", "letters stay as they are");
    }
}
