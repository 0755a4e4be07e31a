//! How a subcommand ends: the exit codes that scripts rely on, and the way a failure is printed
//! (`error:`, `caused by:`, `help:`).

use std::io::Write as _;
use std::process::ExitCode;

/// The exit codes of `mtl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was done.
    Done = 0,
    /// mtl or the service failed: unreachable, refused, an I/O error.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The function returned an error.
    FunctionError = 3,
    /// The invocation was throttled.
    Throttled = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A failure as a person is told it.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
    help: Option<String>,
}

impl Failure {
    /// A failure that ends with `exit`. The error's chain of causes is printed below it.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into(), help: None }
    }

    /// A mistake on the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, anyhow::Error::msg(message.into()))
    }

    /// What the user can do about it.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, where there may be nothing to do.
    #[must_use]
    pub(crate) fn maybe_help(self, help: Option<impl Into<String>>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Prints the failure to stderr and returns its exit code.
    #[must_use]
    pub(crate) fn report(self) -> ExitCode {
        let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
        let bold = anstyle::Style::new().bold();
        let mut text = format!("{red}error:{red:#} {}\n", self.error);
        for cause in self.error.chain().skip(1) {
            text += &format!("{bold}caused by:{bold:#} {cause}\n");
        }
        if let Some(help) = self.help {
            text += &format!("{bold}help:{bold:#} {help}\n");
        }
        // There is no one left to tell when stderr itself can't be written.
        let _ = anstream::stderr().write_all(text.as_bytes());
        self.exit.into()
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Exit::Failed, error)
    }
}
