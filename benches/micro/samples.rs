//! What the benchmarks are given: a function, its tenants, their invocations, and what came of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use crate::lambda::function::{
    Architecture, Function, FunctionOwner, FunctionProgram, LogFormat, MemorySize, TenantId,
    TenantIsolationMode,
};
use crate::lambda::invocation::{Ended, Invocation, Report, ResponseFigures, ResponseMode};

/// An event such as a web shop may send.
pub(crate) const EVENT: &str =
    r#"{"order":"4f1c7a","customer":"alice@example.com","items":[{"sku":"A-17","count":2}]}"#;

/// The function.
pub(crate) fn function(log_format: LogFormat) -> Arc<Function> {
    Arc::new(Function {
        name: "orders".to_owned(),
        logical_id: None,
        owner: FunctionOwner {
            region: "eu-west-1".to_owned(),
            account_id: "123456789012".to_owned(),
        },
        program: FunctionProgram::default(),
        variables: Vec::new(),
        architecture: Architecture::HERE,
        memory: MemorySize { mb: 128, enforced: false },
        tenant_isolation_mode: TenantIsolationMode::PerTenant,
        log_format,
    })
}

/// Tenants, all different.
pub(crate) fn tenants(count: usize) -> impl Iterator<Item = TenantId> {
    (0..count).map(|number| {
        format!("customer-{number:05}").parse().expect("these characters are allowed")
    })
}

/// A warm invocation for this tenant.
pub(crate) fn invocation(tenant_id: TenantId) -> Invocation {
    Invocation {
        request_id: Uuid::new_v4(),
        tenant_id: Some(tenant_id),
        payload: Bytes::from_static(EVENT.as_bytes()),
        trace_id: HeaderValue::from_static(
            "Root=1-66f4e3a1-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0",
        ),
        headers: HeaderMap::new(),
        response_mode: ResponseMode::Buffered,
        cold: false,
    }
}

/// The figures of a warm invocation.
pub(crate) fn report() -> Report {
    let response = ResponseFigures {
        latency: Duration::from_micros(700),
        duration: Duration::from_micros(12),
        bytes: EVENT.len(),
    };
    Report {
        duration: Duration::from_micros(1_234),
        init_duration: None,
        memory_size_mb: 128,
        max_memory_used_mb: Some(34),
        response: Some(response),
    }
}

/// A warm invocation that is over.
pub(crate) fn ended() -> Ended {
    Ended { log_tail: Bytes::new(), failure: None, report: report() }
}
