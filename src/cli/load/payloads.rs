//! The payloads of a load: a text in which names in braces stand for what differs from one invocation to
//! the next, or the lines of a file. Knows no requests.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

/// What the payloads of a load are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// The same bytes each time.
    Same(Bytes),
    /// A text with placeholders.
    Template(String),
    /// A line for each invocation, from the start again after the last; each may have placeholders.
    Lines(Vec<String>),
}

impl Payloads {
    /// The payloads that this text stands for; `is_lines` where it came from a file of JSON lines.
    #[must_use]
    pub fn new(bytes: Bytes, is_lines: bool) -> Self {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Self::Same(bytes) };
        if is_lines {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            return Self::Lines(lines.map(str::to_owned).collect());
        }
        if text.contains("{{") { Self::Template(text.to_owned()) } else { Self::Same(bytes) }
    }

    /// The payload of an invocation, counted from 0, for a tenant.
    #[must_use]
    pub fn of(&self, number: u64, tenant: &str) -> Bytes {
        match self {
            Self::Same(bytes) => bytes.clone(),
            Self::Template(text) => filled(text, number, tenant).into(),
            Self::Lines(lines) if lines.is_empty() => Bytes::from_static(b"{}"),
            Self::Lines(lines) => {
                let at = usize::try_from(number % lines.len() as u64).unwrap_or_default();
                filled(&lines[at], number, tenant).into()
            }
        }
    }
}

/// The text with `{{tenant}}`, `{{n}}`, `{{uuid}}` and `{{now}}` filled in.
fn filled(text: &str, number: u64, tenant: &str) -> String {
    if !text.contains("{{") {
        return text.to_owned();
    }
    text.replace("{{tenant}}", tenant)
        .replace("{{n}}", &number.to_string())
        .replace("{{uuid}}", &Uuid::new_v4().to_string())
        .replace("{{now}}", &Timestamp::now().to_string())
}

#[cfg(test)]
mod tests {
    use super::Payloads;

    #[test]
    fn placeholders_are_filled_in() {
        let payloads = Payloads::new(r#"{"t":"{{tenant}}","n":{{n}}}"#.into(), false);
        assert_eq!(&payloads.of(7, "a b")[..], br#"{"t":"a b","n":7}"#);
        let ids = Payloads::new("{{uuid}} {{now}}".into(), false);
        assert_ne!(ids.of(0, ""), ids.of(0, ""));
        assert!(matches!(Payloads::new("{}".into(), false), Payloads::Same(_)));
        assert!(matches!(Payloads::new(vec![255].into(), true), Payloads::Same(_)));
    }

    #[test]
    fn lines_come_one_after_the_other_and_again() {
        let payloads = Payloads::new("1\n\n{{n}}\n".into(), true);
        let of = |number| String::from_utf8(payloads.of(number, "").to_vec()).unwrap();
        assert_eq!([of(0), of(1), of(2), of(3)], ["1", "1", "1", "3"]);
    }
}
