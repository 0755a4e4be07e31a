//! The limit of open files: mtl needs a high one, and functions must see the one that mtl was
//! started with, as programs exist that close or prepare for every number below it.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The largest number that every macOS accepts (`OPEN_MAX`), where the hard limit is "unlimited".
const OPEN_MAX: u64 = 10_240;

/// What [`raise_file_descriptor_limit`] has done, in numbers of file descriptors. No limit is
/// `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    /// The soft limit that mtl was started with.
    pub(crate) old_soft: u64,
    /// The soft limit now.
    pub(crate) now: u64,
}

/// Raises this process's soft limit of open files to the hard one, or as far as the system allows.
///
/// # Errors
///
/// When the system refuses any higher limit; the old one is then still in force.
pub(crate) fn raise_file_descriptor_limit() -> io::Result<Raised> {
    let old = getrlimit(Resource::Nofile);
    let old_soft = old.current.unwrap_or(u64::MAX);
    if old.current == old.maximum {
        return Ok(Raised { old_soft, now: old_soft });
    }
    set_soft_limit(old.maximum).or_else(|error| {
        if old_soft < OPEN_MAX { set_soft_limit(Some(OPEN_MAX)) } else { Err(error) }
    })?;
    let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Ok(Raised { old_soft, now })
}

/// Sets this process's soft limit of open files; `None` is no limit.
fn set_soft_limit(soft: Option<u64>) -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: soft, maximum })?)
}

/// Starts a process that sees `soft` as its limit of open files. Linux can change the limit of
/// another process; it happens before the new program's first instructions have done anything with
/// it in practice, as `spawn` returns when the program is being loaded.
///
/// # Errors
///
/// As [`std::process::Command::spawn`]. A process that keeps mtl's limit is no error.
#[cfg(target_os = "linux")]
pub(crate) fn spawn_with_soft_limit(
    command: &mut std::process::Command,
    soft: Option<u64>,
) -> io::Result<std::process::Child> {
    use rustix::process::{Pid, prlimit};

    let child = command.spawn()?;
    if let Some(soft) = soft {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: Some(soft), maximum };
        // It fails only for a program that changed its user while starting.
        let _ = prlimit(Some(Pid::from_child(&child)), Resource::Nofile, limit);
    }
    Ok(child)
}

/// Starts a process that sees `soft` as its limit of open files. Limits are inherited, so mtl has
/// the lower one for as long as the spawn takes; what is open stays open, and `command` must not
/// have to open anything.
///
/// # Errors
///
/// As [`std::process::Command::spawn`]. A process that keeps mtl's limit is no error.
#[cfg(not(target_os = "linux"))]
pub(crate) fn spawn_with_soft_limit(
    command: &mut std::process::Command,
    soft: Option<u64>,
) -> io::Result<std::process::Child> {
    let own = getrlimit(Resource::Nofile).current;
    if let Some(soft) = soft {
        let _ = set_soft_limit(Some(soft));
    }
    let child = command.spawn();
    let _ = set_soft_limit(own);
    child
}
