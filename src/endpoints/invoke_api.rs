//! The Invoke API over HTTP: `POST /2015-03-31/functions/{name}/invocations` and its streaming
//! sibling. Runs the invocation that a request asks for and forms the reply that AWS gives.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod context;
mod invocation_type;

mod request;

mod event_stream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use uuid::Uuid;

use crate::data_plane::ThrottleReason;
use crate::data_plane::functions::Functions;
use crate::endpoints::lambda_api::error::ApiError;
use crate::endpoints::lambda_api::headers::{EXECUTED_VERSION, REMAPPED_CONTENT_LENGTH, TRACE_ID};
use crate::endpoints::lambda_api::reply::{
    refuse_service_failure, set_environment, set_request_id,
};
use crate::lambda::function::LATEST;
use crate::lambda::invocation::{Completed, Outcome, Ran, Response, ResponseMode};
use crate::lambda::invocation_type::InvocationType;
use crate::system::http::{Reply, empty, json as json_reply, stream};
use crate::system::random::random_uuid;
use request::{InvokeRequest, LogType};

/// What runs invocations. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct InvokeApi {
    /// The functions that can be invoked.
    pub(crate) functions: Functions,
}

impl InvokeApi {
    /// Answers an `Invoke` request for the function with this name.
    pub(crate) async fn invoke(self, name: String, request: Request<Incoming>) -> Reply {
        let request_id = random_uuid();
        let reply = self.try_invoke(&name, request, request_id).await;
        finish(reply, request_id)
    }

    async fn try_invoke(
        &self,
        name: &str,
        request: Request<Incoming>,
        request_id: Uuid,
    ) -> Result<Reply, ApiError> {
        let InvokeRequest { served, invocation, invocation_type, log_type } =
            request::read(&self.functions, name, request, request_id, ResponseMode::Buffered)
                .await?;
        match invocation_type {
            InvocationType::DryRun => return Ok(empty(StatusCode::NO_CONTENT)),
            InvocationType::Event => {
                // A full queue means that the function can't keep up, which AWS answers with a throttle.
                let throttled =
                    ApiError::Throttled(ThrottleReason::ConcurrentInvocationLimitExceeded);
                served.event_queue.accept(invocation).map_err(|_| throttled)?;
                return Ok(empty(StatusCode::ACCEPTED));
            }
            InvocationType::RequestResponse => {}
        }
        let trace_id = invocation.trace_id.clone();
        let mut completed = served.data_plane.invoke(invocation).await?;
        refuse_service_failure(&completed.outcome)?;
        let log_tail = match log_type {
            LogType::Tail => Some(completed.log_tail().await),
            LogType::None => None,
        };
        let mut reply = outcome_reply(&completed, request_id, log_tail);
        reply.headers_mut().insert(&TRACE_ID, trace_id);
        Ok(reply)
    }

    /// Answers an `InvokeWithResponseStream` request for the function with this name.
    pub(crate) async fn invoke_with_response_stream(
        self,
        name: String,
        request: Request<Incoming>,
    ) -> Reply {
        let request_id = random_uuid();
        let reply = self.try_stream(&name, request, request_id).await;
        finish(reply, request_id)
    }

    async fn try_stream(
        &self,
        name: &str,
        request: Request<Incoming>,
        request_id: Uuid,
    ) -> Result<Reply, ApiError> {
        let request =
            request::read(&self.functions, name, request, request_id, ResponseMode::Streaming)
                .await?;
        if request.invocation_type == InvocationType::DryRun {
            return Ok(empty(StatusCode::NO_CONTENT));
        }
        let response = request.served.data_plane.start_invocation(request.invocation).await?;
        if let Response::Complete(completed) = &response {
            refuse_service_failure(&completed.outcome)?;
        }
        let ran = response.ran();
        let frames = event_stream::frames(response, request_id, request.log_type);
        let mut reply = stream(event_stream::CONTENT_TYPE, frames);
        set_executed(&mut reply, ran);
        Ok(reply)
    }
}

fn finish(reply: Result<Reply, ApiError>, request_id: Uuid) -> Reply {
    let mut reply = reply.unwrap_or_else(|error| error.reply());
    set_request_id(&mut reply, request_id);
    reply
}

fn outcome_reply(completed: &Completed, request_id: Uuid, log_tail: Option<Bytes>) -> Reply {
    let (payload, function_error) = match &completed.outcome {
        Outcome::Success(answer) => (answer.payload.clone(), None),
        Outcome::Failure(failure) => (failure.payload(request_id), Some("Unhandled")),
    };
    let mut reply = json_reply(StatusCode::OK, payload);
    set_executed(&mut reply, completed.ran);
    let headers = reply.headers_mut();
    headers.insert(&REMAPPED_CONTENT_LENGTH, HeaderValue::from_static("0"));
    if let Some(function_error) = function_error {
        headers.insert("X-Amz-Function-Error", HeaderValue::from_static(function_error));
    }
    let log = log_tail.map(|tail| HeaderValue::try_from(BASE64_STANDARD.encode(tail)));
    if let Some(Ok(log)) = log {
        headers.insert("X-Amz-Log-Result", log);
    }
    reply
}

/// Sets what every reply of a function that ran has: the version, and mtl's own headers.
fn set_executed(reply: &mut Reply, ran: Ran) {
    reply.headers_mut().insert(&EXECUTED_VERSION, HeaderValue::from_static(LATEST));
    set_environment(reply, ran);
}
