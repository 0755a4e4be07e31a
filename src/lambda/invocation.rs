//! One invocation and everything that can come of it: the request, the answer or the failure, and the
//! figures of its REPORT line.

pub(crate) mod failure;

mod request;

mod report;

mod outcome;

pub(crate) use outcome::{Answer, Completed, Ended, Outcome, Ran, Response};
pub(crate) use report::{Report, ResponseFigures};
pub(crate) use request::{InvalidInvocation, Invocation, InvocationRequest, ResponseMode};
