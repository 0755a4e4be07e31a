//! The payloads of a load: a text in which names in braces stand for what differs from one
//! invocation to the next, or the lines of a file.

use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

/// Where the secret of a tenant goes.
const SECRET: &str = "{{secret}}";

/// What the payloads of a load are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payloads {
    /// The same bytes each time.
    Same(Bytes),
    /// A text with placeholders.
    Template(String),
    /// A line for each invocation, from the start again after the last; each may have placeholders.
    Lines(Vec<String>),
}

impl Payloads {
    /// The payloads of a file of JSON lines, one in each.
    #[must_use]
    pub(crate) fn lines(bytes: Bytes) -> Self {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Self::Same(bytes) };
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        Self::Lines(lines.map(str::to_owned).collect())
    }

    /// The payloads that this text stands for.
    #[must_use]
    pub(crate) fn new(bytes: Bytes) -> Self {
        let Ok(text) = std::str::from_utf8(&bytes) else { return Self::Same(bytes) };
        if text.contains("{{") { Self::Template(text.to_owned()) } else { Self::Same(bytes) }
    }

    /// The same with a secret in each: where `{{secret}}` stands, or as a member `mtlSecret` of an object.
    /// `None` where there is room for neither.
    #[must_use]
    pub(crate) fn with_secret(self) -> Option<Self> {
        let with = |text: &str| {
            if text.contains(SECRET) {
                return Some(text.to_owned());
            }
            // If the user gave such a member, it would come later and win.
            let has_one = text.contains("\"mtlSecret\"");
            let rest = text.trim_start().strip_prefix('{');
            let rest = rest.filter(|rest| !has_one && !rest.starts_with('{'))?;
            let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
            Some(format!("{{\"mtlSecret\":\"{SECRET}\"{comma}{rest}"))
        };
        match self {
            Self::Same(bytes) => with(std::str::from_utf8(&bytes).ok()?).map(Self::Template),
            Self::Template(text) => with(&text).map(Self::Template),
            Self::Lines(lines) => {
                lines.iter().map(|line| with(line)).collect::<Option<_>>().map(Self::Lines)
            }
        }
    }

    /// The first name in braces that stands for nothing.
    #[must_use]
    pub(crate) fn unknown_placeholder(&self) -> Option<&str> {
        let texts = match self {
            Self::Same(_) => &[][..],
            Self::Template(text) => std::slice::from_ref(text),
            Self::Lines(lines) => lines,
        };
        let names = texts.iter().flat_map(|text| text.split("{{").skip(1));
        let mut names = names.filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name);
        names.find(|name| {
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ' ');
            is_name && !["tenant", "n", "uuid", "now", "secret"].contains(name)
        })
    }

    /// The payload of an invocation, counted from 0, for a tenant, with its secret if it has one.
    #[must_use]
    pub(crate) fn payload(&self, number: u64, tenant: &str, secret: Option<&str>) -> Bytes {
        let filled = |text: &str| {
            let text = secret.map_or_else(|| text.to_owned(), |it| text.replace(SECRET, it));
            filled(&text, number, tenant)
        };
        match self {
            Self::Same(bytes) => bytes.clone(),
            Self::Template(text) => filled(text).into(),
            Self::Lines(lines) if lines.is_empty() => Bytes::from_static(b"{}"),
            Self::Lines(lines) => {
                let at = usize::try_from(number % lines.len() as u64).unwrap_or_default();
                filled(&lines[at]).into()
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
        let payloads = Payloads::new(r#"{"t":"{{tenant}}","n":{{n}}}"#.into());
        assert_eq!(&payloads.payload(7, "a b", None)[..], br#"{"t":"a b","n":7}"#);
        let ids = Payloads::new("{{uuid}} {{now}}".into());
        assert_ne!(ids.payload(0, "", None), ids.payload(0, "", None));
        assert_eq!(ids.unknown_placeholder(), None);
        let wrong = Payloads::new(r#"{"a":{"b":{{ tenant }}}}"#.into());
        assert_eq!(wrong.unknown_placeholder(), Some(" tenant "));
        assert!(matches!(Payloads::new("{}".into()), Payloads::Same(_)));
        assert!(matches!(Payloads::lines(vec![255].into()), Payloads::Same(_)));
    }

    #[test]
    fn lines_come_one_after_the_other_and_again() {
        let payloads = Payloads::lines("1\n\n{{n}}\n".into());
        let of = |number| String::from_utf8(payloads.payload(number, "", None).to_vec()).unwrap();
        assert_eq!([of(0), of(1), of(2), of(3)], ["1", "1", "1", "3"]);
    }

    #[test]
    fn a_secret_has_its_place_in_an_object() {
        let of = |text: &'static str| {
            let payloads = Payloads::new(text.into()).with_secret()?;
            Some(String::from_utf8(payloads.payload(0, "", Some("s")).to_vec()).unwrap())
        };
        assert_eq!(of("{}").as_deref(), Some(r#"{"mtlSecret":"s"}"#));
        assert_eq!(of(r#" {"a":1}"#).as_deref(), Some(r#"{"mtlSecret":"s","a":1}"#));
        assert_eq!(of(r#"["{{secret}}"]"#).as_deref(), Some(r#"["s"]"#));
        assert_eq!(of("[1]"), None);
        assert_eq!(of("{{tenant}}"), None);
        assert_eq!(of(r#"{"mtlSecret":"mine"}"#), None);
    }
}
