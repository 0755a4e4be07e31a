//! Who is there, in which process group, with which initial environment, using how much memory: the
//! files of `/proc`, read and parsed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use memchr::{memchr, memmem};
use rustix::process::{Pid, Uid};

/// More than `stat` has up to the start time: a name of 64 bytes and 20 numbers of 20 digits.
const STAT_BYTES: usize = 512;

/// More than `status` has of a process that is in no more than a hundred groups.
const STATUS_BYTES: usize = 2048;

/// Every process, in ascending order as the kernel lists them.
///
/// # Errors
///
/// When `/proc` can't be read.
pub(crate) fn processes() -> io::Result<impl Iterator<Item = Pid>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| {
        let raw = entry.ok()?.file_name().to_str()?.parse().ok()?;
        Pid::from_raw(raw)
    }))
}

/// The part of `/proc/PID/stat` that tells processes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process group.
    pub(crate) group: Pid,
    /// When the process started, in clock ticks since boot. With the id it names one process for
    /// ever, as ids are used again.
    pub(crate) start_time: u64,
}

impl Stat {
    /// Reads it for one process.
    #[must_use]
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        let file = File::open(path(pid, "stat")).ok()?;
        let mut buffer = [0; STAT_BYTES];
        let read = file.read_at(&mut buffer, 0).ok()?;
        Self::parse(&buffer[..read])
    }

    /// The name in parentheses is whatever the process likes, so the fields are counted from the
    /// last parenthesis on: `state ppid pgrp …`, the start time being field 22 of the line.
    fn parse(stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let text = str::from_utf8(&stat[name_end + 1..]).ok()?;
        let mut fields = text.split_ascii_whitespace();
        // A process that is just going away has the group -1.
        let group = fields.nth(2)?.parse().ok().filter(|group: &i32| *group > 0)?;
        let group = Pid::from_raw(group)?;
        let start_time = fields.nth(16)?.parse().ok()?;
        Some(Self { group, start_time })
    }
}

/// The user that a process runs as, and the environment it was started with as
/// `NAME=value` entries that each end in a zero byte.
///
/// The environment replaces what `buffer` held; it is empty for a process that has none, for one
/// that is just being replaced by `exec`, and for one that has ended.
#[must_use]
pub(crate) fn environment(pid: Pid, buffer: &mut Vec<u8>) -> Option<Uid> {
    buffer.clear();
    let mut file = File::open(path(pid, "environ")).ok()?;
    let user = file.metadata().ok()?.uid();
    file.read_to_end(buffer).ok()?;
    Some(Uid::from_raw(user))
}

/// Whether a process whose environment is empty may only be in the middle of `exec`: it has a
/// program already (kernel threads and ended processes have none), but no arguments yet.
#[must_use]
pub(crate) fn may_be_starting(pid: Pid) -> bool {
    fs::read_link(path(pid, "exe")).is_ok()
        && fs::read(path(pid, "cmdline")).is_ok_and(|arguments| arguments.is_empty())
}

/// Names the network namespace of a process. Loopback addresses mean nothing outside their own.
#[must_use]
pub(crate) fn network(pid: Pid) -> Option<PathBuf> {
    fs::read_link(path(pid, "ns/net")).ok()
}

/// Resident memory of one process, pages it shares with others included, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Now.
    pub(crate) now: u64,
    /// The most that it ever was since the program was started.
    pub(crate) peak: u64,
}

impl Resident {
    /// Reads it for one process.
    #[must_use]
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        StatusFile::open(pid)?.resident()
    }

    fn parse(status: &[u8]) -> Option<Self> {
        Some(Self { peak: kilobytes(status, "VmHWM:")?, now: kilobytes(status, "VmRSS:")? })
    }
}

/// The `status` of one process, kept open: it is read with one call, and never that of another
/// process which has got the same id.
#[derive(Debug)]
pub(crate) struct StatusFile(File);

impl StatusFile {
    /// Opens that of this process.
    #[must_use]
    pub(crate) fn open(pid: Pid) -> Option<Self> {
        File::open(path(pid, "status")).ok().map(Self)
    }

    /// The resident memory now; `None` once the process has ended.
    #[must_use]
    pub(crate) fn resident(&self) -> Option<Resident> {
        let mut buffer = [0; STATUS_BYTES];
        let read = self.0.read_at(&mut buffer, 0).ok()?;
        Resident::parse(&buffer[..read]).or_else(|| {
            // Where the kernel had more to say, the list of groups before it was long.
            let whole = if read == STATUS_BYTES { self.whole().ok()? } else { return None };
            Resident::parse(&whole)
        })
    }

    fn whole(&self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        let mut buffer = [0; STATUS_BYTES];
        loop {
            match self.0.read_at(&mut buffer, whole.len() as u64)? {
                0 => return Ok(whole),
                read => whole.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

/// The proportional set size of one process in bytes: a page that several processes map counts for
/// each of them in part, so that the sum over the processes counts it once.
#[must_use]
pub(crate) fn proportional_set_size(pid: Pid) -> Option<u64> {
    kilobytes(&fs::read(path(pid, "smaps_rollup")).ok()?, "Pss:")
}

/// The bytes in a line such as `VmHWM:     1234 kB`.
fn kilobytes(text: &[u8], name: &str) -> Option<u64> {
    // The name that a process gives itself is in there too, but has no line breaks.
    let is_line = |start: &usize| *start == 0 || text[*start - 1] == b'\n';
    let start = memmem::find_iter(text, name).find(is_line)? + name.len();
    let end = start + memchr(b'\n', &text[start..])?;
    let value = str::from_utf8(&text[start..end]).ok()?;
    Some(value.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A file of a process.
pub(crate) fn path(pid: Pid, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{file}", pid.as_raw_nonzero()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use rustix::process::{getpid, getuid};

    use super::{
        Resident, Stat, environment, kilobytes, network, processes, proportional_set_size,
    };

    #[test]
    fn a_process_finds_itself() {
        let own = getpid();
        assert!(processes().unwrap().any(|pid| pid == own));
        assert_eq!(environment(own, &mut Vec::new()), Some(getuid()));
        assert!(network(own).unwrap().to_string_lossy().starts_with("net:["));
    }

    #[test]
    fn a_process_that_is_going_away_has_no_group() {
        let stat = b"7 (a) b) X 0 -1 -1 0 -1 0 0 0 0 0 0 0 0 0 0 0 1 0 123 0";
        assert_eq!(Stat::parse(stat), None);
    }

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_move_the_fields() {
        let fields: Vec<String> = (4..=30).map(|field| field.to_string()).collect();
        let line = format!("12 (a) b (c)) S {}\n", fields.join(" "));
        let stat = Stat::parse(line.as_bytes()).unwrap();
        assert_eq!((stat.group.as_raw_nonzero().get(), stat.start_time), (5, 22));
        assert_eq!(Stat::parse(b"12 (cut"), None);
    }

    #[test]
    fn memory_is_told_in_bytes() {
        assert_eq!(kilobytes(b"VmPeak:\t 9 kB\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12 * 1024));
        assert_eq!(kilobytes(b"VmRSS:\tmuch\n", "VmRSS:"), None);
        assert_eq!(kilobytes(b"VmRSS:\t    12 kB", "VmRSS:"), None, "the line may be cut");
        let resident = Resident::read(getpid()).unwrap();
        assert!(resident.peak >= resident.now && resident.now > 0);
        assert!(proportional_set_size(getpid()).unwrap() > 0);
    }
}
