//! How long a release build takes on a machine that has the crates but has built nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use crate::machine::Machine;
use crate::table::Figure;

/// This checkout, and the one that `MTL_BENCH_BASE_SOURCE` names.
pub(crate) fn build(machine: &Machine) -> Result<Vec<Figure>, String> {
    let now = fresh_build(machine, Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let before = env::var_os("MTL_BENCH_BASE_SOURCE").map(PathBuf::from);
    let before = before.map(|source| fresh_build(machine, &source)).transpose()?;
    let missing = || "`MTL_BENCH_BASE_SOURCE` names no checkout of an earlier mtl".to_owned();
    let ratio = before.as_ref().map(|before| now.seconds / before.seconds).ok_or_else(missing);
    let of = |field: fn(&Built) -> f64| before.as_ref().map(field);
    Ok(vec![
        Figure::new("a release build", now.seconds).unit(" s").before(of(|it| it.seconds)),
        Figure::measured("the same / before", ratio).at_most(0.6),
        Figure::new("size of the program", now.size).unit(" MB").before(of(|it| it.size)),
    ])
}

struct Built {
    seconds: f64,
    /// In MB.
    size: f64,
}

fn fresh_build(machine: &Machine, source: &Path) -> Result<Built, String> {
    let target = machine.path("fresh-target");
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--release", "--locked", "--quiet"]).current_dir(source);
    command.env("CARGO_TARGET_DIR", &target).stdin(Stdio::null());
    let start = Instant::now();
    let status = command.status().map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("the build of {} failed", source.display()));
    }
    let size = fs::metadata(target.join("release/mtl")).map_err(|error| error.to_string())?.len();
    // The second build must find nothing.
    fs::remove_dir_all(&target).map_err(|error| error.to_string())?;
    let kilobytes = u32::try_from(size / 1024).map_err(|error| error.to_string())?;
    Ok(Built { seconds, size: f64::from(kilobytes) / 1024.0 })
}
