//! Which TCP ports the processes of a group listen on, as Linux tells in `/proc`. Empty elsewhere.

use std::collections::HashSet;
use std::fs;

use rustix::process::Pid;

use crate::system::procfs::files::{Stat, path, processes};

/// The state of a listening socket in `/proc/PID/net/tcp`.
const LISTEN: &str = "0A";

/// The TCP ports on which processes of this group listen, in ascending order.
#[must_use]
pub(crate) fn listening_ports(group: Pid) -> Vec<u16> {
    let members = processes().into_iter().flatten();
    let members: Vec<Pid> =
        members.filter(|pid| Stat::read(*pid).is_some_and(|stat| stat.group == group)).collect();
    let sockets: HashSet<String> = members.iter().flat_map(|pid| sockets(*pid)).collect();
    let Some(any) = members.first() else { return Vec::new() };
    let tables = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(path(*any, table)));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let listening = lines.filter_map(listener).filter(|(_, inode)| sockets.contains(*inode));
    let mut ports: Vec<u16> = listening.map(|(port, _)| port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The inodes of the sockets that a process has open.
fn sockets(pid: Pid) -> Vec<String> {
    let files = fs::read_dir(path(pid, "fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets
        .filter_map(|target| {
            let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect()
}

/// The port and the inode of a line `sl local_address rem_address st … inode`, if it listens.
fn listener(line: &str) -> Option<(u16, &str)> {
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let listens = fields.nth(1)? == LISTEN;
    let inode = fields.nth(5)?;
    listens.then_some((u16::from_str_radix(port, 16).ok()?, inode))
}

#[cfg(test)]
mod tests {
    use super::listener;

    #[test]
    fn a_line_of_the_kernel_is_understood() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    1000        0 12345 1 0000000000000000 100 0 0 10 0";
        assert_eq!(listener(line), Some((8080, "12345")));
        assert_eq!(listener(&line.replace(" 0A ", " 01 ")), None);
    }
}
