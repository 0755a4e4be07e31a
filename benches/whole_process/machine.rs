//! What the benchmark needs on the machine: the programs of this package, and those of others, each
//! of which may be missing. Nothing is installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The programs that are measured and that measure.
pub(crate) struct Machine {
    /// This `mtl`.
    pub(crate) mtl: PathBuf,
    /// An earlier `mtl`, from `MTL_BENCH_BASE`.
    pub(crate) base: Option<PathBuf>,
    /// The bare relay.
    pub(crate) floor: PathBuf,
    /// The function on the official Rust runtime.
    pub(crate) echo: PathBuf,
    /// The small static function.
    pub(crate) small: PathBuf,
    folder: TempDir,
}

impl Machine {
    /// Builds the floor and the functions.
    pub(crate) fn prepare() -> Result<Self, String> {
        let mtl = PathBuf::from(env!("CARGO_BIN_EXE_mtl"));
        let target = mtl.parent().and_then(Path::parent).ok_or("mtl is in no target folder")?;
        cargo(target, &["build", "--example", "floor", "--example", "echo"], &[])?;
        // Only this one is static: a dynamic one takes three times its memory.
        cargo(target, &["rustc", "--example", "small"], &["-C", "target-feature=+crt-static"])?;
        let example = |name| target.join("release/examples").join(name);
        let folder =
            tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        Ok(Self {
            base: env::var_os("MTL_BENCH_BASE").map(PathBuf::from),
            floor: example("floor"),
            echo: example("echo"),
            small: example("small"),
            mtl,
            folder,
        })
    }

    /// A program of another package, if it is on `PATH`.
    pub(crate) fn program(name: &str, package: &str) -> Result<PathBuf, String> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
        found.ok_or_else(|| format!("`{name}` is not on PATH ({package})"))
    }

    /// A file or folder of the benchmark, which is removed at its end.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The versions of `mtl` to measure: this one, and the earlier one if there is one.
    pub(crate) fn versions(&self) -> Vec<&Path> {
        [Some(&self.mtl), self.base.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect()
    }
}

/// Builds with the release profile into the target folder that this benchmark is in.
pub(crate) fn cargo(target: &Path, what: &[&str], rustc: &[&str]) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(what).args(["--release", "--locked", "--target-dir"]).arg(target);
    if !rustc.is_empty() {
        command.arg("--").args(rustc);
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    // What the outer cargo tells this benchmark of its package is no business of the inner one: with it
    // `ring` and all that depends on it, mtl too, would be built anew each time.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`cargo {}` failed", what.join(" "))),
    }
}
