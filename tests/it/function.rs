//! Where the function under test is. `cargo test` builds it, `cargo test --test it` does not, so it
//! is built here when it is missing or older than its source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The program of the function under test.
pub(crate) fn program() -> &'static Path {
    PROGRAM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_mtl")).parent().expect("a file is in a folder");
        let program = folder.join("examples/test-function");
        if modified(&program).is_none_or(|built| built < source_modified()) {
            build(folder);
        }
        program
    })
}

fn build(folder: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "test-function", "--target-dir"]);
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
