//! The environment variables of a function's process. There is none for the
//! tenant: Lambda tells a function its tenant with each invocation and nowhere else.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::environment::local_calls;
use crate::lambda::function::{Function, LATEST, LogFormat};

/// Variables that belong to mtl, or that only Lambda may set, and so don't come from the shell.
const NOT_INHERITED: [&str; 4] = ["MTL_", "LOCAL_LAMBDA_", "AWS_LAMBDA_", "_LAMBDA_"];

/// What a process is told of the environment that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessContext<'a> {
    /// The Runtime API.
    pub(crate) api: SocketAddr,
    /// The log stream's name.
    pub(crate) log_stream: &'a str,
    /// The folder for temporary files.
    pub(crate) temp: &'a Path,
    /// The folder that `serve` runs in.
    pub(crate) task_root: &'a Path,
    /// mtl's URL, if the function's own calls to Lambda go there.
    pub(crate) endpoint: Option<&'a str>,
}

/// All variables of a process: the shell's, then those that keep its calls local, then the
/// function's, then Lambda's, the later one of a name winning.
#[must_use]
pub(crate) fn variables(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    function: &Function,
    context: ProcessContext<'_>,
) -> Vec<(OsString, OsString)> {
    let inherited = inherited.into_iter().filter(|(name, _)| is_inherited(name));
    let mut all: BTreeMap<OsString, OsString> = inherited.collect();
    if let Some(endpoint) = context.endpoint {
        all.extend(local_calls::endpoint(endpoint));
    }
    all.extend(function.variables.iter().cloned());
    for (name, value) in lambda(function, context) {
        all.insert(name.into(), value);
    }
    if context.endpoint.is_some() && !local_calls::can_sign(&all) {
        all.extend(local_calls::placeholder_credentials());
    }
    all.into_iter().collect()
}

/// The variables of an external extension's process: those of the function without the ones that AWS
/// keeps from extensions.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>
#[must_use]
pub(crate) fn extension_variables(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    function: &Function,
    context: ProcessContext<'_>,
) -> Vec<(OsString, OsString)> {
    const WITHHELD: [&str; 6] = [
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_XRAY_CONTEXT_MISSING",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
    ];
    let mut all = variables(inherited, function, context);
    all.retain(|(name, _)| !WITHHELD.iter().any(|withheld| name == withheld));
    all
}

fn is_inherited(name: &OsStr) -> bool {
    !NOT_INHERITED.iter().any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}

fn lambda(function: &Function, context: ProcessContext<'_>) -> Vec<(&'static str, OsString)> {
    let (log_format, log_level) = match function.log_format {
        LogFormat::Text => ("Text", None),
        LogFormat::Json(levels) => ("JSON", Some(levels.application)),
    };
    let mut variables: Vec<(&'static str, OsString)> = vec![
        ("AWS_LAMBDA_RUNTIME_API", context.api.to_string().into()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone().into()),
        ("AWS_LAMBDA_FUNCTION_VERSION", LATEST.into()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.mb.to_string().into()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".into()),
        ("AWS_LAMBDA_LOG_FORMAT", log_format.into()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group().into()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", context.log_stream.into()),
        ("AWS_REGION", function.owner.region.clone().into()),
        ("AWS_DEFAULT_REGION", function.owner.region.clone().into()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".into()),
        ("LAMBDA_TASK_ROOT", context.task_root.into()),
        ("TMPDIR", context.temp.into()),
        ("TZ", ":UTC".into()),
        ("_HANDLER", function.handler().to_owned()),
    ];
    if let Some(runtime) = &function.program.runtime {
        variables.push(("AWS_EXECUTION_ENV", format!("AWS_Lambda_{runtime}").into()));
    }
    if let Some(level) = log_level {
        variables.push(("AWS_LAMBDA_LOG_LEVEL", level.as_str().into()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::is_inherited;

    #[test]
    fn what_belongs_to_mtl_or_lambda_is_not_inherited() {
        for name in ["MTL_ENDPOINT", "LOCAL_LAMBDA_PORT", "AWS_LAMBDA_EXEC_WRAPPER", "_LAMBDA_X"] {
            assert!(!is_inherited(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "AWS_PROFILE", "HTTPS_PROXY", "VIRTUAL_ENV", "XMTL_"] {
            assert!(is_inherited(OsStr::new(name)), "{name}");
        }
    }
}
