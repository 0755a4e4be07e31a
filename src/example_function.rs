//! The built-in example function: a request tracker for each tenant, in a process of mtl's own
//! binary that is an ordinary client of the Runtime API. It shows a newcomer what tenant isolation
//! does.
//!
//! It answers `{"tenantID":…,"requestCount":…,"firstRequest":…,"requests":[…]}`; keeps the text of
//! an event `{"message": …}` in that request's record; and answers an API Gateway event with a proxy
//! response.

mod runtime_client;
mod tracker;

mod handler;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;
use std::{env, iter};

use http::StatusCode;
use tokio::runtime;

use crate::example_function::handler::HandlerAnswer;
use crate::example_function::runtime_client::{ClientError, DeliveredEvent, RuntimeApiClient};
use crate::example_function::tracker::Trackers;
use crate::system::stderr;

/// The `argv[0]` that makes mtl's binary this function.
pub(crate) const PROCESS_NAME: &str = "example-function";

/// Runs the process as the function, until Lambda ends it or closes the connection.
#[must_use]
pub(crate) fn main() -> ExitCode {
    let Ok(address) = env::var("AWS_LAMBDA_RUNTIME_API") else {
        stderr::print_line("error: `AWS_LAMBDA_RUNTIME_API` is not set");
        return ExitCode::FAILURE;
    };
    let Err(error) = run(address);
    stderr::print_line(&format!("error: {}", with_causes(&error)));
    ExitCode::FAILURE
}

fn run(address: String) -> Result<Infallible, ClientError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(ClientError::Start)?.block_on(serve(address))
}

/// Answers one event after the other.
async fn serve(address: String) -> Result<Infallible, ClientError> {
    let mut client = RuntimeApiClient::connect(address).await?;
    let mut trackers = Trackers::default();
    loop {
        let invocation = client.next().await?;
        let status = match answer(&mut trackers, &invocation) {
            HandlerAnswer::Response(body) => client.respond(&invocation, body).await?,
            HandlerAnswer::Error(error) => {
                client.fail(&invocation, &error.code(), error.body()).await?
            }
        };
        if status != StatusCode::ACCEPTED {
            stderr::print_line(&format!("error: failed to answer: status `{status}`"));
        }
    }
}

fn answer(trackers: &mut Trackers, invocation: &DeliveredEvent) -> HandlerAnswer {
    // A clock before 1970 is no reason to fail.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    handler::answer(trackers, invocation.tenant_id.as_deref(), &invocation.event, now)
}

fn with_causes(error: &ClientError) -> String {
    let chain = iter::successors(Some(error as &dyn Error), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
