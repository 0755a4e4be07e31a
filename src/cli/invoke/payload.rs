//! The payload of an invocation as it stands on the command line, and the bytes it stands for.

use std::convert::Infallible;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::{fs, mem};

use anyhow::Context as _;
use bytes::Bytes;

/// Where the bytes of the payload are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    /// On the command line.
    Text(String),
    /// In a file, `@FILE`.
    File(PathBuf),
    /// On standard input, `-`.
    Stdin,
}

impl FromStr for Payload {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix('@')) {
            ("-", _) => Self::Stdin,
            (_, Some(path)) => Self::File(path.into()),
            (_, None) => Self::Text(text.to_owned()),
        })
    }
}

impl Payload {
    /// The bytes, which need not be text. The text of the command line is moved out, not copied.
    ///
    /// # Errors
    ///
    /// When the file or standard input can't be read.
    pub(crate) fn read(&mut self) -> anyhow::Result<Bytes> {
        match self {
            Self::Text(text) => Ok(mem::take(text).into()),
            Self::File(path) => {
                let bytes = fs::read(&path);
                Ok(bytes.with_context(|| format!("failed to read `{}`", path.display()))?.into())
            }
            Self::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().read_to_end(&mut bytes).context("failed to read standard input")?;
                Ok(bytes.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;

    #[test]
    fn a_payload_is_text_a_file_or_standard_input() {
        for (text, payload) in [
            ("{}", Payload::Text("{}".to_owned())),
            ("-5", Payload::Text("-5".to_owned())),
            ("", Payload::Text(String::new())),
            ("@a b.json", Payload::File("a b.json".into())),
            ("-", Payload::Stdin),
        ] {
            assert_eq!(text.parse(), Ok(payload), "{text}");
        }
    }
}
