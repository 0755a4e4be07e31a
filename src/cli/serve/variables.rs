//! `--env` and `--env-file`: variables of the function's environment, from text.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use anyhow::Context as _;

use crate::cli::failure::Failure;

/// `K=V`; the value may be empty and may have more `=` in it.
///
/// # Errors
///
/// Without `=`, or without a name in front of it.
pub(crate) fn key_value(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, _)) if name.contains(char::is_whitespace) => {
            Err(format!("the name `{name}` has white space in it"))
        }
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The first of these variables that Lambda sets itself, whatever it is given.
#[must_use]
pub(crate) fn reserved(variables: &[(OsString, OsString)]) -> Option<&OsString> {
    variables.iter().map(|(name, _)| name).find(|name| is_reserved(name))
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
fn is_reserved(name: &OsStr) -> bool {
    const RESERVED: [&str; 8] = [
        "AWS_EXECUTION_ENV",
        "_HANDLER",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_XRAY_CONTEXT_MISSING",
        "LAMBDA_TASK_ROOT",
        "TMPDIR",
        "TZ",
    ];
    let text = name.to_string_lossy();
    RESERVED.contains(&text.as_ref())
        || (text.starts_with("AWS_LAMBDA_") && text != "AWS_LAMBDA_EXEC_WRAPPER")
}

/// Reads a file as Docker's `--env-file` does: one `K=V` a line, taken as it stands; empty lines
/// and lines that begin with `#` don't count.
///
/// # Errors
///
/// When the file can't be read, or a line is neither.
pub(crate) fn env_file(path: &Path) -> Result<Vec<(OsString, OsString)>, Failure> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("failed to read `{shown}`"))?;
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let number = index + 1;
        let variable = key_value(line).map_err(|error| {
            Failure::usage(format!("failed to read line {number} of `{shown}`: {error}"))
        })?;
        variables.push(variable);
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::key_value;

    #[test]
    fn a_value_may_be_empty_and_have_equals_signs() {
        assert_eq!(key_value("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(key_value("A="), Ok(("A".into(), "".into())));
        assert!(key_value("export A=b").is_err());
        assert!(key_value("=x").is_err());
        assert!(key_value("A").is_err());
    }
}
