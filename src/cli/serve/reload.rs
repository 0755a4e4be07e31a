//! `--watch` and `--build`: new code for functions while they are served. Knows no environments.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use tokio::process::Command;

use super::say;
use crate::functions::Functions;
use crate::watch::Watch;

/// What is watched, and what is done when it changes.
#[derive(Debug)]
pub struct Reload {
    watch: Watch,
    build: Option<OsString>,
}

impl Reload {
    /// Watches these, and builds with this command first.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, build: Option<OsString>) -> Self {
        Self { watch: Watch::new(paths), build }
    }

    /// Waits for a change. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> PathBuf {
        self.watch.changed().await
    }

    /// Builds, and gives new invocations new environments. A build that fails leaves all as it is.
    pub async fn reload(&mut self, changed: PathBuf, functions: &Functions) {
        let shown = changed.file_name().unwrap_or(changed.as_os_str()).display();
        let start = Instant::now();
        if let Some(build) = &self.build
            && let Err(output) = built(build).await
        {
            say(&format!("`{shown}` changed, and the build failed: the old code stays\n{output}"));
            self.watch.forget().await;
            return;
        }
        functions.all().iter().for_each(|served| served.data_plane.retire());
        let took = start.elapsed().as_millis();
        say(&format!("`{shown}` changed: new invocations get the new code ({took} ms)"));
        if self.build.is_some() {
            // What the build wrote is no change.
            self.watch.forget().await;
        }
    }
}

/// Runs a build; its output when it fails.
async fn built(command: &OsString) -> Result<(), String> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).kill_on_drop(true);
    match shell.output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Err(String::from_utf8_lossy(&text).trim_end().to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
