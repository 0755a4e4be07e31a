//! `--watch` and `--build`: new code for functions while they are served. Knows no environments.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use tokio::task::JoinHandle;

use super::say;
use super::shell::{Shell, shell};
use crate::functions::Functions;
use crate::watch::{Changes, Scope, Watch};

/// How often a build may follow another one without a change between them.
const BUILDS_IN_A_ROW: usize = 5;

/// What is watched, and what is done when it changes.
#[derive(Debug)]
pub struct Reload {
    watch: Watch,
    build: Option<OsString>,
    /// The folders of the functions' code, by their names.
    roots: Vec<(String, PathBuf)>,
    /// What builds write: it changes while one runs, and is no reason for another one.
    outputs: BTreeSet<PathBuf>,
}

impl Reload {
    /// Watches these for functions whose code is in these folders, and builds with this command first.
    #[must_use]
    pub fn new(scope: Scope, build: Option<OsString>, roots: Vec<(String, PathBuf)>) -> Self {
        Self { watch: Watch::new(scope), build, roots, outputs: BTreeSet::new() }
    }

    /// Does so until the value that is returned is dropped.
    #[must_use]
    pub fn start(self, functions: Functions) -> Reloading {
        Reloading(tokio::spawn(self.run(functions)))
    }

    async fn run(mut self, functions: Functions) {
        loop {
            let changes = self.watch.changed().await;
            let Some(first) = changes.all().next() else { continue };
            let shown = first.file_name().unwrap_or(first.as_os_str()).display();
            match self.build.clone() {
                None => {
                    self.retire(&functions, &changes);
                    say(&format!("`{shown}` changed: new invocations get the new code"));
                }
                Some(command) => {
                    say(&format!("`{shown}` changed: building"));
                    self.build(&command, &functions).await;
                }
            }
        }
    }

    /// Ends the environments of those functions whose code has changed; of all if it is nobody's.
    fn retire(&self, functions: &Functions, changes: &Changes) {
        let of = |path: &PathBuf| {
            let mut roots = self.roots.iter().filter(|(_, root)| path.starts_with(root)).peekable();
            roots.peek().is_some().then(|| roots.map(|(name, _)| name.as_str()).collect::<Vec<_>>())
        };
        let affected: Option<Vec<_>> = changes.all().map(of).collect();
        let affected: Option<BTreeSet<&str>> =
            affected.map(|all| all.concat().into_iter().collect());
        for served in functions.all() {
            if affected.as_ref().is_none_or(|names| names.contains(&*served.function().name)) {
                served.data_plane.retire();
            }
        }
    }

    /// Builds until nothing has been saved meanwhile. A build that fails leaves all as it is.
    async fn build(&mut self, command: &OsStr, functions: &Functions) {
        let mut before = BTreeSet::new();
        for _ in 0..BUILDS_IN_A_ROW {
            let start = Instant::now();
            match built(command).await {
                Ok(()) => {
                    functions.all().iter().for_each(|served| served.data_plane.retire());
                    let took = start.elapsed().as_millis();
                    say(&format!("built in {took} ms: new invocations get the new code"));
                }
                Err(output) => say(&format!("the build failed: the old code stays\n{output}")),
            }
            let written: BTreeSet<_> = self.watch.take().await.modified.into_iter().collect();
            // What one build after the other writes, nobody has saved.
            self.outputs.extend(written.intersection(&before).cloned());
            if written.is_subset(&self.outputs) {
                return;
            }
            before = written;
        }
    }
}

/// A watch that goes on. It ends with the value, and with it a build that runs.
#[derive(Debug)]
pub struct Reloading(JoinHandle<()>);

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a build; its output when it fails.
async fn built(command: &OsStr) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    // A file, since what the build leaves behind may hold a pipe open.
    let mut output = tempfile::tempfile().map_err(failed)?;
    let copy = || output.try_clone().map(Stdio::from).map_err(failed);
    let mut shell = shell(command);
    shell.stdin(Stdio::null()).stdout(copy()?).stderr(copy()?);
    let status = Shell::start(&mut shell, true).map_err(failed)?.ended().await.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    output.rewind().and_then(|()| output.read_to_end(&mut text)).map_err(failed)?;
    Err(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// The files that mtl's own output goes to, by device and inode.
#[must_use]
pub fn own_output() -> Vec<(u64, u64)> {
    [identity(&io::stdout()), identity(&io::stderr())].into_iter().flatten().collect()
}

fn identity(stream: &impl AsFd) -> Option<(u64, u64)> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

/// The file of a command, if it is one and not looked for on the `PATH`.
#[must_use]
pub fn program(command: &[OsString], folder: &Path) -> Option<PathBuf> {
    let program = Path::new(command.first()?);
    (program.components().count() > 1).then(|| folder.join(program)).filter(|it| it.is_file())
}
