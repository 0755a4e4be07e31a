//! Tells when files change. It looks again and again: that works on every system and every file system,
//! and what git ignores costs nothing.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use ignore::WalkBuilder;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often it looks at the most.
const INTERVAL: Duration = Duration::from_millis(40);

/// How many times longer than a look the pause after it is, so that large folders cost no more than that.
const PAUSE_PER_LOOK: u32 = 10;

/// How long everything stays as it is when a storm of changes is over. Editors and compilers take less
/// from one write to the next.
const CALM: Duration = Duration::from_millis(25);

/// How long a storm of changes is waited for: a file that is always written must not hide the others.
const LONGEST_STORM: Duration = Duration::from_secs(1);

/// Folders that runtimes and package managers write into, whatever git says.
const NO_CODE: [&str; 2] = ["__pycache__", "node_modules"];

/// What is watched, and what of it isn't.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The files, and the folders with all that is below them.
    pub(crate) paths: Vec<PathBuf>,
    /// A folder that doesn't count.
    pub(crate) without: Option<PathBuf>,
    /// Open files that don't count, by their device and inode.
    pub(crate) without_files: Vec<(u64, u64)>,
}

/// Files and folders that are watched.
#[derive(Debug)]
pub(crate) struct Watch {
    scope: Scope,
    seen: Snapshot,
}

/// When a file was written, and how long it is.
type FileState = (Option<SystemTime>, u64);

/// The state of each file.
type Snapshot = BTreeMap<PathBuf, FileState>;

/// What has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Files that are new or were written.
    pub(crate) written: Vec<PathBuf>,
    /// Files that have gone.
    pub(crate) gone: Vec<PathBuf>,
}

impl Changes {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.written.iter().chain(&self.gone)
    }

    /// A number for what is in each file that was written: another one for other bytes.
    pub(crate) async fn contents(self) -> BTreeMap<PathBuf, u64> {
        let read = move || {
            let files = self.written.into_iter();
            files
                .filter_map(|path| Some((content(&path).ok()?, path)))
                .map(|(n, path)| (path, n))
                .collect()
        };
        spawn_blocking(read).await.unwrap_or_default()
    }
}

fn content(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (mut hasher, mut piece) = (DefaultHasher::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hasher.finish()),
            length => hasher.write(&piece[..length]),
        }
    }
}

impl Watch {
    /// Watches these from now on, without what `.gitignore` files name.
    #[must_use]
    pub(crate) fn new(scope: Scope) -> Self {
        let seen = snapshot(&scope);
        Self { scope, seen }
    }

    /// Waits until something has changed, and nothing does any more: a storm of changes is one.
    pub(crate) async fn changed(&mut self) -> Changes {
        let (mut last, mut pause) = self.look().await;
        let mut storm: Option<Instant> = None;
        loop {
            sleep(pause).await;
            let (now, next_pause) = self.look().await;
            pause = next_pause;
            let changes = difference(&self.seen, &now);
            if changes == Changes::default() {
                storm = None;
            } else {
                let since = *storm.get_or_insert_with(Instant::now);
                if now == last || since.elapsed() > LONGEST_STORM {
                    self.seen = now;
                    return changes;
                }
                pause = CALM;
            }
            last = now;
        }
    }

    /// What has changed until now; it is no change from now on.
    pub(crate) async fn take(&mut self) -> Changes {
        let (now, _) = self.look().await;
        let changes = difference(&self.seen, &now);
        self.seen = now;
        changes
    }

    /// What there is, and how long to wait before looking again.
    async fn look(&self) -> (Snapshot, Duration) {
        let scope = self.scope.clone();
        let look = spawn_blocking(move || {
            // The time until a thread is free is no part of a look.
            let start = Instant::now();
            (snapshot(&scope), start.elapsed())
        });
        let (found, took) = look.await.unwrap_or_default();
        (found, INTERVAL.max(took * PAUSE_PER_LOOK))
    }
}

fn snapshot(scope: &Scope) -> Snapshot {
    let mut found = Snapshot::new();
    for path in &scope.paths {
        let before = found.len();
        found.extend(files(path, scope, true));
        if found.len() == before {
            // What git ignores counts if nothing else is there: somebody wants it to be watched.
            found.extend(files(path, scope, false));
        }
    }
    found
}

fn files(path: &Path, scope: &Scope, ignoring: bool) -> impl Iterator<Item = (PathBuf, FileState)> {
    let mut walk = WalkBuilder::new(path);
    walk.standard_filters(ignoring);
    // A folder need not be a repository for its .gitignore to count.
    walk.require_git(false).follow_links(true);
    let without = scope.without.clone();
    walk.filter_entry(move |entry| {
        let is_code = !NO_CODE.iter().any(|name| entry.file_name() == *name);
        is_code && without.as_ref().is_none_or(|without| entry.path() != without)
    });
    walk.build().flatten().filter_map(|entry| {
        // Of a link the file that it leads to.
        let metadata = std::fs::metadata(entry.path()).ok().filter(Metadata::is_file)?;
        let id = (metadata.dev(), metadata.ino());
        let state = (metadata.modified().ok(), metadata.len());
        (!scope.without_files.contains(&id)).then(|| (entry.into_path(), state))
    })
}

fn difference(before: &Snapshot, now: &Snapshot) -> Changes {
    let written = now.iter().filter(|(path, state)| before.get(*path) != Some(state));
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    Changes {
        written: written.map(|(path, _)| path.clone()).collect(),
        gone: gone.cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{Changes, Scope, Watch, snapshot};

    fn scope(folder: &Path) -> Scope {
        Scope { paths: vec![folder.to_owned()], ..Scope::default() }
    }

    #[test]
    fn what_git_ignores_and_tools_write_is_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file(".gitignore"), "ignored/\n").unwrap();
        for name in ["ignored", "__pycache__", "logs"] {
            fs::create_dir(file(name)).unwrap();
            fs::write(file(name).join("a"), "1").unwrap();
        }
        fs::write(file("a"), "1").unwrap();
        let found = |scope: &Scope| snapshot(scope).into_keys().collect::<Vec<_>>();
        let all = scope(folder.path());
        assert_eq!(found(&all), [file("a"), file("logs/a")]);
        let without = Scope { without: Some(file("logs")), ..all };
        assert_eq!(found(&without), [file("a")]);
        assert_eq!(found(&scope(&file("ignored"))), [file("ignored/a")], "it was asked for");
    }

    #[tokio::test]
    async fn changes_come_at_once_and_each_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("target");
        fs::write(&target, "1").unwrap();
        symlink(&target, file("link")).unwrap();
        let mut watch = Watch::new(scope(folder.path()));
        for change in ["1", "22", "333"] {
            fs::write(file("b"), change).unwrap();
        }
        let new = Changes { written: vec![file("b")], ..Changes::default() };
        assert_eq!(watch.changed().await, new);
        fs::write(&target, "22").unwrap();
        let linked = Changes { written: vec![file("link")], ..Changes::default() };
        assert_eq!(watch.changed().await, linked, "what a link leads to counts");
        fs::remove_file(file("b")).unwrap();
        assert_eq!(watch.changed().await.gone, [file("b")]);
        fs::write(file("c"), "1").unwrap();
        let first = watch.take().await.contents().await;
        assert!(first.contains_key(&file("c")));
        fs::write(file("c"), "1").unwrap();
        fs::File::open(file("c")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(watch.take().await.contents().await, first, "the same bytes");
        assert_eq!(watch.take().await, Changes::default());
    }
}
