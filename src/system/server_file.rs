//! The file by which `mtl invoke` finds the server that `mtl serve` started in the same folder: where
//! it is, what it says, and when it is stale.
//!
//! There is one file per server, in a folder that only this user can write. Its server holds a lock
//! on it for as long as it lives. The system drops the lock with the process, whatever ends it, so a
//! file without one is stale. (A process id alone can't say that: it may have been given to another
//! process since.)

use std::env;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// The published address of a running server. Dropping it takes the address back.
#[derive(Debug)]
pub(crate) struct ServerFile {
    path: PathBuf,
    /// Open for as long as the server lives, because closing it gives up the lock.
    _lock: File,
}

/// A server that is running now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningServer {
    /// The folder that it was started in.
    pub(crate) folder: PathBuf,
    /// The URL of its Invoke endpoint, without a path.
    pub(crate) endpoint: String,
    /// Its process id, for a person who wants to know which one it is.
    pub(crate) pid: u32,
}

impl ServerFile {
    /// Publishes `endpoint` as the server of `folder`. Of two servers of one folder the later one is
    /// found, and the earlier one again when the later one has ended.
    ///
    /// # Errors
    ///
    /// When the user's runtime folder can't be made or written, or belongs to someone else; when
    /// `folder` is gone or its path is not UTF-8.
    pub(crate) fn publish(folder: &Path, endpoint: &str) -> io::Result<Self> {
        let directory = directory();
        create_private(&directory)?;
        Self::publish_in(&directory, folder, endpoint)
    }

    fn publish_in(directory: &Path, folder: &Path, endpoint: &str) -> io::Result<Self> {
        let found = RunningServer {
            folder: folder.canonicalize()?,
            endpoint: endpoint.to_owned(),
            pid: std::process::id(),
        };
        let mut file =
            tempfile::Builder::new().prefix("server-").suffix(".tmp").tempfile_in(directory)?;
        // Locked before it has its final name, so that nobody ever sees it without the lock.
        file.as_file().lock()?;
        file.write_all(&serde_json::to_vec(&found)?)?;
        let path = file.path().with_extension("json");
        let lock = file.persist_noclobber(&path)?;
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for ServerFile {
    fn drop(&mut self) {
        // What can't be removed is stale, and the next one who looks removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// The endpoint of the server that runs in `folder`, if one does.
#[must_use]
pub(crate) fn find(folder: &Path) -> Option<String> {
    find_in(&directory(), folder)
}

/// Every server of this user that is running now, the latest first.
#[must_use]
pub(crate) fn all() -> Vec<RunningServer> {
    all_in(&directory())
}

fn find_in(directory: &Path, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    all_in(directory).into_iter().find(|found| found.folder == folder).map(|found| found.endpoint)
}

/// A folder that is absent, can't be read or isn't safe has no servers in it.
fn all_in(directory: &Path) -> Vec<RunningServer> {
    if check_private(directory).is_err() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut all: Vec<(SystemTime, RunningServer)> =
        entries.filter_map(|entry| read_live(&entry.ok()?.path())).collect();
    all.sort_by_key(|(published, _)| std::cmp::Reverse(*published));
    all.into_iter().map(|(_, found)| found).collect()
}

/// Reads one file; a stale one is removed.
fn read_live(path: &Path) -> Option<(SystemTime, RunningServer)> {
    if path.extension()? != "json" {
        return None;
    }
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let published = file.metadata().ok()?.modified().ok()?;
            Some((published, serde_json::from_reader(file).ok()?))
        }
        Ok(()) => {
            // Names are never used twice, so this can't hit a file that was published meanwhile.
            let _ = fs::remove_file(path);
            None
        }
        Err(TryLockError::Error(_)) => None,
    }
}

/// `$XDG_RUNTIME_DIR/mtl`, or `mtl-<uid>` in the folder for temporary files.
///
/// <https://specifications.freedesktop.org/basedir-spec/latest/>
fn directory() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    match runtime.filter(|folder| folder.is_absolute() && folder.is_dir()) {
        Some(folder) => folder.join("mtl"),
        None => env::temp_dir().join(format!("mtl-{}", rustix::process::geteuid().as_raw())),
    }
}

fn create_private(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => check_private(directory),
    }
}

/// Anyone may make a folder of that name in `/tmp`, and could then send this user's payloads and
/// tenant ids to a server of their own.
fn check_private(directory: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(directory)?;
    let user = rustix::process::geteuid().as_raw();
    if metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!(
            "`{}` is not a folder that only its owner, this user, can write",
            directory.display()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::{RunningServer, ServerFile, all_in, create_private, find_in};
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_server_is_found_from_its_own_folder_until_it_ends() {
        let (directory, here, there) = folders();
        let server =
            ServerFile::publish_in(directory.path(), here.path(), "http://127.0.0.1:1").unwrap();
        let expected = RunningServer {
            folder: here.path().canonicalize().unwrap(),
            endpoint: "http://127.0.0.1:1".to_owned(),
            pid: std::process::id(),
        };
        assert_eq!(all_in(directory.path()), [expected]);
        assert_eq!(
            find_in(directory.path(), &here.path().join(".")),
            Some("http://127.0.0.1:1".to_owned())
        );
        assert_eq!(find_in(directory.path(), there.path()), None);
        drop(server);
        assert_eq!(all_in(directory.path()), []);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_end_of_one_server_leaves_the_other_of_its_folder() {
        let (directory, here, _) = folders();
        let endpoints = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
        let [first, second] = endpoints
            .map(|endpoint| ServerFile::publish_in(directory.path(), here.path(), endpoint));
        drop(second.unwrap());
        assert_eq!(find_in(directory.path(), here.path()).as_deref(), Some(endpoints[0]));
        drop(first.unwrap());
        assert_eq!(find_in(directory.path(), here.path()), None);
    }

    #[test]
    fn a_file_whose_server_was_killed_is_removed_and_ignored() {
        let (directory, here, _) = folders();
        let stale = directory.path().join("server-x.json");
        let text = format!(r#"{{"folder":{:?},"endpoint":"http://h","pid":1}}"#, here.path());
        fs::write(&stale, text).unwrap();
        assert_eq!(find_in(directory.path(), here.path()), None);
        assert!(!stale.exists());
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let (directory, here, _) = folders();
        let shared = directory.path().join("shared");
        create_private(&shared).unwrap();
        let _server = ServerFile::publish_in(&shared, here.path(), "http://h").unwrap();
        assert!(find_in(&shared, here.path()).is_some());
        fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
        assert!(create_private(&shared).is_err());
        assert_eq!(find_in(&shared, here.path()), None);
    }

    fn folders() -> (tempfile::TempDir, tempfile::TempDir, tempfile::TempDir) {
        [(); 3].map(|()| tempfile::tempdir().unwrap()).into()
    }
}
