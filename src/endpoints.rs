//! What callers see on the wire: the Invoke API, the management calls, API Gateway, CloudWatch, the
//! plain route, and the port that leads to them. This folder must not know processes or the life
//! cycle of an environment.

pub(crate) mod lambda_api;
mod request_log;

pub(crate) mod cloudwatch_api;
pub(crate) mod invoke_api;

pub(crate) mod api_gateway;
pub(crate) mod management_api;
mod plain_api;

pub(crate) mod front_door;
