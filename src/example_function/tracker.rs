//! What the example function remembers: a request tracker for each tenant. It has no clock: callers
//! tell it the time.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

/// How many bytes of JSON the request records of one tenant may take: 3 MB.
///
/// The answer to a gateway is that JSON inside a JSON string, where each character may take two
/// bytes. It must stay below the 6 MB that Lambda takes from a function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const RECORD_BYTES: usize = 3 * 1024 * 1024;

/// The trackers of all tenants this process has served.
///
/// In tenant isolation mode there is never more than one. The function keeps them apart all the
/// same, so that an environment that served two tenants would not mix them up silently.
#[derive(Debug, Default)]
pub(crate) struct Trackers {
    tenants: HashMap<String, Tracker>,
}

/// The requests of one tenant, in the form that is answered.
///
/// The oldest records are dropped when all of them would take more than 3 MB of JSON, which is some
/// 40,000 requests. The count and the time of the first request remain.
#[derive(Debug, Serialize)]
pub(crate) struct Tracker {
    #[serde(rename = "tenantID")]
    tenant_id: String,
    #[serde(rename = "requestCount")]
    request_count: u64,
    #[serde(rename = "firstRequest")]
    first_request: String,
    requests: VecDeque<Record>,
    #[serde(skip)]
    record_bytes: usize,
}

#[derive(Debug, Serialize)]
struct Record {
    #[serde(rename = "requestNumber")]
    request_number: u64,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl Trackers {
    /// Counts a request of `tenant_id` made at `now`, a time since the Unix epoch, and returns the
    /// tenant's tracker with it.
    pub(crate) fn record(
        &mut self,
        tenant_id: &str,
        message: Option<String>,
        now: Duration,
    ) -> &Tracker {
        let timestamp = timestamp(now);
        let tracker = self
            .tenants
            .entry(tenant_id.to_owned())
            .or_insert_with(|| Tracker::new(tenant_id, timestamp.clone()));
        tracker.add(message, timestamp);
        tracker
    }
}

impl Tracker {
    fn new(tenant_id: &str, first_request: String) -> Self {
        Self {
            tenant_id: tenant_id.to_owned(),
            request_count: 0,
            first_request,
            requests: VecDeque::new(),
            record_bytes: 0,
        }
    }

    /// How many requests the tenant has made.
    #[must_use]
    pub(crate) fn request_count(&self) -> u64 {
        self.request_count
    }

    fn add(&mut self, message: Option<String>, timestamp: String) {
        self.request_count += 1;
        let record = Record { request_number: self.request_count, timestamp, message };
        self.record_bytes += record.bytes();
        self.requests.push_back(record);
        // The newest record stays even if it is too large by itself: the answer to that request is
        // then refused, as it would be on AWS, and the next request drops it.
        while self.record_bytes > RECORD_BYTES && self.requests.len() > 1 {
            self.record_bytes -= self.requests.pop_front().map_or(0, |oldest| oldest.bytes());
        }
    }
}

impl Record {
    /// The size of its JSON and of the comma after it.
    fn bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(0, |json| json.len() + 1)
    }
}

/// Seconds since the Unix epoch with six decimals, as text.
fn timestamp(now: Duration) -> String {
    format!("{}.{:06}", now.as_secs(), now.subsec_micros())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RECORD_BYTES, Tracker, Trackers};

    const NOON: Duration = Duration::from_micros(1_705_320_000_123_456);

    fn json(tracker: &Tracker) -> String {
        serde_json::to_string(tracker).unwrap()
    }

    #[test]
    fn the_first_answer_is_the_documented_one() {
        assert_eq!(
            json(Trackers::default().record("alice", None, NOON)),
            r#"{"tenantID":"alice","requestCount":1,"firstRequest":"1705320000.123456","requests":[{"requestNumber":1,"timestamp":"1705320000.123456"}]}"#
        );
    }

    #[test]
    fn a_message_is_the_last_member_of_its_own_record() {
        let mut trackers = Trackers::default();
        trackers.record("alice", Some("hello".to_owned()), NOON);
        let later = NOON + Duration::from_micros(75_665_600);
        assert_eq!(
            json(trackers.record("alice", None, later)),
            r#"{"tenantID":"alice","requestCount":2,"firstRequest":"1705320000.123456","requests":[{"requestNumber":1,"timestamp":"1705320000.123456","message":"hello"},{"requestNumber":2,"timestamp":"1705320075.789056"}]}"#
        );
    }

    #[test]
    fn each_tenant_has_a_tracker_of_its_own() {
        let mut trackers = Trackers::default();
        trackers.record("alice", None, NOON);
        trackers.record("alice", None, NOON);
        assert_eq!(trackers.record("bob", None, NOON).request_count(), 1);
        assert_eq!(trackers.record("Alice", None, NOON).request_count(), 1);
        assert_eq!(trackers.record("alice", None, NOON).request_count(), 3);
    }

    #[test]
    fn the_decimals_of_a_timestamp_are_always_six() {
        let mut trackers = Trackers::default();
        let tracker = trackers.record("alice", None, Duration::from_micros(5_000_042));
        assert_eq!(tracker.first_request, "5.000042");
    }

    #[test]
    fn the_oldest_records_make_room_and_the_count_goes_on() {
        let mut trackers = Trackers::default();
        let half = "x".repeat(RECORD_BYTES / 2);
        trackers.record("alice", Some(half.clone()), NOON);
        let tracker = trackers.record("alice", Some(half), NOON + Duration::from_secs(1));
        assert_eq!(tracker.requests.len(), 1);
        assert_eq!(tracker.requests[0].request_number, 2);
        assert_eq!(tracker.request_count(), 2);
        assert_eq!(tracker.first_request, "1705320000.123456");
        assert!(json(tracker).len() < RECORD_BYTES);
    }

    #[test]
    fn a_record_that_is_too_large_is_dropped_with_the_next_request() {
        let mut trackers = Trackers::default();
        let huge = "x".repeat(RECORD_BYTES + 1);
        assert_eq!(trackers.record("alice", Some(huge), NOON).requests.len(), 1);
        let tracker = trackers.record("alice", None, NOON);
        assert_eq!(tracker.requests.len(), 1);
        assert_eq!(tracker.requests[0].request_number, 2);
    }
}
