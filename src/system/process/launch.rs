//! What is started for an environment and how it is found: the function's own `PATH` decides, as in
//! a shell. Owns the reasons why a program can't be started.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;
use thiserror::Error;

use crate::system::process::foreign::{foreign, here};

/// Where a program is looked for when the function's environment has no `PATH`, as in C libraries.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A program with all it is started with.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program and its arguments. A program without a slash is looked up in the `PATH` of
    /// `variables`; one with a slash is relative to `directory`.
    pub(crate) command: Vec<OsString>,
    /// The program's `argv[0]`, where it differs from what `command` says.
    pub(crate) argv0: Option<OsString>,
    /// The complete environment; nothing is inherited.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The working directory, absolute.
    pub(crate) directory: PathBuf,
}

/// Why a program could not be started.
#[derive(Debug, Error)]
pub(crate) enum SpawnError {
    /// The command has not even a program.
    #[error("failed to start an empty command")]
    Empty,
    /// No such file, or none in `PATH`.
    #[error("failed to find the program `{}`", .0.display())]
    NotFound(PathBuf),
    /// The file exists and this user may not run it, or it is a directory.
    #[error("failed to start `{}`: it is not executable", .0.display())]
    NotExecutable(PathBuf),
    /// The system has no way to run such a file: no `#!` line, another machine's binary.
    #[error(
        "failed to start `{}`: it is no program of this system, and a script needs a first line \
         such as `#!/bin/sh`",
        .0.display()
    )]
    Format(PathBuf),
    /// It was built for another system, and for which.
    #[error("failed to start `{}`: it is a program for {system}, and this is {}", program.display(), here())]
    Foreign {
        /// The file.
        program: PathBuf,
        /// Its system.
        system: String,
    },
    /// The file exists, but the interpreter that its first line names does not, or the loader that
    /// a binary needs.
    #[error(
        "failed to start `{}`: its {} does not exist",
        program.display(),
        interpreter.as_ref().map_or_else(
            || "loader".to_owned(),
            |path| format!("interpreter `{}`", path.display()),
        )
    )]
    Interpreter {
        /// The file.
        program: PathBuf,
        /// What the first line names; `None` for a binary.
        interpreter: Option<PathBuf>,
    },
    /// It is a script that was written on Windows: the name of its interpreter ends in a carriage return.
    #[error(
        "failed to start `{}`: its lines end as on Windows (CRLF), so its interpreter is not found",
        .0.display()
    )]
    WindowsLines(PathBuf),
    /// The working directory is gone.
    #[error("failed to change to the directory `{}`", .0.display())]
    Directory(PathBuf),
    /// The system could not give what a process needs: memory, file descriptors, room for the
    /// environment. The same command may start another time.
    #[error("failed to start `{}`", program.display())]
    System {
        /// The file.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Launch {
    /// The absolute path of the program.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Empty`], [`SpawnError::NotFound`] and [`SpawnError::NotExecutable`].
    pub(crate) fn program(&self) -> Result<PathBuf, SpawnError> {
        let name = self.command.first().filter(|name| !name.is_empty());
        let name = name.ok_or(SpawnError::Empty)?;
        if name.as_bytes().contains(&b'/') {
            let path =
                self.directory.join(Path::new(name).strip_prefix(".").unwrap_or(name.as_ref()));
            return check(&path).map(|()| path);
        }
        let mut refused = None;
        for folder in std::env::split_paths(self.path()) {
            let path = self.directory.join(folder).join(name);
            match check(&path) {
                Ok(()) => return Ok(path),
                Err(error @ SpawnError::NotExecutable(_)) => refused = refused.or(Some(error)),
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or_else(|| SpawnError::NotFound(name.into())))
    }

    /// Why the program would not start, as far as that shows in its file.
    ///
    /// # Errors
    ///
    /// The same as [`Launch::program`], and [`SpawnError::Interpreter`] and [`SpawnError::Foreign`].
    pub(crate) fn check(&self) -> Result<(), SpawnError> {
        let program = self.program()?;
        if let Some(system) = foreign(&program) {
            return Err(SpawnError::Foreign { program, system });
        }
        match interpreter(&program) {
            Some(path) if !path.exists() => Err(SpawnError::without(Some(path), program)),
            _ => Ok(()),
        }
    }

    /// The reason behind an error of the system for `program`.
    #[must_use]
    pub(crate) fn explain(&self, program: PathBuf, source: io::Error) -> SpawnError {
        match Errno::from_io_error(&source) {
            Some(Errno::NOENT | Errno::NOTDIR) if !self.directory.is_dir() => {
                SpawnError::Directory(self.directory.clone())
            }
            Some(Errno::NOENT) if program.exists() => {
                SpawnError::without(interpreter(&program), program)
            }
            Some(Errno::NOENT | Errno::NOTDIR) => SpawnError::NotFound(program),
            Some(Errno::ACCESS | Errno::PERM) => SpawnError::NotExecutable(program),
            Some(Errno::NOEXEC) => match foreign(&program) {
                Some(system) => SpawnError::Foreign { program, system },
                None => SpawnError::Format(program),
            },
            _ => SpawnError::System { program, source },
        }
    }

    fn path(&self) -> &OsStr {
        let path = self.variables.iter().rev().find(|(name, _)| name == "PATH");
        path.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value)
    }
}

impl SpawnError {
    /// What to do about it, where that doesn't depend on what the program is for.
    #[must_use]
    pub(crate) fn remedy(&self) -> Option<String> {
        match self {
            Self::NotExecutable(program) => {
                let program = program.file_name().unwrap_or_default().display();
                Some(format!("`chmod +x` makes `{program}` one that can be started"))
            }
            Self::Directory(_) => {
                Some("the folder of the code has gone since mtl was started".to_owned())
            }
            _ => None,
        }
    }

    /// The interpreter or loader of a program isn't there.
    fn without(interpreter: Option<PathBuf>, program: PathBuf) -> Self {
        let ends_in_return = |path: &PathBuf| path.as_os_str().as_bytes().ends_with(b"\r");
        if interpreter.as_ref().is_some_and(ends_in_return) {
            return Self::WindowsLines(program);
        }
        Self::Interpreter { program, interpreter }
    }
}

fn check(path: &Path) -> Result<(), SpawnError> {
    let Ok(metadata) = fs::metadata(path) else {
        return Err(SpawnError::NotFound(path.into()));
    };
    if !metadata.is_file() || access(path, Access::EXEC_OK).is_err() {
        return Err(SpawnError::NotExecutable(path.into()));
    }
    Ok(())
}

/// What the `#!` line of a script names.
pub(crate) fn interpreter(program: &Path) -> Option<PathBuf> {
    let mut start = Vec::new();
    File::open(program).ok()?.take(256).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    // As the system reads it, which takes a carriage return for a part of the name.
    let mut words = line.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty());
    words.next().map(|word| OsStr::from_bytes(word).into())
}
