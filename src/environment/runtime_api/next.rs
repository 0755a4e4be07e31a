//! `/next`: the poll that waits, and its answer, which tells the runtime about an invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::lambda::function::Function;
use crate::lambda::invocation::{Invocation, ResponseMode};
use crate::lambda::quotas;
use crate::system::http::Connection;

/// The header by which a client may prove which invocation an answer is for. Clients that know it
/// return it; most don't.
pub(crate) static INVOCATION_ID: HeaderName =
    HeaderName::from_static("lambda-runtime-invocation-id");

/// How many headers mtl sets.
const HEADERS: usize = 7;

static REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
static DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
static FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
static TENANT_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-tenant-id");
static TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");

/// The answer to `/next`: headers and event, as the runtime gets them.
#[derive(Debug)]
pub(crate) struct Next {
    /// All headers, `Content-Type` among them: Python's client crashes without.
    pub(crate) headers: HeaderMap,
    /// The event.
    pub(crate) payload: Bytes,
    /// How the caller takes the answer.
    pub(crate) response_mode: ResponseMode,
}

/// A `/next` that waits for its answer.
#[derive(Debug)]
pub(crate) struct Poll {
    answer: oneshot::Sender<Option<Next>>,
    /// What it came on.
    pub(crate) connection: Connection,
}

impl Poll {
    /// A poll on this connection, and where its answer comes: `None` is a refusal. Without an answer
    /// another poll has taken its place.
    #[must_use]
    pub(crate) fn new(connection: Connection) -> (Self, oneshot::Receiver<Option<Next>>) {
        let (answer, answered) = oneshot::channel();
        (Self { answer, connection }, answered)
    }

    /// Gives the runtime an event.
    pub(crate) fn deliver(self, next: Next) {
        // When the runtime has hung up, it polls again or its process ends.
        let _ = self.answer.send(Some(next));
    }

    /// Tells the runtime that there is nothing for it here any more.
    pub(crate) fn refuse(self) {
        let _ = self.answer.send(None);
    }

    /// Whether the runtime has hung up.
    #[must_use]
    pub(crate) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Waits until the runtime hangs up.
    pub(crate) async fn hung_up(&mut self) {
        self.answer.closed().await;
    }
}

/// The answer to `/next` for an invocation that has this long left to run; `None` is no limit.
///
/// Every header has one value. What mtl sets comes last, so that nothing a caller sends can stand
/// in for the request id, the deadline or the ARN.
#[must_use]
pub(crate) fn next(
    function: &Function,
    invocation: &Invocation,
    remaining: Option<Duration>,
) -> Next {
    let mut headers = HeaderMap::with_capacity(invocation.headers.len() + HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.extend(invocation.headers.clone());
    let mut set = |name: &HeaderName, value: &str| {
        // Ids, numbers and names that were checked: all are valid header values.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let mut id = Uuid::encode_buffer();
    let id = &*invocation.request_id.hyphenated().encode_lower(&mut id);
    set(&REQUEST_ID, id);
    set(&INVOCATION_ID, id);
    set(&DEADLINE_MS, &deadline(remaining).to_string());
    set(&FUNCTION_ARN, &function.arn());
    if let Some(tenant_id) = &invocation.tenant_id {
        set(&TENANT_ID, tenant_id.as_str());
    }
    headers.insert(&TRACE_ID, invocation.trace_id.clone());
    let response_mode = invocation.response_mode;
    Next { headers, payload: invocation.payload.clone(), response_mode }
}

/// Whether the header names the invocation with this request id. An empty one names none, and is
/// taken for one that was not sent.
#[must_use]
pub(crate) fn is_invocation_id(echo: &HeaderValue, request_id: Uuid) -> bool {
    echo.is_empty() || echo.as_bytes() == request_id.to_string().as_bytes()
}

/// Milliseconds since the epoch. A function without a time limit is told the longest there is:
/// clients refuse an event without a deadline.
fn deadline(remaining: Option<Duration>) -> u128 {
    let end = SystemTime::now() + remaining.unwrap_or(quotas::MAXIMUM_TIMEOUT);
    end.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
