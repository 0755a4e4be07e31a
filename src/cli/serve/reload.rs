//! `--watch` and `--build`: new code for functions while they are served.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::say::say;
use super::shell::{ProcessGroup, Shell, shell};
use crate::cli::failure::{Exit, Failure};
use crate::data_plane::functions::Functions;
use crate::system::watch::{Changes, Scope, Watch};

/// How many builds in a row may each write files that nobody is known to have saved.
const BUILDS_IN_A_ROW: usize = 3;

/// What is watched, and what is done when it changes.
#[derive(Debug)]
pub(crate) struct Reload {
    watch: Watch,
    build: Option<OsString>,
    /// The folders of the functions' code, by their names.
    roots: Vec<(String, PathBuf)>,
    /// The template, which is read at the start only.
    template: Option<PathBuf>,
    /// What was in the files that were written while a build ran.
    built: BTreeMap<PathBuf, u64>,
    /// Files that builds write: that one does is no reason for another one.
    outputs: BTreeSet<PathBuf>,
    /// Files that have changed while none ran, which somebody has saved.
    saved: BTreeSet<PathBuf>,
}

impl Reload {
    /// Watches these for functions whose code is in these folders, and which this template describes, and
    /// builds with this command first.
    #[must_use]
    pub(crate) fn new(
        scope: Scope,
        build: Option<OsString>,
        roots: Vec<(String, PathBuf)>,
        template: Option<PathBuf>,
    ) -> Self {
        Self {
            watch: Watch::new(scope),
            build,
            roots,
            template,
            built: BTreeMap::new(),
            outputs: BTreeSet::new(),
            saved: BTreeSet::new(),
        }
    }

    /// Does so until the value that is returned is dropped.
    #[must_use]
    pub(crate) fn start(self, functions: Functions) -> Reloading {
        Reloading(tokio::spawn(self.run(functions)))
    }

    async fn run(mut self, functions: Functions) {
        loop {
            let changes = self.watch.changed().await;
            let changes = self.without_template(changes);
            let Some(first) = changes.all().next() else { continue };
            self.saved.extend(changes.written.iter().cloned());
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

    /// The template is no code: what it says now is not what is served.
    fn without_template(&self, mut changes: Changes) -> Changes {
        let Some(template) = &self.template else { return changes };
        if changes.all().any(|path| path == template) {
            let shown = template.file_name().unwrap_or_default().display();
            say(&format!("`{shown}` changed: start mtl again to serve what it says now"));
        }
        changes.written.retain(|path| path != template);
        changes.gone.retain(|path| path != template);
        changes
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
        let mut unknown = 0;
        loop {
            self.build_once(command, functions).await;
            let new = self.new_meanwhile().await;
            if new.is_empty() {
                return;
            }
            // What it writes otherwise each time, under names that nobody has saved, is the build's.
            unknown = if new.is_disjoint(&self.saved) { unknown + 1 } else { 0 };
            if unknown == BUILDS_IN_A_ROW {
                return self.outputs.extend(new);
            }
        }
    }

    async fn build_once(&self, command: &OsStr, functions: &Functions) {
        let start = Instant::now();
        match built(command).await {
            Ok(()) => {
                functions.all().iter().for_each(|served| served.data_plane.retire());
                let took = start.elapsed().as_millis();
                say(&format!("built in {took} ms: new invocations get the new code"));
            }
            Err(output) => say(&format!("the build failed: the old code stays\n{output}")),
        }
    }

    /// The files that were written while a build ran, and that it isn't known to write: somebody may have
    /// saved them.
    async fn new_meanwhile(&mut self) -> BTreeSet<PathBuf> {
        let mut new = BTreeSet::new();
        for (path, content) in self.watch.take().await.contents().await {
            if self.outputs.contains(&path) && !self.saved.contains(&path) {
                continue;
            }
            // Nobody saves the same bytes again, but builds write them.
            if self.built.insert(path.clone(), content) == Some(content) {
                self.outputs.insert(path);
            } else {
                new.insert(path);
            }
        }
        new
    }
}

/// A watch that goes on. It ends with the value, and with it a build that runs.
#[derive(Debug)]
pub(crate) struct Reloading(JoinHandle<()>);

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Builds before the first start: there may be no code yet.
///
/// # Errors
///
/// When the build fails. Dropping the future ends it.
pub(crate) async fn first_build(command: &OsStr) -> Result<(), Failure> {
    let shown = command.display();
    let mut shell = shell(command);
    // The log of functions is all that is on stdout.
    shell.stdout(io::stderr());
    // On a terminal Ctrl-C reaches it as well.
    let build = Shell::start(&mut shell, ProcessGroup::for_questions());
    let status = match build {
        Ok(mut build) => build.ended().await,
        Err(error) => Err(error),
    };
    let status = status.with_context(|| format!("failed to run `{shown}`"))?;
    if status.success() {
        return Ok(());
    }
    let error = anyhow::anyhow!("`{shown}` failed ({status}), so there is nothing to serve");
    Err(Failure::new(Exit::Failed, error))
}

/// Runs a build; its output when it fails.
async fn built(command: &OsStr) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    // A file, since what the build leaves behind may hold a pipe open.
    let mut output = tempfile::tempfile().map_err(failed)?;
    let copy = || output.try_clone().map(Stdio::from).map_err(failed);
    let mut shell = shell(command);
    shell.stdin(Stdio::null()).stdout(copy()?).stderr(copy()?);
    let status = Shell::start(&mut shell, ProcessGroup::Own)
        .map_err(failed)?
        .ended()
        .await
        .map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    output.rewind().and_then(|()| output.read_to_end(&mut text)).map_err(failed)?;
    Err(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// The files that mtl's own output goes to, by device and inode.
#[must_use]
pub(crate) fn own_output() -> Vec<(u64, u64)> {
    [identity(&io::stdout()), identity(&io::stderr())].into_iter().flatten().collect()
}

fn identity(stream: &impl AsFd) -> Option<(u64, u64)> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    let metadata = file.metadata().ok().filter(Metadata::is_file)?;
    Some((metadata.dev(), metadata.ino()))
}

/// The file of a command, if it is one and not looked for on the `PATH`.
#[must_use]
pub(crate) fn program(command: &[OsString], folder: &Path) -> Option<PathBuf> {
    let program = Path::new(command.first()?);
    (program.components().count() > 1).then(|| folder.join(program)).filter(|it| it.is_file())
}
