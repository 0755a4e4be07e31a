//! A function as it was deployed: its name, its ARN, its configuration.

mod log_format;
mod tenant_id;

use std::ffi::{OsStr, OsString};

pub(crate) use log_format::{LogFormat, LogLevel, LogLevels};
pub(crate) use tenant_id::{TenantId, TenantIdError};

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
