//! Lines that are written together.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Lines one after the other, complete with their ends.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The lines.
    pub(crate) bytes: Vec<u8>,
    /// How often something was added.
    pub(crate) requests: usize,
    /// Where in `bytes` the lines of a file end, which begin where those of the one before end.
    /// Empty for stdout.
    ends: Vec<FileEnd>,
}

#[derive(Debug)]
struct FileEnd {
    path: Arc<Path>,
    end: usize,
}

impl Batch {
    /// Says that what was added last is for this file.
    pub(crate) fn end_file(&mut self, path: &Arc<Path>) {
        let end = self.bytes.len();
        match self.ends.last_mut() {
            Some(last) if Arc::ptr_eq(&last.path, path) => last.end = end,
            _ => self.ends.push(FileEnd { path: Arc::clone(path), end }),
        }
    }

    /// The lines of each file.
    #[must_use]
    pub(crate) fn files(&self) -> HashMap<&Path, Vec<u8>> {
        let mut files: HashMap<&Path, Vec<u8>> = HashMap::new();
        let mut start = 0;
        for FileEnd { path, end } in &self.ends {
            files.entry(path).or_default().extend_from_slice(&self.bytes[start..*end]);
            start = *end;
        }
        files
    }

    /// Forgets what is in it, and keeps the memory for what comes next.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.requests = 0;
    }
}
