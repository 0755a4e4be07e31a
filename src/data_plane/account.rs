//! What all functions of an account share: concurrent executions, of which some are reserved for one
//! function, and environments. It is bookkeeping behind one lock, without a clock.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::lambda::quotas;

/// The limits of an account on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountLimits {
    /// Concurrent executions.
    pub(crate) concurrency: u32,
    /// Environments that the machine has room for, active or idle.
    pub(crate) environments: usize,
    /// Whether each function may start no more than [`quotas::SCALING_ENVIRONMENTS`] environments in
    /// [`quotas::SCALING_INTERVAL`].
    pub(crate) is_scaling_limited: bool,
}

/// What a function may have of its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FunctionLimits {
    /// Concurrent executions that are reserved for it: it has those and no others.
    pub(crate) reserved_concurrency: Option<u32>,
    /// Whether its environments belong to tenants: only those count towards the environments of the
    /// account.
    pub(crate) is_isolated: bool,
    /// How many runtimes the user starts for it, where it isn't mtl that does.
    pub(crate) runtimes: Option<usize>,
}

impl FunctionLimits {
    /// The environments that it may have for itself, active or idle; `None` where it shares those of
    /// its account, which has so many concurrent executions.
    #[must_use]
    pub(crate) fn own_environments(&self, account_concurrency: u32) -> Option<usize> {
        if self.reserved_concurrency.is_none() && self.is_isolated && self.runtimes.is_none() {
            return None;
        }
        let concurrency = self.reserved_concurrency.unwrap_or(account_concurrency);
        let environments = quotas::tenant_environments(concurrency);
        Some(environments.min(self.runtimes.unwrap_or(usize::MAX)))
    }
}

/// Why an invocation is throttled: the `Reason` of `TooManyRequestsException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThrottleReason {
    /// The reserved concurrency of the function is used up.
    ReservedFunctionConcurrentInvocationLimitExceeded,
    /// Any other limit on environments or concurrent executions is reached.
    ConcurrentInvocationLimitExceeded,
}

impl ThrottleReason {
    /// The reason as AWS spells it.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReservedFunctionConcurrentInvocationLimitExceeded => {
                "ReservedFunctionConcurrentInvocationLimitExceeded"
            }
            Self::ConcurrentInvocationLimitExceeded => "ConcurrentInvocationLimitExceeded",
        }
    }
}

/// An account. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Account(Arc<AccountParts>);

#[derive(Debug)]
struct AccountParts {
    limits: AccountLimits,
    /// Wakes whoever waits for invocations to end.
    quieter: Notify,
    usage: Mutex<Usage>,
}

#[derive(Debug)]
struct Usage {
    /// All environments of all functions.
    environments: usize,
    /// First what no function has reserved, then the reservations.
    concurrency: Vec<ConcurrencyPool>,
    /// First the environments of tenants that functions share, then those of single functions.
    quotas: Vec<EnvironmentQuota>,
}

/// Concurrent executions that functions draw from.
#[derive(Debug)]
struct ConcurrencyPool {
    limit: u32,
    used: u32,
    /// How many of those used are answered, and over in a moment.
    settling: u32,
}

/// Environments, active or idle, that functions may have.
#[derive(Debug)]
struct EnvironmentQuota {
    limit: usize,
    used: usize,
}

/// The first pool, and the first quota: what functions share.
const SHARED: usize = 0;

impl Account {
    /// An account without functions.
    #[must_use]
    pub(crate) fn new(limits: AccountLimits) -> Self {
        let environments = quotas::tenant_environments(limits.concurrency);
        let usage = Usage {
            environments: 0,
            concurrency: vec![ConcurrencyPool { limit: limits.concurrency, used: 0, settling: 0 }],
            quotas: vec![EnvironmentQuota { limit: environments, used: 0 }],
        };
        Self(Arc::new(AccountParts { limits, quieter: Notify::new(), usage: Mutex::new(usage) }))
    }

    /// Adds a function. What is reserved for it is taken out of what the others share, so all
    /// functions are added before one of them is invoked.
    #[must_use]
    pub(crate) fn share(&self, function: FunctionLimits) -> Share {
        let AccountLimits { concurrency, .. } = self.0.limits;
        let mut usage = self.usage();
        let pool = function.reserved_concurrency.map(|reserved| {
            let shared = &mut usage.concurrency[SHARED];
            shared.limit = shared.limit.saturating_sub(reserved);
            usage.concurrency.push(ConcurrencyPool { limit: reserved, used: 0, settling: 0 });
            usage.concurrency.len() - 1
        });
        let quota = function.own_environments(concurrency).map(|limit| {
            usage.quotas.push(EnvironmentQuota { limit, used: 0 });
            usage.quotas.len() - 1
        });
        drop(usage);
        let (pool, quota) = (pool.unwrap_or(SHARED), quota.unwrap_or(SHARED));
        Share { account: self.clone(), pool, quota }
    }

    /// Ends when an environment of any function has become free, or has ended, since this call.
    pub(crate) fn quieter(&self) -> Notified<'_> {
        self.0.quieter.notified()
    }

    /// Wakes those that wait: an environment has become free, or has ended.
    pub(crate) fn notify_quieter(&self) {
        self.0.quieter.notify_waiters();
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        // Counts go up and down in single steps: a panic elsewhere leaves nothing half done.
        self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a function has of its account.
#[derive(Debug)]
pub(crate) struct Share {
    account: Account,
    pool: usize,
    quota: usize,
}

/// Whether one more invocation may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It may.
    Free,
    /// Not now, but one that has answered is over in a moment.
    Soon(ThrottleReason),
    /// It may not.
    Full(ThrottleReason),
}

impl Share {
    /// The account.
    #[must_use]
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Whether the starts of environments are limited.
    #[must_use]
    pub(crate) fn is_scaling_limited(&self) -> bool {
        self.account.0.limits.is_scaling_limited
    }

    /// The account's books, open until the value is dropped.
    #[must_use]
    pub(crate) fn books(&self) -> Books<'_> {
        let (pool, quota) = (self.pool, self.quota);
        Books { usage: self.account.usage(), limits: &self.account.0.limits, pool, quota }
    }
}

/// The account's books, as far as one function is concerned. No other function can change them
/// meanwhile.
pub(crate) struct Books<'a> {
    usage: MutexGuard<'a, Usage>,
    limits: &'a AccountLimits,
    pool: usize,
    quota: usize,
}

impl Books<'_> {
    /// Whether one more invocation of the function may run.
    #[must_use]
    pub(crate) fn room(&self) -> Room {
        let ConcurrencyPool { limit, used, settling } = self.usage.concurrency[self.pool];
        let reason = if self.pool == SHARED {
            ThrottleReason::ConcurrentInvocationLimitExceeded
        } else {
            ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded
        };
        match (used < limit, settling) {
            (true, _) => Room::Free,
            (false, 0) => Room::Full(reason),
            (false, _) => Room::Soon(reason),
        }
    }

    /// Whether the function may have one more environment.
    #[must_use]
    pub(crate) fn has_environment(&self) -> bool {
        let EnvironmentQuota { limit, used } = self.usage.quotas[self.quota];
        used < limit && self.usage.environments < self.limits.environments
    }

    /// An environment is added.
    pub(crate) fn environment_started(&mut self) {
        self.usage.environments += 1;
        self.usage.quotas[self.quota].used += 1;
    }

    /// An environment is gone, whose invocation, if it had one, was noted as over.
    pub(crate) fn environment_ended(&mut self) {
        self.usage.environments -= 1;
        self.usage.quotas[self.quota].used -= 1;
    }

    /// An invocation begins to run.
    pub(crate) fn invocation_began(&mut self) {
        self.pool().used += 1;
    }

    /// An invocation is answered, and over in a moment.
    pub(crate) fn invocation_answered(&mut self) {
        self.pool().settling += 1;
    }

    /// An invocation that was answered is over.
    pub(crate) fn answered_invocation_ended(&mut self) {
        self.pool().settling -= 1;
        self.pool().used -= 1;
    }

    /// An invocation is over that was not answered.
    pub(crate) fn unanswered_invocation_ended(&mut self) {
        self.pool().used -= 1;
    }

    fn pool(&mut self) -> &mut ConcurrencyPool {
        &mut self.usage.concurrency[self.pool]
    }
}
