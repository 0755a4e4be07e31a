//! The metrics that are kept, and how much room they have.

use std::collections::BTreeMap;
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::lambda::function::TenantId;
use crate::telemetry::metric_store::filter::MetricFilter;
use crate::telemetry::metric_store::lambda_table::lambda_metric::LambdaMetric;
use crate::telemetry::metric_store::lambda_table::{FunctionId, LambdaTable, RowId, TenantRowId};
use crate::telemetry::metric_store::metric::{Datum, MetricId};
use crate::telemetry::metric_store::published::PublishedMetrics;
use crate::telemetry::metric_store::query::{MetricQuery, Point, periods};
use crate::telemetry::metric_store::series::{Minute, minute};

/// How long points are kept.
const RETENTION_MINUTES: Minute = 24 * 60;

/// How many bytes the points and the names of all metrics may have, about.
const CAPACITY_BYTES: usize = 256 * 1024 * 1024;

/// All that is published. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct MetricStore {
    /// Never held across an await.
    shared: Arc<Mutex<Store>>,
}

#[derive(Debug)]
struct Store {
    published: PublishedMetrics,
    table: LambdaTable,
    /// Who has a point of which minute, so that the oldest are dropped without a look at all others.
    minutes: BTreeMap<Minute, Pointed>,
    capacity: usize,
    bytes: usize,
    refused: u64,
}

/// Who has a point of one minute.
#[derive(Debug, Default)]
struct Pointed {
    metrics: Vec<Arc<MetricId>>,
    rows: Vec<RowId>,
}

/// The rows of an invocation besides that of the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InvocationRows {
    function: FunctionId,
    tenant: Option<TenantRowId>,
}

/// How many invocations run at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Concurrency {
    in_account: u32,
    of_function: u32,
    of_tenant: u32,
}

/// What is observed at one time, of one invocation or otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observed<'a> {
    /// When.
    pub(crate) minute: Minute,
    /// What is the same for the account, which has Lambda's metrics only, the function and the tenant;
    /// without a value, what was not observed.
    pub(crate) values: &'a [(LambdaMetric, Option<f64>)],
    /// How many invocations there were when it began, for an invocation.
    pub(crate) concurrency: Option<Concurrency>,
}

impl Default for MetricStore {
    fn default() -> Self {
        Self::with_capacity(CAPACITY_BYTES)
    }
}

impl MetricStore {
    /// A store that keeps about this many bytes.
    #[must_use]
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let store = Store {
            published: PublishedMetrics::default(),
            table: LambdaTable::new(),
            minutes: BTreeMap::new(),
            capacity,
            bytes: 0,
            refused: 0,
        };
        Self { shared: Arc::new(Mutex::new(store)) }
    }

    /// Adds what was observed. What is older than the retention is forgotten at once, as is a point
    /// for which there is no room even when only this minute's points are kept.
    pub(crate) fn put(&self, datum: &Datum, now: Timestamp) {
        self.lock().put(datum, minute(now));
    }

    /// The rows of a function of this name.
    #[must_use]
    pub(crate) fn function(&self, name: &str) -> FunctionId {
        self.lock().table.function(name)
    }

    /// An invocation begins. It has to be ended.
    #[must_use]
    pub(crate) fn begin(
        &self,
        function: FunctionId,
        tenant_id: Option<&TenantId>,
    ) -> (InvocationRows, Concurrency) {
        let mut store = self.lock();
        let rows = store.rows(function, tenant_id);
        let [in_account, of_function, of_tenant] = rows.ids().map(|id| {
            id.map(|id| {
                let row = store.table.row_mut(id);
                row.running += 1;
                row.running
            })
        });
        let concurrency = Concurrency {
            in_account: in_account.unwrap_or_default(),
            of_function: of_function.unwrap_or_default(),
            of_tenant: of_tenant.or(of_function).unwrap_or_default(),
        };
        (rows, concurrency)
    }

    /// An invocation that began runs no more.
    pub(crate) fn end(&self, rows: InvocationRows) {
        let mut store = self.lock();
        for id in rows.ids().into_iter().flatten() {
            store.table.row_mut(id).running -= 1;
            store.bytes -= store.table.forget_idle(id);
        }
    }

    /// Adds what was observed of an invocation that has begun.
    pub(crate) fn record(&self, rows: InvocationRows, observed: &Observed<'_>) {
        self.lock().record(rows, observed);
    }

    /// Adds what was observed of a function, and of a tenant of it.
    pub(crate) fn record_of(
        &self,
        function: FunctionId,
        tenant_id: Option<&TenantId>,
        observed: &Observed<'_>,
    ) {
        let mut store = self.lock();
        let rows = store.rows(function, tenant_id);
        store.record(rows, observed);
        if let Some(tenant) = rows.tenant {
            // Nothing could be added to it.
            store.bytes -= store.table.forget_idle(RowId::Tenant(tenant));
        }
    }

    /// A point for each period in which something was published, oldest first; where it was published
    /// in several units, one for each of them.
    #[must_use]
    pub(crate) fn points(&self, query: &MetricQuery<'_>) -> Vec<Point> {
        let store = self.lock();
        let mut points = store.own_points(query);
        points.extend(store.published.points(query));
        points.sort_by_key(|point| (point.start, point.unit));
        // What others publish under the name of a metric that mtl publishes is in the same metric.
        points.dedup_by(|other, one| {
            let is_same = (other.start, other.unit) == (one.start, one.unit);
            if is_same {
                one.merge(other);
            }
            is_same
        });
        points
    }

    /// The metrics that match, in a stable order, after this one and no more than `limit`.
    #[must_use]
    pub(crate) fn list(
        &self,
        filter: &MetricFilter<'_>,
        after: Option<&MetricId>,
        limit: usize,
    ) -> Vec<MetricId> {
        let store = self.lock();
        let mut own = store.table.list(filter, after).peekable();
        let mut published = store.published.list(filter, after).peekable();
        let merged = iter::from_fn(|| match (own.peek(), published.peek()) {
            (Some(one), Some(other)) if one == other => {
                published.next();
                own.next()
            }
            (Some(one), Some(other)) if one > other => published.next(),
            (None, _) => published.next(),
            _ => own.next(),
        });
        merged.take(limit).collect()
    }

    /// How many metrics and rows of tenants there are, about how many bytes they have, and how often
    /// something was published for which there was no room.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize, u64) {
        let store = self.lock();
        (store.published.len() + store.table.tenants(), store.bytes, store.refused)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // A panic in the middle of a change would leave a wrong count of bytes and nothing worse.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InvocationRows {
    /// The account's, the function's and the tenant's.
    fn ids(self) -> [Option<RowId>; 3] {
        let tenant = self.tenant.map(RowId::Tenant);
        [Some(RowId::Account), Some(RowId::Function(self.function)), tenant]
    }
}

impl Store {
    /// The points of a metric that mtl publishes itself.
    fn own_points(&self, query: &MetricQuery<'_>) -> Vec<Point> {
        let MetricId { namespace, name, dimensions } = query.metric;
        let Some(metric) = LambdaMetric::find(namespace, name) else { return Vec::new() };
        let minutes = query.minutes();
        let unit = metric.unit();
        let observed = self.table.between(metric, dimensions, minutes.start, minutes.end);
        let asked = observed.filter(|_| query.unit.is_none_or(|wanted| wanted == unit));
        asked.map_or_else(Vec::new, |observed| periods(query, unit, observed))
    }

    fn put(&mut self, datum: &Datum, now: Minute) {
        let minute = minute(datum.timestamp);
        if minute <= now - RETENTION_MINUTES {
            return;
        }
        let fits = self.has_room(now) || (self.may_grow() && self.published.has(datum, minute));
        if !fits {
            self.refused += 1;
            return;
        }
        let growth = self.published.add(datum, minute);
        self.bytes += growth.bytes;
        if let Some(metric) = growth.pointed {
            self.pointed(minute, now).metrics.push(metric);
        }
    }

    /// The rows of a function and a tenant; where there was none for the tenant there is one now.
    fn rows(&mut self, function: FunctionId, tenant_id: Option<&TenantId>) -> InvocationRows {
        let tenant = tenant_id.map(|tenant_id| {
            self.table.find_tenant(function, tenant_id).unwrap_or_else(|| {
                let (tenant, grown) = self.table.add_tenant(function, tenant_id);
                self.bytes += grown;
                tenant
            })
        });
        InvocationRows { function, tenant }
    }

    fn record(&mut self, rows: InvocationRows, observed: &Observed<'_>) {
        let Observed { minute, values, concurrency } = *observed;
        let of = |count: fn(Concurrency) -> u32| {
            let value = concurrency.map(|concurrency| f64::from(count(concurrency)));
            value.map(|value| (LambdaMetric::ConcurrentExecutions, value))
        };
        let [account, function, tenant] = rows.ids();
        let values = values.iter().filter_map(|(metric, value)| Some((*metric, (*value)?)));
        let of_all = values.clone().filter(|(metric, _)| metric.is_of_aws());
        self.add(account, minute, of_all.chain(of(|concurrency| concurrency.in_account)));
        let of_function = of(|concurrency| concurrency.of_function);
        self.add(function, minute, values.clone().chain(of_function));
        let of_tenant = of(|concurrency| concurrency.of_tenant);
        self.add(tenant, minute, values.chain(of_tenant));
    }

    fn add(
        &mut self,
        row: Option<RowId>,
        minute: Minute,
        values: impl Iterator<Item = (LambdaMetric, f64)>,
    ) {
        let Some(id) = row else { return };
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let has_point = self.table.row(id).has(minute);
        // What ends now began in this minute or before: that nothing after it is dropped is enough.
        let fits = self.has_room(minute) || (has_point && self.may_grow());
        if !fits {
            self.refused += 1;
            return;
        }
        self.bytes += self.table.row_mut(id).add(minute, values);
        if !has_point {
            self.pointed(minute, minute).rows.push(id);
        }
    }

    /// Whether a point can be added.
    fn has_room(&mut self, now: Minute) -> bool {
        if self.bytes >= self.capacity {
            self.make_room(now);
        }
        self.bytes < self.capacity
    }

    /// Whether something can be added to a point that there is. An eighth more than the capacity is for
    /// them, so that they stay true.
    fn may_grow(&self) -> bool {
        self.bytes < self.capacity + self.capacity / 8
    }

    /// Who has a point of this minute. With a minute that is new, those that are too old go.
    fn pointed(&mut self, minute: Minute, now: Minute) -> &mut Pointed {
        if !self.minutes.contains_key(&minute) {
            while self.drop_oldest(now - RETENTION_MINUTES + 1) {}
        }
        self.minutes.entry(minute).or_default()
    }

    /// Forgets the oldest minutes until an eighth is free; but never this minute's points.
    fn make_room(&mut self, now: Minute) {
        let room = self.capacity - self.capacity / 8;
        while self.bytes > room && self.drop_oldest(now) {}
    }

    /// Forgets the points of the oldest minute, and tells whether it is before this one. This costs what
    /// there is of that minute, however much else is kept.
    fn drop_oldest(&mut self, before: Minute) -> bool {
        let Some(oldest) = self.minutes.first_entry().filter(|entry| *entry.key() < before) else {
            return false;
        };
        let (minute, Pointed { metrics, rows }) = oldest.remove_entry();
        for metric in metrics {
            self.bytes -= self.published.drop_until(&metric, minute);
        }
        for row in rows {
            self.bytes -= self.table.drop_until(row, minute);
        }
        true
    }
}
