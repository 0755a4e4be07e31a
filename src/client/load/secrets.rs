//! A secret for each tenant, and where others see it: what isolated processes don't prevent is a
//! database, a cache or a file that they share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::{memchr3, memmem};
use serde::Serialize;
use uuid::Uuid;

/// What every secret begins with.
const OPENING: &str = "mtl-secret-";

/// What comes after it: a UUID without hyphens.
const DIGITS: usize = 32;

/// The shortest piece of base64 that can hold a secret, in characters.
const ENCODED: usize = (OPENING.len() + DIGITS) * 4 / 3;

/// What base64 has of the opening, whatever stands before and after it, where it begins at the first, the
/// second or the third byte of three. A text without any of these needs no decoding.
const ENCODED_OPENINGS: [&str; 3] = ["bXRsLXNlY3JldC", "10bC1zZWNyZXQt", "tdGwtc2VjcmV0L"];

/// The secrets of tenants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    by_tenant: BTreeMap<String, String>,
    /// The tenant of each secret.
    owners: HashMap<String, String>,
}

/// A secret that a tenant saw although it belongs to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Leak {
    /// Whose it is.
    pub(crate) secret_of: String,
    /// Who saw it.
    pub(crate) seen_by: String,
    /// Where.
    pub(crate) r#where: Where,
}

/// Where a secret was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Where {
    /// In what the function answered.
    Answer,
    /// In the end of its log.
    Log,
}

impl Secrets {
    /// A new secret for each of these tenants.
    #[must_use]
    pub(crate) fn new<'a>(tenants: impl Iterator<Item = &'a str>) -> Self {
        let mut secrets = Self::default();
        for tenant in tenants {
            let secret = format!("{OPENING}{}", Uuid::new_v4().simple());
            secrets.owners.insert(secret.clone(), tenant.to_owned());
            secrets.by_tenant.insert(tenant.to_owned(), secret);
        }
        secrets
    }

    /// The secret of a tenant.
    #[must_use]
    pub(crate) fn secret(&self, tenant: &str) -> Option<&str> {
        self.by_tenant.get(tenant).map(String::as_str)
    }

    /// The secrets of others that a tenant sees in this text, as they are or in base64.
    #[must_use]
    pub(crate) fn leaks(&self, tenant: &str, text: &[u8], r#where: Where) -> BTreeSet<Leak> {
        let mut owners = self.owners_in(text);
        let unbroken = memchr3(b'\n', b'\r', b'\\', text).map(|_| unbroken(text));
        for text in std::iter::once(text).chain(unbroken.as_deref()) {
            let is_there = |opening: &&str| memmem::find(text, opening.as_bytes()).is_some();
            if ENCODED_OPENINGS.iter().any(is_there) {
                let pieces = decoded(text);
                owners.extend(pieces.iter().flat_map(|piece| self.owners_in(piece)));
            }
        }
        let others = owners.into_iter().filter(|owner| *owner != tenant);
        others
            .map(|owner| Leak { secret_of: owner.to_owned(), seen_by: tenant.to_owned(), r#where })
            .collect()
    }

    fn owners_in(&self, text: &[u8]) -> BTreeSet<&str> {
        let length = OPENING.len() + DIGITS;
        memmem::find_iter(text, OPENING)
            .filter_map(|start| text.get(start..start + length))
            .filter_map(|secret| std::str::from_utf8(secret).ok())
            .filter_map(|secret| self.owners.get(secret).map(String::as_str))
            .collect()
    }
}

/// What pieces of base64 in a text stand for. A secret may be anywhere in what was encoded, so each piece
/// is read from each of its first four characters on.
fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let engine = GeneralPurpose::new(&STANDARD, lenient);
    let is_encoded = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let pieces = text.split(|byte| !is_encoded(byte));
    let mut all = Vec::new();
    for piece in pieces.filter(|piece| piece.len() >= ENCODED) {
        // The URL-safe alphabet is read as the standard one.
        let piece: Vec<u8> = piece
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        for start in 0..4 {
            let piece = &piece[start..];
            // A single last character can't hold a byte, so it belongs to other text.
            let whole = if piece.len() % 4 == 1 { piece.len() - 1 } else { piece.len() };
            all.extend(engine.decode(&piece[..whole]));
        }
    }
    all
}

/// The text without the ends of lines that MIME's base64 has, as they are or escaped in JSON.
fn unbroken(text: &[u8]) -> Vec<u8> {
    let mut unbroken = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after.first()) {
            (b'\\', Some(b'n' | b'r')) => &after[1..],
            (b'\n' | b'\r', _) => after,
            _ => {
                unbroken.push(*first);
                after
            }
        };
    }
    unbroken
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    use super::{Secrets, Where};

    #[test]
    fn a_secret_of_another_is_found_raw_and_in_base64_wherever_it_begins() {
        let secrets = Secrets::new(["alice", "bob"].into_iter());
        let secret = secrets.secret("alice").unwrap();
        for padding in ["", "x", "xy", "xyz"] {
            let raw = format!("{{\"data\":\"{padding}{secret}{padding}\"}}");
            let encoded = BASE64_STANDARD.encode(&raw);
            let url_safe = format!("log: {}", BASE64_URL_SAFE_NO_PAD.encode(&raw));
            let alone = format!("\"{}\"", BASE64_STANDARD.encode(format!("{padding}{secret}")));
            let (line, rest) = encoded.split_at(40);
            let (broken, escaped) = (format!("{line}\n{rest}"), format!("\"{line}\\n{rest}\""));
            for text in [raw, encoded, url_safe, alone, broken, escaped] {
                let leaks = secrets.leaks("bob", text.as_bytes(), Where::Answer);
                let leak = leaks.first().unwrap_or_else(|| panic!("not found in {text}"));
                assert_eq!((leak.secret_of.as_str(), leak.seen_by.as_str()), ("alice", "bob"));
                assert!(secrets.leaks("alice", text.as_bytes(), Where::Log).is_empty());
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_is_none() {
        let secrets = Secrets::new(["alice", "bob"].into_iter());
        let made_up = format!("mtl-secret-{}", "0".repeat(32));
        assert!(secrets.leaks("bob", made_up.as_bytes(), Where::Answer).is_empty());
        assert!(secrets.leaks("bob", b"mtl-secret-", Where::Answer).is_empty());
    }
}
