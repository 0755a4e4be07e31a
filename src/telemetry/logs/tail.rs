//! The end of what was logged since an invocation began, which a caller gets who asks for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::lambda::quotas;

/// The most that is kept before the beginning is cut off, so that it isn't cut at each line.
const KEPT_BYTES: usize = 4 * quotas::LOG_TAIL_BYTES;

/// The end of a log.
#[derive(Debug, Default)]
pub(crate) struct LogTail(Mutex<Vec<u8>>);

impl LogTail {
    /// An invocation begins: what was logged before doesn't belong to it.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Adds a line or lines, without the last end of line.
    pub(crate) fn add(&self, lines: &[u8]) {
        let mut tail = self.lock();
        let end = &lines[lines.len().saturating_sub(quotas::LOG_TAIL_BYTES)..];
        tail.extend_from_slice(end);
        tail.push(b'\n');
        if tail.len() > KEPT_BYTES {
            let surplus = tail.len() - quotas::LOG_TAIL_BYTES;
            tail.drain(..surplus);
        }
    }

    /// The last 4 KB, cut at the beginning only.
    #[must_use]
    pub(crate) fn last(&self) -> Bytes {
        let tail = self.lock();
        let skipped = tail.len().saturating_sub(quotas::LOG_TAIL_BYTES);
        Bytes::copy_from_slice(&tail[skipped..])
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        // Bytes are appended and cut off: there is nothing half done after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::LogTail;
    use crate::lambda::quotas::LOG_TAIL_BYTES;

    #[test]
    fn the_tail_is_cut_at_its_beginning() {
        let tail = LogTail::default();
        tail.add(b"before");
        tail.clear();
        assert_eq!(tail.last(), "");
        tail.add(b"one\ntwo");
        assert_eq!(tail.last(), "one\ntwo\n");
        for _ in 0..10 {
            tail.add(&b"x".repeat(LOG_TAIL_BYTES));
            tail.add(b"last");
            assert_eq!(tail.last().len(), LOG_TAIL_BYTES);
            assert!(tail.last().ends_with(b"x\nlast\n"));
        }
    }
}
