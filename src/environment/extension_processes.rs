//! The processes of an environment's external extensions, each with its output and its memory. Knows
//! neither what they register for nor when they are ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::system::memory::Watched;
use crate::system::output::Output;
use crate::system::process::Process;

/// The external extensions that run. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct ExtensionProcesses {
    running: BTreeMap<String, Running>,
    sender: mpsc::Sender<ExtensionSign>,
    signs: mpsc::Receiver<ExtensionSign>,
}

#[derive(Debug)]
struct Running {
    kill: CancellationToken,
    watched: Arc<Watched>,
}

/// What one of them shows of itself.
#[derive(Debug)]
pub(crate) enum ExtensionSign {
    /// It wrote a line.
    Output(Vec<u8>),
    /// It uses more memory than the function has.
    MemoryExceeded,
    /// Its process ended, and its group with it.
    Exited(String, ExitStatus),
}

impl Default for ExtensionProcesses {
    fn default() -> Self {
        let (sender, signs) = mpsc::channel(16);
        Self { running: BTreeMap::new(), sender, signs }
    }
}

impl Drop for ExtensionProcesses {
    fn drop(&mut self) {
        self.kill_all();
    }
}

/// The name by which an extension registers: that of its file.
#[must_use]
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The names of these.
#[must_use]
pub(crate) fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| name(path)).collect()
}

impl ExtensionProcesses {
    /// Looks after a process that has just been started.
    pub(crate) fn add(&mut self, name: String, process: Process, output: Output, watched: Watched) {
        let (kill, watched) = (CancellationToken::new(), Arc::new(watched));
        let running = Running { kill: kill.clone(), watched: Arc::clone(&watched) };
        tokio::spawn(attend(
            name.clone(),
            Parts { process, output, watched, kill },
            self.sender.clone(),
        ));
        self.running.insert(name, running);
    }

    /// What one of them shows next; nothing ever when there are none. Dropping the future loses
    /// nothing.
    pub(crate) async fn sign(&mut self) -> ExtensionSign {
        match self.signs.recv().await {
            Some(sign) => {
                if let ExtensionSign::Exited(name, _) = &sign {
                    self.running.remove(name);
                }
                sign
            }
            // The sender is in this struct.
            None => std::future::pending().await,
        }
    }

    /// Whether none runs.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Kills all of them.
    pub(crate) fn kill_all(&self) {
        self.kill(|_| true);
    }

    /// Kills those whose name is one of these.
    pub(crate) fn kill(&self, which: impl Fn(&str) -> bool) {
        let running = self.running.iter().filter(|(name, _)| which(name));
        running.for_each(|(_, running)| running.kill.cancel());
    }

    /// Whether they are at work, so that their memory is worth measuring.
    pub(crate) fn set_active(&self, active: bool) {
        self.running.values().for_each(|running| running.watched.set_active(active));
    }

    /// The most memory that those which run have had, added up, in bytes.
    #[must_use]
    pub(crate) fn peak(&self) -> Option<u64> {
        self.running
            .values()
            .filter_map(|running| running.watched.peak())
            .reduce(|sum, peak| sum + peak)
    }
}

struct Parts {
    process: Process,
    output: Output,
    watched: Arc<Watched>,
    kill: CancellationToken,
}

/// Passes on what a process shows until it has ended. When nobody listens any more, it is killed by
/// the token.
async fn attend(name: String, mut parts: Parts, signs: mpsc::Sender<ExtensionSign>) {
    let mut told_of_memory = false;
    let mut killed = false;
    let status = loop {
        let mut lines = Vec::new();
        let mut exited = None;
        tokio::select! {
            biased;
            status = parts.process.exited() => exited = Some(status),
            () = parts.kill.cancelled(), if !killed => {
                killed = true;
                parts.process.kill();
            }
            () = parts.watched.exceeded(), if !told_of_memory => {
                told_of_memory = true;
                let _ = signs.send(ExtensionSign::MemoryExceeded).await;
            }
            () = parts.output.read(|line| lines.push(line.to_owned())) => {}
        }
        if exited.is_some() {
            parts.output.drain(|line| lines.push(line.to_owned()));
        }
        for line in lines {
            let _ = signs.send(ExtensionSign::Output(line)).await;
        }
        if let Some(status) = exited {
            break status;
        }
    };
    let _ = signs.send(ExtensionSign::Exited(name, status)).await;
}
