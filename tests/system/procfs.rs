//! What Linux tells of real processes in `/proc`.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::system::procfs::Stat;
use crate::system::procfs::ports::listening_ports;

#[test]
fn the_first_of_a_group_names_it() {
    let mut first = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let pid = Pid::from_child(&first);
    let found = Stat::read(pid).map(|stat| stat.group);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(found, Some(pid));
}

/// By a process with a group of its own: in a container the tests' own group may be outside.
#[test]
fn an_open_port_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut command = Command::new("sleep");
    command.arg("1000").process_group(0).stdin(OwnedFd::from(listener));
    let mut holder = command.spawn().unwrap();
    drop(command);
    let group = Pid::from_child(&holder);
    let found = listening_ports(group);
    kill_process(group, Signal::KILL).unwrap();
    holder.wait().unwrap();
    assert_eq!(found, [port]);
}
