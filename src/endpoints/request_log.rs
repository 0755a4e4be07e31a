//! One line of `MTL_LOG` for each request at an endpoint: what was asked, for which tenant, and how it
//! ended. Never a payload, and no query: both may hold what is nobody's business.

use std::time::Instant;

use http::{HeaderMap, Method, Request, StatusCode};
use tracing::Level;

/// A request that is being answered; nothing where nobody listens.
#[derive(Debug)]
pub(crate) struct RequestLog(Option<Begun>);

#[derive(Debug)]
struct Begun {
    method: Method,
    path: String,
    tenant: Option<String>,
    at: Instant,
}

impl RequestLog {
    /// Notes what is asked.
    #[must_use]
    pub(crate) fn begin<B>(request: &Request<B>) -> Self {
        Self(tracing::enabled!(Level::DEBUG).then(|| Begun {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            tenant: tenant(request.headers()),
            at: Instant::now(),
        }))
    }

    /// Tells how it ended.
    pub(crate) fn end(self, status: StatusCode) {
        let Some(Begun { method, path, tenant, at }) = self.0 else { return };
        let (status, took) = (status.as_u16(), at.elapsed());
        tracing::debug!(%method, path, tenant, status, ?took, "request");
    }
}

/// The tenant as the Invoke API names it; elsewhere it is found later, if at all.
fn tenant(headers: &HeaderMap) -> Option<String> {
    let tenant = headers.get("X-Amz-Tenant-Id")?;
    Some(String::from_utf8_lossy(tenant.as_bytes()).into_owned())
}
