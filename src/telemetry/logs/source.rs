//! What a log is the log of.

use std::sync::Arc;

use uuid::Uuid;

use crate::lambda::function::{Function, TenantId};

/// The environment that a log belongs to.
#[derive(Debug)]
pub(crate) struct LogSource {
    /// Its function.
    pub(crate) function: Arc<Function>,
    /// The function's ARN, which is written for each invocation.
    pub(crate) function_arn: String,
    /// Its id.
    pub(crate) environment_id: Uuid,
    /// Its tenant.
    pub(crate) tenant_id: Option<TenantId>,
}

impl LogSource {
    /// The environment with this id of a tenant's function.
    #[must_use]
    pub(crate) fn new(
        function: Arc<Function>,
        environment_id: Uuid,
        tenant_id: Option<TenantId>,
    ) -> Self {
        Self { function_arn: function.arn(), function, environment_id, tenant_id }
    }

    /// The tenant as it is written.
    #[must_use]
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant_id.as_ref().map(TenantId::as_str)
    }

    /// The tenant, if Lambda knows it: in the init phase, where there is no invocation, it doesn't.
    #[must_use]
    pub(crate) fn tenant_in(&self, invocation: Option<Uuid>) -> Option<&str> {
        invocation.and_then(|_| self.tenant())
    }
}
