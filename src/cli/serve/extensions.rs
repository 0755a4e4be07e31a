//! `--extension`, or what is in `/opt/extensions`: the external extensions of a function.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::failure::{Exit, Failure};
use crate::lambda::quotas;

/// Where Lambda looks for them.
const FOLDER: &str = "/opt/extensions";

/// The absolute paths of the extensions that were asked for, or else of those that Lambda would find.
///
/// # Errors
///
/// When one that was asked for can't be started, or two have one name, or there are too many.
pub(crate) fn extensions(asked: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if asked.is_empty() {
        return Ok(found(Path::new(FOLDER)));
    }
    let paths: Result<Vec<_>, _> = asked.iter().map(std::path::absolute).collect();
    let paths = paths.context("failed to find the current folder")?;
    for path in &paths {
        if !is_program(path) {
            let shown = path.display();
            let failure = Failure::usage(format!("`{shown}` is no program, so no extension"));
            return Err(failure.help("an external extension is an executable file"));
        }
        if paths.iter().filter(|other| other.file_name() == path.file_name()).count() > 1 {
            let name = path.file_name().unwrap_or_default().display();
            return Err(Failure::usage(format!("two extensions have the name `{name}`")));
        }
    }
    if paths.len() > quotas::EXTENSIONS {
        let error = format!("Lambda starts at most {} extensions", quotas::EXTENSIONS);
        return Err(Failure::new(Exit::Usage, anyhow::Error::msg(error)));
    }
    Ok(paths)
}

fn found(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| is_program(path));
    paths.sort();
    paths.truncate(quotas::EXTENSIONS);
    paths
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
