//! Where mtl, the function under test and its extension are. `cargo test` builds them, `cargo test --test it`
//! does not, so they are built here when they are missing or older than their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::wait::limit_this_test;

/// The program of mtl. A test that starts it has five minutes.
pub(crate) fn mtl() -> &'static str {
    limit_this_test();
    env!("CARGO_BIN_EXE_mtl")
}

/// The program of the function under test.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("test-function"))
}

/// The program of the extension that functions under test may have.
pub(crate) fn extension() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("test-extension"))
}

fn built(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_mtl")).parent().expect("a file is in a folder");
    let program = folder.join("examples").join(name);
    if modified(&program).is_none_or(|built| built < source_modified()) {
        build(folder, name);
    }
    program
}

fn build(folder: &Path, name: &str) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", name, "--target-dir"]);
    cargo.arg(folder.parent().expect("a profile's folder is in the target folder"));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(status.is_ok_and(|status| status.success()), "`{cargo:?}` failed");
}

fn source_modified() -> SystemTime {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let sources = fs::read_dir(sources).expect("the package has its sources");
    let times = sources.filter_map(|file| modified(&file.ok()?.path()));
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}
