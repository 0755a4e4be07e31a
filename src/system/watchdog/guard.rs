//! What the watchdog's process does. All it knows of Lambda is the variable that names the address of a
//! Runtime API.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

use crate::system::procfs::Stat;
use crate::system::watchdog::link::PROCESS_NAME;
use crate::system::watchdog::message::{self, Message};

/// Runs this process as the watchdog, with the pipe as stdin, until the pipe closes and everything
/// that was remembered has been ended.
#[must_use]
pub(crate) fn main() -> ExitCode {
    // A watchdog that a signal can end is better than none.
    let _ = outlive_signals();
    take_name();
    let mut remembered = Remembered::default();
    remembered.listen(&mut io::stdin().lock());
    remembered.end();
    ExitCode::SUCCESS
}

/// A signal that is sent to everything at once (a logout, the stop of a service) would end the
/// watchdog before mtl, which may need longer. Tokio replaces what a signal does for the rest of the
/// process's life, so nothing has to listen.
fn outlive_signals() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    let (hangup, interrupt) = (SignalKind::hangup(), SignalKind::interrupt());
    for kind in [hangup, interrupt, SignalKind::quit(), SignalKind::terminate()] {
        drop(signal(kind)?);
    }
    Ok(())
}

/// The kernel names a process after the file it runs. Where there is no such file the name in
/// `argv[0]` has to do.
fn take_name() {
    let _ = fs::write("/proc/self/comm", PROCESS_NAME);
}

/// Everything that must not outlive mtl.
#[derive(Debug, Default)]
struct Remembered {
    folder: Option<PathBuf>,
    runtime_apis: BTreeSet<SocketAddr>,
    /// Each group with the time its leader started, where the system tells that.
    groups: HashMap<Pid, Option<u64>>,
}

impl Remembered {
    /// Takes in messages until the pipe closes.
    fn listen(&mut self, pipe: &mut impl BufRead) {
        let mut bytes = Vec::new();
        // An error that isn't the end can't be waited out, so it is taken for the end.
        while pipe.read_until(message::END, &mut bytes).is_ok_and(|length| length > 0) {
            if let Some(message) = Message::decode(&bytes) {
                self.note(message);
            }
            bytes.clear();
        }
    }

    fn note(&mut self, message: Message) {
        match message {
            Message::Folder(folder) => self.folder = Some(folder),
            Message::RuntimeApi(address) => {
                self.runtime_apis.insert(address);
            }
            Message::ForgetRuntimeApi(address) => {
                self.runtime_apis.remove(&address);
            }
            Message::Group(group) => {
                self.groups.insert(group, start_time(group));
            }
            Message::ForgetGroup(group) => {
                self.groups.remove(&group);
            }
        }
    }

    fn end(self) {
        for (group, started) in self.groups {
            // The number stays the group's own while it has any process. Once it has none, another
            // process may get it, and that one started later.
            let leader = start_time(group);
            if leader.is_none() || leader == started {
                let _ = kill_process_group(group, Signal::KILL);
            }
        }
        #[cfg(target_os = "linux")]
        crate::system::strays::kill(&self.runtime_apis);
        if let Some(folder) = self.folder {
            // mtl removes it itself when it can, so it is mostly gone.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

fn start_time(pid: Pid) -> Option<u64> {
    Stat::read(pid).map(|stat| stat.start_time)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::PathBuf;

    use rustix::process::{getpid, getppid};

    use super::Remembered;
    use crate::system::watchdog::message::Message;

    fn listen(messages: &[Message], tail: &[u8]) -> Remembered {
        let mut bytes: Vec<u8> = messages.iter().flat_map(Message::encode).collect();
        bytes.extend_from_slice(tail);
        let mut remembered = Remembered::default();
        remembered.listen(&mut Cursor::new(bytes));
        remembered
    }

    #[test]
    fn what_is_forgotten_is_not_remembered() {
        let (one, two) = (getpid(), getppid().unwrap());
        let api = "127.0.0.1:4711".parse().unwrap();
        let remembered = listen(
            &[
                Message::RuntimeApi(api),
                Message::Group(one),
                Message::Group(two),
                Message::ForgetGroup(two),
                Message::ForgetRuntimeApi(api),
            ],
            b"",
        );
        assert_eq!(remembered.groups.keys().collect::<Vec<_>>(), [&one]);
        assert!(remembered.runtime_apis.is_empty());
    }

    #[test]
    fn a_message_cut_short_by_the_end_is_not_taken_for_a_whole_one() {
        let folder = Message::Folder(PathBuf::from("/tmp/mtl"));
        let remembered = listen(&[folder], b"group 12");
        assert_eq!(remembered.folder, Some(PathBuf::from("/tmp/mtl")));
        assert!(remembered.groups.is_empty());
    }
}
