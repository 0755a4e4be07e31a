//! For which system a program was built, as the first bytes of its file tell.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// The system that a program is for, in words, if that is another one than this.
///
/// `None` also where this machine has an emulator for other systems, since it may run the program.
#[must_use]
pub(crate) fn foreign(program: &Path) -> Option<String> {
    let mut head = [0; 20];
    File::open(program).ok()?.read_exact(&mut head).ok()?;
    let system = system(&head)?;
    (system != here() && !has_emulator()).then_some(system)
}

/// This system, in the same words.
#[must_use]
pub(crate) fn here() -> String {
    let name = if cfg!(target_os = "macos") { "macOS" } else { "Linux" };
    let machine = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        machine => machine,
    };
    format!("{name} on {machine}")
}

/// ELF, Mach-O and PE; `None` for anything else, scripts and universal binaries among them.
fn system(head: &[u8; 20]) -> Option<String> {
    let (name, machine) = match head {
        [0x7f, b'E', b'L', b'F', ..] => {
            let machine = match u16::from_le_bytes([head[18], head[19]]) {
                62 => "x86_64",
                183 => "arm64",
                3 => "x86",
                40 => "arm",
                243 => "riscv64",
                _ => "another processor",
            };
            ("Linux", machine)
        }
        [0xcf, 0xfa, 0xed, 0xfe, cpu @ ..] => {
            let machine = match cpu[0] {
                0x07 => "x86_64",
                0x0c => "arm64",
                _ => "another processor",
            };
            ("macOS", machine)
        }
        [b'M', b'Z', ..] => return Some("Windows".to_owned()),
        _ => return None,
    };
    Some(format!("{name} on {machine}"))
}

/// Whether Linux hands programs of other systems to an emulator, as Docker sets it up.
fn has_emulator() -> bool {
    let formats = fs::read_dir("/proc/sys/fs/binfmt_misc").into_iter().flatten().flatten();
    formats.map(|entry| entry.file_name()).any(|name| {
        let name = name.to_string_lossy();
        !["register", "status"].contains(&name.as_ref()) && !name.starts_with("python")
    })
}

#[cfg(test)]
mod tests {
    use super::{here, system};

    #[test]
    fn the_first_bytes_tell_the_system() {
        let mut elf = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0";
        assert_eq!(system(&elf).as_deref(), Some("Linux on arm64"));
        elf[18] = 62;
        assert_eq!(system(&elf).as_deref(), Some("Linux on x86_64"));
        let mut macho = [0; 20];
        macho[..5].copy_from_slice(&[0xcf, 0xfa, 0xed, 0xfe, 0x0c]);
        assert_eq!(system(&macho).as_deref(), Some("macOS on arm64"));
        assert_eq!(system(b"MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").as_deref(), Some("Windows"));
        assert_eq!(system(b"#!/bin/sh\necho hello"), None);
    }

    #[test]
    fn this_program_is_not_foreign() {
        let own = std::env::current_exe().unwrap();
        let mut head = [0; 20];
        std::io::Read::read_exact(&mut std::fs::File::open(own).unwrap(), &mut head).unwrap();
        assert_eq!(system(&head), Some(here()));
    }
}
