//! The processes of an environment's external extensions, each with its output and its memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::environment::launcher::Launched;
use crate::system::memory::Watched;
use crate::system::output::Output;
use crate::system::process::Process;

/// The external extensions that run. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct ExtensionProcesses {
    running: BTreeMap<String, RunningExtension>,
    sender: mpsc::Sender<ExtensionProcessEvent>,
    events: mpsc::Receiver<ExtensionProcessEvent>,
}

#[derive(Debug)]
struct RunningExtension {
    kill: CancellationToken,
    watched: Arc<Watched>,
}

/// What happened to one of them.
#[derive(Debug)]
pub(crate) enum ExtensionProcessEvent {
    /// It wrote a line.
    Output(Vec<u8>),
    /// It uses more memory than the function has.
    MemoryExceeded,
    /// Its process ended, and its group with it.
    Exited(String, ExitStatus),
}

impl Default for ExtensionProcesses {
    fn default() -> Self {
        let (sender, events) = mpsc::channel(16);
        Self { running: BTreeMap::new(), sender, events }
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

impl ExtensionProcesses {
    /// Looks after a process that has just been started.
    pub(crate) fn add(&mut self, name: String, launched: Launched) {
        let Launched { process, output, watched, .. } = launched;
        let (kill, watched) = (CancellationToken::new(), Arc::new(watched));
        let running = RunningExtension { kill: kill.clone(), watched: Arc::clone(&watched) };
        tokio::spawn(attend(
            name.clone(),
            Attended { process, output, watched, kill },
            self.sender.clone(),
        ));
        self.running.insert(name, running);
    }

    /// The next thing that happens to one of them; nothing ever happens when there are none. Dropping
    /// the future loses nothing.
    pub(crate) async fn event(&mut self) -> ExtensionProcessEvent {
        match self.events.recv().await {
            Some(event) => {
                if let ExtensionProcessEvent::Exited(name, _) = &event {
                    self.running.remove(name);
                }
                event
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

    /// Measures their memory from now on.
    pub(crate) fn resume_measuring(&self) {
        self.running.values().for_each(|running| running.watched.activate());
    }

    /// Measures their memory no more.
    pub(crate) fn pause_measuring(&self) {
        self.running.values().for_each(|running| running.watched.deactivate());
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

/// A process and what is needed to look after it.
struct Attended {
    process: Process,
    output: Output,
    watched: Arc<Watched>,
    kill: CancellationToken,
}

/// Passes on what happens to a process until it has ended. When nobody listens any more, it is killed by
/// the token.
async fn attend(name: String, mut attended: Attended, events: mpsc::Sender<ExtensionProcessEvent>) {
    let mut told_of_memory = false;
    let mut killed = false;
    let status = loop {
        let mut lines = Vec::new();
        let mut exited = None;
        tokio::select! {
            biased;
            status = attended.process.exited() => exited = Some(status),
            () = attended.kill.cancelled(), if !killed => {
                killed = true;
                attended.process.kill();
            }
            () = attended.watched.exceeded(), if !told_of_memory => {
                told_of_memory = true;
                let _ = events.send(ExtensionProcessEvent::MemoryExceeded).await;
            }
            () = attended.output.read(|line| lines.push(line.to_owned())) => {}
        }
        if exited.is_some() {
            attended.output.drain(|line| lines.push(line.to_owned()));
        }
        for line in lines {
            let _ = events.send(ExtensionProcessEvent::Output(line)).await;
        }
        if let Some(status) = exited {
            break status;
        }
    };
    let _ = events.send(ExtensionProcessEvent::Exited(name, status)).await;
}
