//! `--watch`: which files and folders are watched.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::failure::Failure;
use crate::cli::serve::reload;
use crate::emulator::config::FunctionConfig;

/// Where the code of functions is.
pub(super) fn code_of(functions: &[FunctionConfig]) -> impl Iterator<Item = PathBuf> {
    functions.iter().flat_map(|FunctionConfig { task_root, function, .. }| {
        // The program is code also where git ignores it, as it does what compilers write.
        [task_root.clone()].into_iter().chain(reload::program(&function.program.command, task_root))
    })
}

/// The paths to watch: those that were given, or where the code is. `None` if nothing is to be watched.
///
/// # Errors
///
/// When one of them isn't there.
pub(super) fn watched(
    given: &[OsString],
    code: impl Iterator<Item = PathBuf>,
) -> Result<Option<Vec<PathBuf>>, Failure> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut paths: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
    if paths.iter().any(|path| path.as_os_str().is_empty()) {
        paths.retain(|path| !path.as_os_str().is_empty());
        paths.extend(code);
    }
    if let Some(absent) = paths.iter().find(|path| !path.exists()) {
        let failure = Failure::usage(format!("there is no `{}` to watch", absent.display()));
        return Err(failure.help("--watch names a file or a folder"));
    }
    let absolute = paths.iter().map(std::path::absolute).collect::<Result<BTreeSet<_>, _>>();
    Ok(Some(absolute.context("failed to find the current folder")?.into_iter().collect()))
}
