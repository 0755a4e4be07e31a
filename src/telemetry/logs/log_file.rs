//! The file of a log stream, under AWS's names of the group and the stream.

use std::path::{Path, PathBuf};

use crate::lambda::function::Function;
use crate::telemetry::logs::writer::Writer;

/// The file that a stream is written to.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    writer: Writer,
}

impl LogFile {
    /// The file of a function's stream below this folder.
    #[must_use]
    pub(crate) fn new(
        directory: &Path,
        function: &Function,
        stream_name: &str,
        writer: Writer,
    ) -> Self {
        let group = function.log_group();
        Self { path: directory.join(group.trim_start_matches('/')).join(stream_name), writer }
    }

    /// Queues a line or lines, without the last end of line.
    pub(crate) fn add(&self, lines: &str) {
        self.writer.file(self.path.clone(), format!("{lines}\n"));
    }
}
