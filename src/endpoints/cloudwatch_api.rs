//! CloudWatch's API over HTTP: which operation a request asks for, and its answer or refusal in the
//! protocol that the request is in.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html>

mod document;
mod error;

mod expression;

mod input;
mod label;

mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_data;

pub(crate) mod wire;

use std::io::Read as _;

use ::http::Request;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use hyper::body::Incoming;

use crate::system::http::{self, Reply, RequestBody};
use crate::system::random::random_uuid;
use crate::telemetry::metric_store::MetricStore;
use document::AnswerDocument;
use error::{CloudWatchError, CloudWatchErrorKind};
use wire::call::CloudWatchCall;
use wire::{Protocol, is_gzip};

/// The largest body of a request, in bytes, also when it is uncompressed.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>
const BODY_BYTES: usize = 1024 * 1024;

/// What answers the calls. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct CloudWatchApi {
    store: MetricStore,
}

impl CloudWatchApi {
    /// CloudWatch with these metrics.
    #[must_use]
    pub(crate) fn new(store: MetricStore) -> Self {
        Self { store }
    }

    /// Answers a request. `None` when it is not for CloudWatch after all: a form without an `Action`.
    pub(crate) async fn answer(
        &self,
        protocol: Protocol,
        request: Request<Incoming>,
    ) -> Option<Reply> {
        let request_id = random_uuid();
        let call = match read(request).await.and_then(|body| protocol.read(&body)) {
            Ok(call) => call?,
            Err(refusal) => return Some(protocol.refuse(&refusal, request_id)),
        };
        let operation = call.operation.clone();
        Some(match self.run(call) {
            Ok(answer) => protocol.reply(&operation, &answer, request_id),
            Err(refusal) => protocol.refuse(&refusal, request_id),
        })
    }

    fn run(
        &self,
        CloudWatchCall { operation, input }: CloudWatchCall,
    ) -> Result<AnswerDocument, CloudWatchError> {
        match &*operation {
            "GetMetricData" => get_metric_data::run(&self.store, input),
            "GetMetricStatistics" => get_metric_statistics::run(&self.store, input),
            "ListMetrics" => list_metrics::run(&self.store, input),
            "PutMetricData" => put_metric_data::run(&self.store, input),
            other => Err(CloudWatchError::new(
                CloudWatchErrorKind::UnknownOperation,
                format!(
                    "mtl does not emulate {other}. Of CloudWatch it emulates GetMetricData, \
                     GetMetricStatistics, ListMetrics and PutMetricData."
                ),
            )),
        }
    }
}

async fn read(request: Request<Incoming>) -> Result<Bytes, CloudWatchError> {
    let is_gzip = is_gzip(request.headers());
    let too_large = || {
        let message = format!("HTTP content length exceeded {BODY_BYTES} bytes.");
        CloudWatchError::new(CloudWatchErrorKind::TooLarge, message)
    };
    let body = match http::read(request.into_body(), BODY_BYTES, http::DISCARDED_BYTES).await {
        RequestBody::Complete(body) => body,
        RequestBody::TooLarge(_) => return Err(too_large()),
        RequestBody::Truncated => {
            return Err(CloudWatchError::new(
                CloudWatchErrorKind::Serialization,
                "The body ended too early.",
            ));
        }
    };
    if !is_gzip {
        return Ok(body);
    }
    let mut plain = Vec::new();
    // One byte more than is allowed is read, to notice that there are too many.
    let read = MultiGzDecoder::new(&*body).take(BODY_BYTES as u64 + 1).read_to_end(&mut plain);
    match read {
        Ok(_) if plain.len() > BODY_BYTES => Err(too_large()),
        Ok(_) => Ok(plain.into()),
        Err(error) => {
            let message = format!("The body is no valid gzip: {error}.");
            Err(CloudWatchError::new(CloudWatchErrorKind::Serialization, message))
        }
    }
}
