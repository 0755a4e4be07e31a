//! The file of a log stream, under AWS's names of the group and the stream.

use std::path::Path;
use std::sync::Arc;

use crate::lambda::function::Function;
use crate::telemetry::logs::writer::Writer;

/// The file that a stream is written to.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: Arc<Path>,
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
        let path = directory.join(group.trim_start_matches('/')).join(stream_name);
        Self { path: path.into(), writer }
    }

    /// Queues a line or lines, without the last end of line.
    pub(crate) fn add(&self, lines: &[u8]) {
        self.writer.file(&self.path, lines);
    }
}
