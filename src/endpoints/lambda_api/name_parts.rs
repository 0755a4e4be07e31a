//! A function's name, a partial ARN or a whole one, taken apart. Every request comes through here, so the
//! rule is written out instead of as the regular expression that it is.

/// The rule, as AWS shows it to a caller who breaks it.
pub(crate) const NAME_PATTERN: &str = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";

/// The rule for a qualifier, likewise.
pub(crate) const QUALIFIER_PATTERN: &str = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// What a name consists of. All but the name itself may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameParts<'a> {
    /// The Region.
    pub(crate) region: Option<&'a str>,
    /// The account's twelve digits.
    pub(crate) account: Option<&'a str>,
    /// The name of the function alone.
    pub(crate) name: &'a str,
    /// The version or alias.
    pub(crate) qualifier: Option<&'a str>,
}

impl<'a> NameParts<'a> {
    /// Takes a name apart; `None` where it breaks the rule. What can be a part that comes earlier is that
    /// part, if the rest then fits.
    #[must_use]
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let without_arn = arn(text).and_then(after_arn);
        without_arn.or_else(|| after_arn(text))
    }
}

/// What comes after `arn:PARTITION:lambda:`.
fn arn(text: &str) -> Option<&str> {
    let (partition, rest) = text.strip_prefix("arn:")?.split_once(":lambda:")?;
    let is_partition = match partition.strip_prefix("aws") {
        Some(rest) => rest.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'),
        None => partition.is_empty(),
    };
    is_partition.then_some(rest)
}

fn after_arn(text: &str) -> Option<NameParts<'_>> {
    optional(text, is_region, |region, rest| {
        optional(rest, is_account, |account, rest| {
            optional(
                rest,
                |part| part == "function",
                |_, rest| {
                    let (name, qualifier) = match rest.split_once(':') {
                        Some((name, qualifier)) => (name, Some(qualifier)),
                        None => (rest, None),
                    };
                    let fits = is_name(name) && qualifier.is_none_or(is_version);
                    fits.then_some(NameParts { region, account, name, qualifier })
                },
            )
        })
    })
}

/// Goes on after a part that may be missing: with it, if it is one and the rest fits, otherwise without.
fn optional<'a, T>(
    text: &'a str,
    is_part: impl Fn(&str) -> bool,
    rest: impl Fn(Option<&'a str>, &'a str) -> Option<T>,
) -> Option<T> {
    let part = text.split_once(':').filter(|(part, _)| is_part(part));
    part.and_then(|(part, after)| rest(Some(part), after)).or_else(|| rest(None, text))
}

/// `(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d`
fn is_region(part: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    let mut words = part.strip_prefix("eusc-").unwrap_or(part).split('-');
    let area = words.next().is_some_and(|area| area.len() == 2 && is_word(area));
    let (Some(second), Some(third)) = (words.next(), words.next()) else { return false };
    let (direction, number) = match words.next() {
        Some(number) => {
            let kind = second.strip_prefix("iso");
            if second != "gov"
                && !kind.is_some_and(|kind| kind.is_empty() || (kind.len() == 1 && is_word(kind)))
            {
                return false;
            }
            (third, number)
        }
        None => (second, third),
    };
    let is_number = number.len() == 1 && number.bytes().all(|it| it.is_ascii_digit());
    area && is_word(direction) && is_number && words.next().is_none()
}

/// `\d{12}`
fn is_account(part: &str) -> bool {
    part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[a-zA-Z0-9-_\.]+`
fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.bytes().all(fits)
}

/// `\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+`
fn is_version(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    matches!(text, "$LATEST" | "$LATEST.PUBLISHED") || (!text.is_empty() && text.bytes().all(fits))
}

/// Whether a text may be the `Qualifier` of a request: `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`
#[must_use]
pub(crate) fn is_qualifier(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
    text == "$LATEST.PUBLISHED" || (!text.is_empty() && text.bytes().all(fits))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::{NameParts, is_qualifier};

    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:(?<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(?<account>\d{12}):)?(?:function:)?(?<name>[a-zA-Z0-9\-_.]+)(?::(?<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9\-_]+))?$").unwrap()
    });
    static QUALIFIER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^(?:\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9\-_$]+)$").unwrap());

    /// What the regular expression says.
    fn expected(text: &str) -> Option<NameParts<'_>> {
        let parts = NAME.captures(text)?;
        let part = |group: &str| parts.name(group).map(|part| part.as_str());
        let name = part("name")?;
        Some(NameParts {
            region: part("region"),
            account: part("account"),
            name,
            qualifier: part("qualifier"),
        })
    }

    /// Texts of such pieces meet every branch, which random ones never would.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "arn",
            "aws",
            "aws-us-gov",
            "awsX-",
            "lambda",
            "us-east-1",
            "us-gov-west-1",
            "eusc-de-east-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "us-isobb-east-1",
            "us-east-11",
            "US-east-1",
            "us-x-east-1",
            "u-east-1",
            "us--1",
            "123456789012",
            "12345678901",
            "function",
            "orders",
            "a.b",
            "$LATEST",
            "$LATEST.PUBLISHED",
            "$LATEST.X",
            "live",
            "-",
            "_",
            ".",
            "$",
            "",
            " ",
            "é",
            "\n",
        ]);
        let separator = prop::sample::select(vec![":", ":", ":", ":", "", "-", "::"]);
        prop::collection::vec((piece, separator), 1..8).prop_map(|parts| {
            let mut text: String =
                parts.iter().flat_map(|(piece, after)| [*piece, *after]).collect();
            if parts.len() % 2 == 0 {
                text.truncate(text.trim_end_matches(':').len());
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn names_are_taken_apart_as_the_regular_expression_does(text in pieces()) {
            prop_assert_eq!(NameParts::parse(&text), expected(&text));
        }

        #[test]
        fn qualifiers_are_those_of_the_regular_expression(text in pieces()) {
            prop_assert_eq!(is_qualifier(&text), QUALIFIER.is_match(&text));
        }
    }

    #[test]
    fn every_form_of_a_name_is_taken_apart() {
        for text in [
            "orders",
            "function",
            "function:function",
            "function:$LATEST",
            "orders:live",
            "us-east-1:orders",
            "us-east-1:live",
            "us-east-1",
            "123456789012:function:orders",
            "123456789012:function",
            "123456789012",
            "arn:aws:lambda:orders",
            "arn:aws",
            "arn::lambda:orders",
            "arn:aws:lambda:us-gov-west-1:123456789012:function:o:$LATEST",
            "arn:aws:lambda:",
            "a:b:c",
            "",
        ] {
            assert_eq!(NameParts::parse(text), expected(text), "{text}");
        }
    }
}
