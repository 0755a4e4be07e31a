//! What mtl tells its watchdog, and how that is written on the pipe: one message is a word and a
//! value and ends in a zero byte, which is the one byte that no path can have.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use rustix::process::Pid;

/// The byte that ends a message.
pub(crate) const END: u8 = 0;

/// One message to the watchdog. Each but [`Message::Folder`] is short enough for the kernel to
/// write it whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// mtl's temporary folder, to be removed at the end.
    Folder(PathBuf),
    /// A process that names this Runtime API address may be started from now on.
    RuntimeApi(SocketAddr),
    /// No process that names this address is left.
    ForgetRuntimeApi(SocketAddr),
    /// The process of this id was started and leads a process group of the same number.
    Group(Pid),
    /// The group was killed, and its leader is about to be reaped.
    ForgetGroup(Pid),
}

impl Message {
    /// The message as it is written.
    #[must_use]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = match self {
            Self::Folder(folder) => [b"folder ", folder.as_os_str().as_bytes()].concat(),
            Self::RuntimeApi(address) => format!("api {address}").into(),
            Self::ForgetRuntimeApi(address) => format!("forget-api {address}").into(),
            Self::Group(group) => format!("group {}", group.as_raw_pid()).into(),
            Self::ForgetGroup(group) => format!("forget-group {}", group.as_raw_pid()).into(),
        };
        bytes.push(END);
        bytes
    }

    /// The message in `bytes`, or `None` where they are no whole message.
    #[must_use]
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(&[END])?;
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let (word, value) = (&bytes[..space], &bytes[space + 1..]);
        Some(match word {
            b"folder" => Self::Folder(OsString::from_vec(value.to_vec()).into()),
            b"api" => Self::RuntimeApi(address(value)?),
            b"forget-api" => Self::ForgetRuntimeApi(address(value)?),
            b"group" => Self::Group(pid(value)?),
            b"forget-group" => Self::ForgetGroup(pid(value)?),
            _ => return None,
        })
    }
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    str::from_utf8(value).ok()?.parse().ok()
}

/// Process 1 is nobody's function, and a group below it would mean the watchdog's own or all.
fn pid(value: &[u8]) -> Option<Pid> {
    let raw: i32 = str::from_utf8(value).ok()?.parse().ok()?;
    if raw > 1 { Pid::from_raw(raw) } else { None }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::PathBuf;

    use rustix::process::getpid;

    use super::Message;

    #[test]
    fn every_message_is_read_as_it_was_written() {
        let odd_path = OsString::from_vec(b"/tmp/a b\n\xff".to_vec());
        let address = "[::1]:65535".parse().unwrap();
        for message in [
            Message::Folder(PathBuf::from(odd_path)),
            Message::RuntimeApi(address),
            Message::ForgetRuntimeApi(address),
            Message::Group(getpid()),
            Message::ForgetGroup(getpid()),
        ] {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn what_would_signal_everything_is_no_message() {
        for bytes in [&b"group 0\0"[..], b"group 1\0", b"group -1\0", b"group 12", b"\0", b"x y\0"]
        {
            assert_eq!(Message::decode(bytes), None);
        }
    }
}
