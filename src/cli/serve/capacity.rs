//! What the account and this machine have room for, and what a user should know of it: environments
//! that too few open files allow, and functions for which no concurrent execution is left.

use crate::cli::serve::args::ServeArgs;
use crate::cli::serve::start_warnings::StartWarning;
use crate::data_plane::{AccountLimits, FunctionLimits};
use crate::emulator::config::FunctionConfig;
use crate::lambda::function::TenantIsolationMode;
use crate::lambda::quotas;
use crate::system::process::limits::raise_file_descriptor_limit;

/// How many file descriptors one environment takes at most: the listener of its Runtime API, two
/// connections to it, two pipes, what tells its memory, and the connection of a caller.
const FILES_PER_ENVIRONMENT: u64 = 7;

/// How many more an external extension takes: two pipes, two connections to the Runtime API, one over
/// which it is told of telemetry, and what tells its memory.
const FILES_PER_EXTENSION: u64 = 6;

/// How many file descriptors mtl itself keeps free.
const OWN_FILES: u64 = 64;

/// What there is room for.
pub(super) struct Capacity {
    pub(super) limits: AccountLimits,
    /// The soft limit of open files that functions get, where it isn't mtl's own.
    pub(super) function_file_descriptors: Option<u64>,
}

impl ServeArgs {
    /// What a function may have of the account.
    pub(super) fn function_limits(
        &self,
        reserved_concurrency: Option<u32>,
        mode: TenantIsolationMode,
    ) -> FunctionLimits {
        FunctionLimits {
            reserved_concurrency,
            is_isolated: mode == TenantIsolationMode::PerTenant,
            runtimes: self.function.attach.map(usize::from),
        }
    }

    /// What there is room for. Raises the soft limit of open files; lowers the ceiling of environments
    /// if that isn't enough.
    pub(super) fn capacity(
        &self,
        functions: &[FunctionConfig],
        warnings: &mut Vec<StartWarning>,
    ) -> Capacity {
        let concurrency = self.limits.concurrency;
        let ceiling = self.limits.max_environments.map_or(usize::MAX, |most| most as usize);
        let limits = AccountLimits {
            concurrency,
            environments: ceiling,
            is_scaling_limited: !self.limits.no_scaling_limit,
        };
        warnings.extend(nothing_left(concurrency, functions).map(StartWarning::from));
        let raised = match raise_file_descriptor_limit() {
            Ok(raised) => raised,
            Err(error) => {
                let text = format!("failed to raise the limit of open files: {error}");
                warnings.push(text.into());
                return Capacity { limits, function_file_descriptors: None };
            }
        };
        let wanted = wanted(concurrency, functions).min(ceiling);
        let extensions = functions.iter().map(|function| function.extensions.len()).max();
        let fitting = fitting(raised.now, extensions.unwrap_or_default());
        if fitting < wanted {
            let text = format!(
                "the system allows mtl {} open files, so at most {fitting} environments can exist \
                 instead of {wanted}; `ulimit -Hn` raises it",
                raised.now
            );
            warnings.push(text.into());
        }
        let limits = AccountLimits { environments: ceiling.min(fitting), ..limits };
        Capacity { limits, function_file_descriptors: Some(raised.old_soft) }
    }
}

/// How many environments with so many extensions each there can be with so many open files.
fn fitting(files: u64, extensions: usize) -> usize {
    let each = FILES_PER_ENVIRONMENT + FILES_PER_EXTENSION * extensions as u64;
    let fitting = files.saturating_sub(OWN_FILES) / each;
    usize::try_from(fitting).unwrap_or(usize::MAX).max(1)
}

/// How many environments Lambda would let these functions have together.
fn wanted(account_concurrency: u32, functions: &[FunctionConfig]) -> usize {
    let own = |function: &FunctionConfig| function.limits.own_environments(account_concurrency);
    let shared = functions.iter().any(|function| own(function).is_none());
    let shared = if shared { quotas::tenant_environments(account_concurrency) } else { 0 };
    functions.iter().filter_map(own).fold(shared, usize::saturating_add)
}

/// Names the functions that can't run because others have reserved everything.
fn nothing_left(concurrency: u32, functions: &[FunctionConfig]) -> Option<String> {
    let reserved = functions.iter().filter_map(|function| function.limits.reserved_concurrency);
    let others = functions.iter().filter(|it| it.limits.reserved_concurrency.is_none());
    let others: Vec<_> = others.map(|function| function.function.name.as_str()).collect();
    if others.is_empty() || reserved.fold(0, u32::saturating_add) < concurrency {
        return None;
    }
    let others = others.join(", ");
    Some(format!(
        "all {concurrency} concurrent executions of the account are reserved, so every invocation \
         of {others} is throttled; raise --concurrency"
    ))
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn environments_have_the_files_that_mtl_itself_does_not_need() {
        assert_eq!(fitting(64 + 17, 0), 2);
        assert_eq!(fitting(64 + 26, 1), 2);
        assert_eq!(fitting(10, 0), 1, "nothing can be served without one");
    }
}
