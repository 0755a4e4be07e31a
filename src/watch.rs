//! Tells when files change. It looks again and again: that works on every system and every file system,
//! and what git ignores costs nothing. Knows nothing of what the files are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ignore::WalkBuilder;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// Folders that runtimes and package managers write into, whatever git says.
const NO_CODE: [&str; 2] = ["__pycache__", "node_modules"];

/// Files and folders that are watched.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: Snapshot,
}

/// When each file was written, and how long it is.
type Snapshot = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl Watch {
    /// Watches these from now on, without what `.gitignore` files name.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let seen = snapshot(&paths);
        Self { paths, seen }
    }

    /// Waits until something has changed, and nothing does any more: a storm of changes is one. Returns one
    /// of the files. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> PathBuf {
        let mut last = self.look().await;
        loop {
            sleep(INTERVAL).await;
            let now = self.look().await;
            if now == last
                && let Some(path) = difference(&self.seen, &now)
            {
                self.seen = now;
                return path;
            }
            last = now;
        }
    }

    /// What has changed until now is no change.
    pub async fn forget(&mut self) {
        self.seen = self.look().await;
    }

    async fn look(&self) -> Snapshot {
        let paths = self.paths.clone();
        spawn_blocking(move || snapshot(&paths)).await.unwrap_or_default()
    }
}

fn snapshot(paths: &[PathBuf]) -> Snapshot {
    paths.iter().flat_map(|path| files(path)).collect()
}

fn files(path: &Path) -> impl Iterator<Item = (PathBuf, (Option<SystemTime>, u64))> + use<> {
    // A folder need not be a repository for its .gitignore to count.
    let mut walk = WalkBuilder::new(path);
    walk.require_git(false);
    walk.filter_entry(|entry| !NO_CODE.iter().any(|name| entry.file_name() == *name));
    let walk = walk.build();
    walk.flatten().filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((entry.into_path(), (metadata.modified().ok(), metadata.len())))
    })
}

/// A file that is in only one of both, or differs.
fn difference(one: &Snapshot, other: &Snapshot) -> Option<PathBuf> {
    let changed = other.iter().find(|(path, state)| one.get(*path) != Some(*state));
    let gone = one.keys().find(|path| !other.contains_key(*path));
    changed.map(|(path, _)| path).or(gone).cloned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Watch;

    #[tokio::test]
    async fn a_change_is_seen_and_what_git_ignores_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file(".gitignore"), "ignored/\n").unwrap();
        fs::create_dir(file("ignored")).unwrap();
        let mut watch = Watch::new(vec![folder.path().to_owned()]);
        fs::write(file("ignored/a"), "1").unwrap();
        fs::create_dir(file("__pycache__")).unwrap();
        fs::write(file("__pycache__/a.pyc"), "1").unwrap();
        assert!(timeout(Duration::from_millis(500), watch.changed()).await.is_err());
        for change in ["1", "22", "333"] {
            fs::write(file("b"), change).unwrap();
        }
        assert_eq!(watch.changed().await, file("b"));
        fs::remove_file(file("b")).unwrap();
        assert_eq!(watch.changed().await, file("b"));
        fs::write(file("c"), "1").unwrap();
        watch.forget().await;
        assert!(timeout(Duration::from_millis(500), watch.changed()).await.is_err());
    }
}
