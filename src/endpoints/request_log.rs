//! One line of `MTL_LOG` for each request at an endpoint: what was asked, for which tenant, and how it
//! ended. Never a payload, and no query: both may hold secrets.

use std::time::Instant;

use http::{HeaderMap, Method, Request, StatusCode};
use tracing::Level;

use crate::lambda::function::TenantId;

const FRONT_DOOR: &str = "mtl::endpoints::front_door";
const API_GATEWAY: &str = "mtl::endpoints::api_gateway";

/// The endpoint that a request came to, whose module is the target of its line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LoggedEndpoint {
    /// The port of the Lambda API, of CloudWatch and of the plain route.
    FrontDoor,
    /// The port of an API.
    ApiGateway,
}

/// A request that is being answered; empty where nobody asked for the line.
#[derive(Debug)]
pub(crate) struct RequestLog(Option<LoggedRequest>);

#[derive(Debug)]
struct LoggedRequest {
    endpoint: LoggedEndpoint,
    method: Method,
    path: String,
    tenant: Option<String>,
    begin: Instant,
}

impl RequestLog {
    /// Notes what is asked.
    #[must_use]
    pub(crate) fn begin<B>(endpoint: LoggedEndpoint, request: &Request<B>) -> Self {
        Self(endpoint.is_logged().then(|| LoggedRequest {
            endpoint,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            tenant: endpoint.tenant(request.headers()),
            begin: Instant::now(),
        }))
    }

    /// Notes the tenant, where only the endpoint knows it.
    pub(crate) fn set_tenant(&mut self, tenant: Option<&TenantId>) {
        if let Some(request) = &mut self.0 {
            request.tenant = tenant.map(TenantId::to_string);
        }
    }

    /// Writes the line, now that the reply has this status.
    pub(crate) fn end(self, status: StatusCode) {
        let Some(LoggedRequest { endpoint, method, path, tenant, begin }) = self.0 else { return };
        let (status, took) = (status.as_u16(), begin.elapsed());
        match endpoint {
            LoggedEndpoint::FrontDoor => {
                tracing::debug!(target: FRONT_DOOR, %method, path, tenant, status, ?took, "request");
            }
            LoggedEndpoint::ApiGateway => {
                tracing::debug!(target: API_GATEWAY, %method, path, tenant, status, ?took, "request");
            }
        }
    }
}

impl LoggedEndpoint {
    fn is_logged(self) -> bool {
        match self {
            Self::FrontDoor => tracing::enabled!(target: FRONT_DOOR, Level::DEBUG),
            Self::ApiGateway => tracing::enabled!(target: API_GATEWAY, Level::DEBUG),
        }
    }

    /// The tenant that the headers of a request name. An API takes it from where its mapping says.
    fn tenant(self, headers: &HeaderMap) -> Option<String> {
        let names: &[&str] = match self {
            Self::FrontDoor => &["X-Amz-Tenant-Id", "Lambda-Runtime-Aws-Tenant-Id"],
            Self::ApiGateway => &[],
        };
        let tenant = names.iter().find_map(|name| headers.get(*name))?;
        Some(String::from_utf8_lossy(tenant.as_bytes()).into_owned())
    }
}
