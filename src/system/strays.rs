//! Finds and kills the processes that an environment's process group no longer holds: children that
//! started a session of their own, and spawns that were cut short. They are known by the Runtime API
//! address in the environment they were started with. Both mtl and its watchdog use it.
//!
//! Only Linux shows the environment of a process, so this module exists only there. A process that
//! was given another environment, or that overwrote its own, can't be found.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, Uid, geteuid, getpid, kill_process, pidfd_open, pidfd_send_signal,
};

use crate::system::procfs;

/// What the environment of a function's process begins an entry with, before `host:port`.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const RUNTIME_API_ENTRY: &[u8] = b"AWS_LAMBDA_RUNTIME_API=";

/// How long a killed process may take to end. One that the kernel holds for longer (a dead network
/// file system) ends by itself afterwards, for it can't return to its program.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a process may stay without an environment in the middle of `exec`. The kernel needs
/// microseconds for it; a process that erased its own environment looks the same and is let be.
const STARTING_PATIENCE: Duration = Duration::from_millis(100);

/// Kills every process of this user whose initial environment names one of the addresses, until
/// none is left or waiting is of no more use (two seconds). Blocks for as long as it takes to read
/// one file of every process of the machine, and again after each find.
///
/// Processes in another network namespace are spared: the address is not the same one there.
pub(crate) fn kill(addresses: &BTreeSet<SocketAddr>) {
    if addresses.is_empty() {
        return;
    }
    let scanner = Scanner { addresses, user: geteuid(), network: procfs::network(getpid()) };
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        let patience = match scanner.scan() {
            Finding::Nothing => return,
            Finding::Starting => STARTING_PATIENCE,
            Finding::Stray => PATIENCE,
        };
        if start.elapsed() > patience {
            return;
        }
        thread::park_timeout(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// What a process is found to be, or the most that was found among many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Nothing,
    Starting,
    Stray,
}

struct Scanner<'a> {
    addresses: &'a BTreeSet<SocketAddr>,
    user: Uid,
    network: Option<PathBuf>,
}

impl Scanner<'_> {
    /// Looks at every process once and kills the strays.
    fn scan(&self) -> Finding {
        let own = getpid();
        let mut buffer = Vec::new();
        let mut most = Finding::Nothing;
        for pid in procfs::processes().into_iter().flatten().filter(|pid| *pid != own) {
            let finding = self.look_at(pid, &mut buffer);
            if finding == Finding::Stray {
                self.kill(pid, &mut buffer);
            }
            most = most.max(finding);
        }
        most
    }

    fn look_at(&self, pid: Pid, environment: &mut Vec<u8>) -> Finding {
        if procfs::environment(pid, environment) != Some(self.user) {
            return Finding::Nothing;
        }
        if environment.is_empty() && procfs::may_be_starting(pid) {
            return Finding::Starting;
        }
        let names_one = runtime_apis(environment).any(|api| self.addresses.contains(&api));
        if names_one && procfs::network(pid) == self.network {
            return Finding::Stray;
        }
        Finding::Nothing
    }

    /// The id may have become another process's since it was looked at. A file descriptor of the
    /// process stays with the one it was opened for, so looking once more makes sure.
    fn kill(&self, pid: Pid, environment: &mut Vec<u8>) {
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => {
                if self.look_at(pid, environment) == Finding::Stray {
                    // It can only fail because the process has ended.
                    let _ = pidfd_send_signal(process, Signal::KILL);
                }
            }
            // Kernels before 5.3, and some that hide system calls from containers.
            Err(Errno::NOSYS | Errno::PERM) => {
                let _ = kill_process(pid, Signal::KILL);
            }
            Err(_) => {}
        }
    }
}

fn runtime_apis(environment: &[u8]) -> impl Iterator<Item = SocketAddr> {
    environment
        .split(|byte| *byte == 0)
        .filter_map(|entry| entry.strip_prefix(RUNTIME_API_ENTRY))
        .filter_map(|value| str::from_utf8(value).ok()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::runtime_apis;

    #[test]
    fn the_address_is_a_whole_entry_of_the_environment() {
        let environment = b"A=1\0AWS_LAMBDA_RUNTIME_API=127.0.0.1:4711\0\
            X_AWS_LAMBDA_RUNTIME_API=127.0.0.1:1\0B=AWS_LAMBDA_RUNTIME_API=127.0.0.1:2\0\
            AWS_LAMBDA_RUNTIME_API=127.0.0.1:47110/2018\0";
        let found: Vec<String> = runtime_apis(environment).map(|api| api.to_string()).collect();
        assert_eq!(found, ["127.0.0.1:4711"]);
    }
}
