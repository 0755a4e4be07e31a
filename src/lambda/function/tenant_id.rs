//! The identifier of a tenant. It is checked here once, so that every other module can trust it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::lambda::quotas;

/// The identifier of a tenant: 1 to 256 characters of `[a-zA-Z0-9._:/=+\-@ ]`, case-sensitive.
///
/// It may look like an option, a path or a formula, so it is never part of a file name and is
/// escaped wherever it is shown. Cloning is cheap.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantId(Arc<str>);

/// Why a text is no [`TenantId`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TenantIdError {
    /// It has no characters at all.
    #[error("a tenant id must have at least 1 character")]
    Empty,
    /// It is longer than 256 characters.
    #[error("a tenant id must have at most {} characters", quotas::TENANT_ID_CHARACTERS)]
    TooLong,
    /// It has a character that AWS's pattern does not allow.
    #[error(
        "a tenant id may have the letters a-z and A-Z, digits, spaces and `. _ : / = + - @`, \
         not `{}`",
        .0.escape_debug()
    )]
    Character(char),
}

impl TenantId {
    /// The id as it was given.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        if text.is_empty() {
            return Err(TenantIdError::Empty);
        }
        if let Some(character) = text.chars().find(|c| !allowed_in_tenant_id(*c)) {
            return Err(TenantIdError::Character(character));
        }
        if text.len() > quotas::TENANT_ID_CHARACTERS {
            return Err(TenantIdError::TooLong);
        }
        Ok(Self(text.into()))
    }
}

fn allowed_in_tenant_id(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._:/=+-@ ".contains(character)
}

impl Display for TenantId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{TenantId, TenantIdError};

    #[test]
    fn every_allowed_character_is_taken_and_nothing_else() {
        for id in ["alice", "-rf", "../../etc", "=1+1", "a b", "A:z/0=9+-@._"] {
            assert_eq!(id.parse::<TenantId>().map(|id| id.to_string()), Ok(id.to_owned()));
        }
        for (id, character) in [("é", 'é'), ("a\nb", '\n'), ("a#b", '#'), ("a\0", '\0')] {
            assert_eq!(id.parse::<TenantId>(), Err(TenantIdError::Character(character)));
        }
    }

    #[test]
    fn the_length_is_1_to_256() {
        assert_eq!("".parse::<TenantId>(), Err(TenantIdError::Empty));
        assert!("x".repeat(256).parse::<TenantId>().is_ok());
        assert_eq!("x".repeat(257).parse::<TenantId>(), Err(TenantIdError::TooLong));
    }
}
