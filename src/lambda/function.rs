//! A function: its name, its ARN, its configuration. And the [`TenantId`], which is checked here once,
//! so that every other module can trust it.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::lambda::quotas;

/// The identifier of a tenant: 1 to 256 characters of `[a-zA-Z0-9._:/=+\-@ ]`, case-sensitive.
///
/// It may look like an option, a path or a formula, so it is never part of a file name and is
/// escaped wherever it is shown. Cloning is cheap.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantId(Arc<str>);

/// Why a text is no [`TenantId`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum TenantIdError {
    /// It has no characters at all.
    #[error("a tenant id must have at least 1 character")]
    Empty,
    /// It is longer than 256 characters.
    #[error("a tenant id must have at most {} characters", quotas::TENANT_ID_CHARACTERS)]
    TooLong,
    /// It has a character that AWS's pattern does not allow.
    #[error(
        "a tenant id may have the letters a-z and A-Z, digits, spaces and `. _ : / = + - @`, \
         not `{}`",
        .0.escape_debug()
    )]
    Character(char),
}

impl TenantId {
    /// The id as it was given.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, shared and not copied.
    #[must_use]
    pub(crate) fn to_arc(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        if text.is_empty() {
            return Err(TenantIdError::Empty);
        }
        if let Some(character) = text.chars().find(|c| !allowed_in_tenant_id(*c)) {
            return Err(TenantIdError::Character(character));
        }
        if text.len() > quotas::TENANT_ID_CHARACTERS {
            return Err(TenantIdError::TooLong);
        }
        Ok(Self(text.into()))
    }
}

fn allowed_in_tenant_id(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._:/=+-@ ".contains(character)
}

impl Display for TenantId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether invocations must name a tenant.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_TenancyConfig.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TenantIsolationMode {
    /// Every invocation names a tenant, and an environment serves one tenant for life.
    PerTenant,
    /// An ordinary function: no invocation may name a tenant.
    None,
}

/// The format of the platform's log lines.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// START, END and REPORT lines.
    Text,
    /// JSON platform events, with `record.tenantId`, of these levels.
    Json(LogLevels),
}

/// From which level on events are logged.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLevels {
    /// The lowest level of the function's own events.
    pub(crate) application: LogLevel,
    /// The lowest level of the platform's events.
    pub(crate) system: LogLevel,
}

impl Default for LogLevels {
    fn default() -> Self {
        Self { application: LogLevel::Info, system: LogLevel::Info }
    }
}

/// How important an event is, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    /// The finest detail.
    Trace,
    /// Detail for debugging.
    Debug,
    /// Normal operation.
    Info,
    /// What may become an error.
    Warn,
    /// What went wrong.
    Error,
    /// What stops the function.
    Fatal,
}

impl LogLevel {
    /// The levels from which on the function's own events can be logged.
    pub(crate) const APPLICATION: [Self; 6] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The levels from which on the platform's events can be logged.
    pub(crate) const SYSTEM: [Self; 3] = [Self::Debug, Self::Info, Self::Warn];

    /// The level of this name, whatever its case.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        // Python has other names for two levels.
        let name = match name.to_ascii_uppercase().as_str() {
            "WARNING" => "WARN".to_owned(),
            "CRITICAL" => "FATAL".to_owned(),
            name => name.to_owned(),
        };
        Self::APPLICATION.into_iter().find(|level| level.as_str() == name)
    }

    /// As AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// The instruction set of a function.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// 64-bit Arm.
    Arm64,
    /// 64-bit x86.
    X86_64,
}

impl Architecture {
    /// The instruction set of this machine.
    pub(crate) const HERE: Self =
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X86_64 };

    /// As AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }
}

/// A function as it was deployed: what CreateFunction would have been told.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Its name, without qualifier.
    pub(crate) name: String,
    /// The name of its resource in a template, by which it can be invoked too.
    pub(crate) logical_id: Option<String>,
    /// Whose it is, and where: what its ARN begins with.
    pub(crate) owner: FunctionOwner,
    /// What is started for each environment.
    pub(crate) program: FunctionProgram,
    /// The variables given with `--env-file` and `--env`, the later one of a name winning.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// The instruction set that it is deployed for: what AWS would bill. Nothing depends on it here.
    pub(crate) architecture: Architecture,
    /// The memory size.
    pub(crate) memory: MemorySize,
    /// Whether invocations must name a tenant.
    pub(crate) tenant_isolation_mode: TenantIsolationMode,
    /// The format of the platform's log lines.
    pub(crate) log_format: LogFormat,
}

/// The account and the Region of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FunctionOwner {
    /// The Region, also in the function's environment.
    pub(crate) region: String,
    /// The twelve digits of the account.
    pub(crate) account_id: String,
}

/// What runs a function's code.
#[derive(Clone, Debug, Default)]
pub(crate) struct FunctionProgram {
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// What `argv[0]` of the program is, where that differs from the program's path.
    pub(crate) argv0: Option<OsString>,
    /// What `_HANDLER` says, if that isn't the end of the command.
    pub(crate) handler: Option<String>,
    /// The managed runtime that Lambda would run it on, such as `python3.12`; `None` for a program of
    /// its own.
    pub(crate) runtime: Option<String>,
}

/// The memory of a function, in MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemorySize {
    /// The size that the function is told.
    pub(crate) mb: u32,
    /// Whether an environment that uses more is killed. mtl enforces only a size that was given:
    /// the default of 128 MB says nothing about the function.
    pub(crate) enforced: bool,
}

impl FunctionOwner {
    /// The unqualified ARN of the function with this name.
    #[must_use]
    pub(crate) fn arn(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.region, self.account_id)
    }
}

impl Function {
    /// The unqualified ARN.
    #[must_use]
    pub(crate) fn arn(&self) -> String {
        self.owner.arn(&self.name)
    }

    /// What `_HANDLER` says: the handler of its template, or as in AWS's emulator the last argument of the
    /// command, if it has any.
    #[must_use]
    pub(crate) fn handler(&self) -> &OsStr {
        if let Some(handler) = &self.program.handler {
            return OsStr::new(handler);
        }
        match self.program.command.as_slice() {
            [] | [_] => OsStr::new("bootstrap"),
            [.., last] => last,
        }
    }

    /// The CloudWatch log group.
    #[must_use]
    pub(crate) fn log_group(&self) -> String {
        format!("/aws/lambda/{}", self.name)
    }
}

/// The only version that mtl serves.
pub(crate) const LATEST: &str = "$LATEST";

#[cfg(test)]
mod tests {
    use super::{TenantId, TenantIdError};

    #[test]
    fn every_allowed_character_is_taken_and_nothing_else() {
        for id in ["alice", "-rf", "../../etc", "=1+1", "a b", "A:z/0=9+-@._"] {
            assert_eq!(id.parse::<TenantId>().map(|id| id.to_string()), Ok(id.to_owned()));
        }
        for (id, character) in [("é", 'é'), ("a\nb", '\n'), ("a#b", '#'), ("a\0", '\0')] {
            assert_eq!(id.parse::<TenantId>(), Err(TenantIdError::Character(character)));
        }
    }

    #[test]
    fn the_length_is_1_to_256() {
        assert_eq!("".parse::<TenantId>(), Err(TenantIdError::Empty));
        assert!("x".repeat(256).parse::<TenantId>().is_ok());
        assert_eq!("x".repeat(257).parse::<TenantId>(), Err(TenantIdError::TooLong));
    }
}
