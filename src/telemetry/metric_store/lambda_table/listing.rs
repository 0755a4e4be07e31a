//! The metrics of the table by their names, in the order in which CloudWatch's lists have all metrics.

use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

use crate::lambda::function::TenantId;
use crate::telemetry::metric_store::filter::MetricFilter;
use crate::telemetry::metric_store::lambda_table::lambda_metric::LambdaMetric;
use crate::telemetry::metric_store::lambda_table::{
    FUNCTION_NAME, FunctionRows, LambdaTable, RESOURCE, RowId, TENANT_ID,
};
use crate::telemetry::metric_store::metric::{Dimensions, MetricId};

/// A row under one of its names.
#[derive(Clone, Copy)]
struct NamedRow<'a> {
    id: RowId,
    function: Option<&'a Arc<str>>,
    detail: Option<(&'static str, &'a str)>,
}

impl NamedRow<'_> {
    fn dimensions(&self) -> impl Iterator<Item = (&str, &str)> {
        let function = self.function.map(|name| (FUNCTION_NAME, &**name));
        [function, self.detail].into_iter().flatten()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.dimensions().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    fn metric_id(&self, metric: LambdaMetric) -> MetricId {
        let dimensions = self.dimensions().map(|(name, value)| (name.into(), value.into()));
        MetricId {
            namespace: metric.namespace().into(),
            name: metric.name().into(),
            dimensions: Dimensions::new(dimensions),
        }
    }
}

impl LambdaTable {
    /// The metrics that match after this one, in the order of their ids.
    pub(crate) fn list<'a>(
        &'a self,
        filter: &'a MetricFilter<'a>,
        after: Option<&'a MetricId>,
    ) -> impl Iterator<Item = MetricId> + 'a {
        let metrics = LambdaMetric::ALL.into_iter().filter_map(move |metric| {
            let names = (metric.namespace(), metric.name());
            if !filter.matches_names(names.0, names.1) {
                return None;
            }
            let last = after.map(|id| (names.cmp(&(&*id.namespace, &*id.name)), &id.dimensions));
            match last {
                Some((Ordering::Less, _)) => None,
                Some((Ordering::Equal, dimensions)) => Some((metric, Some(dimensions))),
                Some((Ordering::Greater, _)) | None => Some((metric, None)),
            }
        });
        metrics.flat_map(move |(metric, after)| {
            let rows = self.rows(metric, after);
            let matching = rows.filter(move |row| {
                filter.matches_dimensions(|name| row.get(name))
                    && filter.is_active(self.row(row.id).last(metric))
            });
            matching.map(move |row| row.metric_id(metric))
        })
    }

    /// The rows that a metric can have, in the order of their dimensions, after these.
    fn rows<'a>(
        &'a self,
        metric: LambdaMetric,
        after: Option<&'a Dimensions>,
    ) -> impl Iterator<Item = NamedRow<'a>> {
        let account = NamedRow { id: RowId::Account, function: None, detail: None };
        let account = metric.is_of_aws().then_some(account);
        let (last_function, last_tenant) = after.map_or((None, None), beginning);
        let functions = self.functions.iter();
        // Thousands of tenants that earlier pages have told are not looked at again.
        let left = functions.skip_while(move |(name, _)| Some(&***name) < last_function);
        let rows = left.flat_map(move |(name, id)| {
            let resource = metric.is_of_aws().then_some(Some((RESOURCE, &**name)));
            let own = [Some(None), resource].into_iter().flatten();
            let id = *id;
            let own = own.map(move |detail| NamedRow {
                id: RowId::Function(id),
                function: Some(name),
                detail,
            });
            let last_tenant = last_tenant.filter(|_| last_function == Some(&**name));
            let tenants = self.function_rows[id.0 as usize].tenants_after(last_tenant);
            own.chain(tenants.map(move |(tenant_id, id)| NamedRow {
                id,
                function: Some(name),
                detail: Some((TENANT_ID, tenant_id.as_str())),
            }))
        });
        let all = account.into_iter().chain(rows);
        all.filter(move |row| after.is_none_or(|after| row.dimensions().gt(after.iter())))
    }
}

/// The function, and the tenant of it, with which dimensions begin. What begins otherwise may be before
/// or after any function, or any tenant.
fn beginning(dimensions: &Dimensions) -> (Option<&str>, Option<&str>) {
    let mut dimensions = dimensions.iter();
    let Some((FUNCTION_NAME, function)) = dimensions.next() else { return (None, None) };
    let tenant = dimensions.next().filter(|(name, _)| *name == TENANT_ID);
    (Some(function), tenant.map(|(_, tenant)| tenant))
}

impl FunctionRows {
    fn tenants_after(&self, last: Option<&str>) -> impl Iterator<Item = (&TenantId, RowId)> {
        let last: Option<TenantId> = last.and_then(|id| id.parse().ok());
        let begin = last.map_or(Bound::Unbounded, Bound::Excluded);
        let left = self.tenants.range((begin, Bound::Unbounded));
        left.map(|(tenant_id, id)| (tenant_id, RowId::Tenant(*id)))
    }
}
