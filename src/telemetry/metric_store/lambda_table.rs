//! What mtl publishes itself, in rows: one for the account, one for each function, and one for each
//! tenant of a function. All metrics of a row are kept together, so that an invocation is recorded in
//! one step, and a tenant costs its id, its row and a point for each minute.

pub(crate) mod lambda_metric;

mod cell;

pub(crate) mod row;

mod listing;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;

use crate::lambda::function::TenantId;
use crate::telemetry::metric_store::distribution::Distribution;
use crate::telemetry::metric_store::lambda_table::lambda_metric::LambdaMetric;
use crate::telemetry::metric_store::lambda_table::row::Row;
use crate::telemetry::metric_store::metric::Dimensions;
use crate::telemetry::metric_store::series::Minute;

/// The name of the dimension that tells functions apart.
pub(crate) const FUNCTION_NAME: &str = "FunctionName";

/// The name of the dimension of the version: an invocation without a qualifier is one of the function
/// itself, so what has it is what the function has.
pub(crate) const RESOURCE: &str = "Resource";

/// The name of the dimension that tells tenants apart.
pub(crate) const TENANT_ID: &str = "TenantId";

/// What a tenant costs besides its id and its points: its place in the table, in the map of its
/// function, and the two blocks of memory for them and the points.
const TENANT_BYTES: usize = 192;

/// All rows.
#[derive(Debug)]
pub(crate) struct LambdaTable {
    account: Row,
    functions: BTreeMap<Arc<str>, FunctionId>,
    /// Functions are never forgotten: there are as many as are served.
    function_rows: Vec<FunctionRows>,
    tenants: Slab<TenantRow>,
}

/// The rows of a function.
#[derive(Debug, Default)]
struct FunctionRows {
    row: Row,
    tenants: BTreeMap<TenantId, TenantRowId>,
}

/// The row of a tenant, and where it is found.
#[derive(Debug)]
struct TenantRow {
    function: FunctionId,
    tenant_id: TenantId,
    row: Row,
}

/// A function of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FunctionId(u32);

/// A tenant of the table. Its row stays while an invocation of it runs, or while it has points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TenantRowId(u32);

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowId {
    /// Of all functions together.
    Account,
    /// Of a function.
    Function(FunctionId),
    /// Of a tenant of a function.
    Tenant(TenantRowId),
}

impl LambdaTable {
    /// A table with nothing in it.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            account: Row::default(),
            functions: BTreeMap::new(),
            function_rows: Vec::new(),
            tenants: Slab::new(),
        }
    }

    /// The function of this name.
    pub(crate) fn function(&mut self, name: &str) -> FunctionId {
        if let Some(id) = self.functions.get(name) {
            return *id;
        }
        let id = FunctionId(number(self.function_rows.len()));
        self.function_rows.push(FunctionRows::default());
        self.functions.insert(name.into(), id);
        id
    }

    /// The tenant of a function, if it has a row.
    #[must_use]
    pub(crate) fn find_tenant(
        &self,
        function: FunctionId,
        tenant_id: &TenantId,
    ) -> Option<TenantRowId> {
        self.function_rows[function.0 as usize].tenants.get(tenant_id).copied()
    }

    /// A row for a tenant that has none, and by how many bytes the table grew.
    pub(crate) fn add_tenant(
        &mut self,
        function: FunctionId,
        tenant_id: &TenantId,
    ) -> (TenantRowId, usize) {
        let row = TenantRow { function, tenant_id: tenant_id.clone(), row: Row::default() };
        let id = TenantRowId(number(self.tenants.insert(row)));
        self.function_rows[function.0 as usize].tenants.insert(tenant_id.clone(), id);
        (id, tenant_bytes(tenant_id))
    }

    /// The row with this id.
    #[must_use]
    pub(crate) fn row(&self, id: RowId) -> &Row {
        match id {
            RowId::Account => &self.account,
            RowId::Function(FunctionId(id)) => &self.function_rows[id as usize].row,
            RowId::Tenant(TenantRowId(id)) => &self.tenants[id as usize].row,
        }
    }

    /// The row with this id, to change it.
    pub(crate) fn row_mut(&mut self, id: RowId) -> &mut Row {
        match id {
            RowId::Account => &mut self.account,
            RowId::Function(FunctionId(id)) => &mut self.function_rows[id as usize].row,
            RowId::Tenant(TenantRowId(id)) => &mut self.tenants[id as usize].row,
        }
    }

    /// Drops the points of a row up to this minute, and the row too if nothing needs it. Returns how
    /// many bytes that frees.
    pub(crate) fn drop_until(&mut self, id: RowId, minute: Minute) -> usize {
        self.row_mut(id).drop_until(minute) + self.forget_idle(id)
    }

    /// Forgets the row of a tenant that nothing needs. Returns how many bytes that frees.
    pub(crate) fn forget_idle(&mut self, id: RowId) -> usize {
        let RowId::Tenant(TenantRowId(place)) = id else { return 0 };
        if !self.row(id).is_idle() {
            return 0;
        }
        let TenantRow { function, tenant_id, .. } = self.tenants.remove(place as usize);
        self.function_rows[function.0 as usize].tenants.remove(&tenant_id);
        tenant_bytes(&tenant_id)
    }

    /// How many tenants have a row.
    #[cfg(test)]
    pub(crate) fn tenants(&self) -> usize {
        self.tenants.len()
    }

    /// What was observed of a metric of these dimensions, by minute from `start` up to and without
    /// `end`. `None` where there is no such row.
    pub(crate) fn between(
        &self,
        metric: LambdaMetric,
        dimensions: &Dimensions,
        start: Minute,
        end: Minute,
    ) -> Option<impl Iterator<Item = (Minute, Cow<'_, Distribution>)>> {
        let id = self.find(metric, dimensions)?;
        Some(self.row(id).between(metric, start, end))
    }

    /// The row of which these are the dimensions.
    fn find(&self, metric: LambdaMetric, dimensions: &Dimensions) -> Option<RowId> {
        let mut dimensions = dimensions.iter();
        let found = match (dimensions.next(), dimensions.next(), dimensions.next()) {
            (None, ..) => RowId::Account,
            (Some((FUNCTION_NAME, name)), second, None) => {
                let function = *self.functions.get(name)?;
                match second {
                    None => RowId::Function(function),
                    Some((RESOURCE, other)) if other == name && metric.is_of_aws() => {
                        RowId::Function(function)
                    }
                    Some((TENANT_ID, id)) => {
                        let tenant_id = id.parse().ok()?;
                        RowId::Tenant(self.find_tenant(function, &tenant_id)?)
                    }
                    Some(_) => return None,
                }
            }
            _ => return None,
        };
        Some(found)
    }
}

fn tenant_bytes(tenant_id: &TenantId) -> usize {
    TENANT_BYTES + tenant_id.as_str().len()
}

/// A place in a table that no memory is large enough to fill.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
