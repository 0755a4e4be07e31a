//! What the emulator needs of the system, whatever it serves: the guard of processes, the threads
//! that write logs and measure memory, and a folder for temporary files.

use tempfile::TempDir;

use crate::emulator::config::{ProcessConfig, Watchdog};
use crate::emulator::error::StartError;
use crate::system::memory::MemoryMonitor;
use crate::system::notifier::Notifier;
use crate::system::process::{Processes, Setup};
use crate::system::watchdog::link::{Loss, Program};
use crate::telemetry::logs::writer::Writer;

/// The parts of the system that all functions share.
#[derive(Debug)]
pub(crate) struct Machinery {
    pub(crate) processes: Processes,
    pub(crate) writer: Writer,
    pub(crate) memory: MemoryMonitor,
    pub(crate) temp: TempDir,
}

/// What the end of the machinery has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineryEnd {
    /// How often log lines were not written because stdout or the disk was too slow.
    pub(crate) unwritten_logs: usize,
    /// Whether the watchdog has ended.
    pub(crate) watchdog_ended: bool,
}

impl Machinery {
    /// Starts all of it. `losses` is told when a watchdog ends too early.
    ///
    /// # Errors
    ///
    /// When the system is out of something.
    pub(crate) fn start(config: ProcessConfig, losses: Notifier<Loss>) -> Result<Self, StartError> {
        let part = |name| move |error| StartError::Part(name, error);
        let temp = tempfile::Builder::new().prefix("mtl-").tempdir().map_err(StartError::Temp)?;
        let watchdog = match config.watchdog {
            Watchdog::OwnProgram => Some(Program::own().map_err(part("the watchdog"))?),
            Watchdog::Absent => None,
        };
        let setup = Setup {
            watchdog,
            losses,
            folder: temp.path(),
            function_file_descriptors: config.function_file_descriptors,
        };
        let processes = Processes::start(setup).map_err(part("the watchdog"))?;
        let writer = Writer::start().map_err(part("the log writer"))?;
        let memory = MemoryMonitor::start().map_err(part("the memory monitor"))?;
        Ok(Self { processes, writer, memory, temp })
    }

    /// Ends all of it, once no process of a function is left.
    pub(crate) async fn close(self) -> MachineryEnd {
        let watchdog_ended = self.processes.close().await.is_ok();
        let unwritten_logs = self.writer.close().await;
        // When it can't be removed, it is in the system's folder for temporary files.
        let _ = self.temp.close();
        MachineryEnd { unwritten_logs, watchdog_ended }
    }
}
